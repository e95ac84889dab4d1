/**
 * Follows the devices of links into bridges and out of them. What a device is a port of decides where rules
 * meet its packets, so rules follow.
 */
import { equal } from '../base/equal.ts';
import { EXIT_IMPOSSIBLE, OperatingError } from '../base/errors.ts';
import type { Backend } from '../io/rules/index.ts';
import { type BridgeCalls, type PortAdvice, portGaps, portObstacles } from '../spec/bridge-ports.ts';
import { ChangeRefusedError } from '../spec/edit.ts';
import { type BridgePorts, NO_PORTS } from '../spec/queue-plan.ts';
import type { LinkSpec } from '../spec/spec.ts';

/** br_netfilter is switched on and off without a word to anybody. */
const LOOK_MS = 5000;

export interface PortWatchOptions {
  readonly backend: Backend;
  readonly findPorts: (devices: readonly string[]) => Promise<BridgePorts>;
  readonly readCalls: () => BridgeCalls | null;
  /** The kernel takes edited packets in the hooks of bridges. */
  readonly takesEdits: boolean;
  /** The complaint of the kernel about rules in the hooks of bridges, or null. */
  readonly refusalOfHooks: (isLive: boolean) => Promise<string | null>;
  /** The device has joined this bridge, or is in none any more. */
  readonly onMoved: (device: string, bridge: string | null) => void;
  readonly warn: (message: string) => void;
}

/** The instance, once its rules are in force. */
export interface PortFollower {
  /** The links of now. */
  readonly links: () => readonly LinkSpec[];
  /** Has the rules follow. Rejects if they cannot. */
  readonly follow: (ports: BridgePorts) => Promise<void>;
}

interface Found {
  /** Ports that rules can meet, with their bridges. */
  readonly ports: BridgePorts;
  readonly obstacles: readonly PortAdvice[];
}

export class PortWatch {
  private readonly options: PortWatchOptions;
  private readonly timer: NodeJS.Timeout;
  private follower: PortFollower | null = null;
  private isAsked = false;
  private isLooking = false;
  /** Every port among the devices of the links, with its bridge. */
  private all: BridgePorts = NO_PORTS;
  private obstacles: readonly PortAdvice[] = [];
  private readonly told = new Set<string>();
  private hooksRefusal: Promise<string | null> | null = null;

  constructor(options: PortWatchOptions) {
    this.options = options;
    this.timer = setInterval(() => {
      if (this.all.size > 0) this.look();
    }, LOOK_MS);
    this.timer.unref();
  }

  close(): void {
    clearInterval(this.timer);
    this.follower = null;
  }

  /** Looks now and follows from now on. */
  begin(follower: PortFollower): void {
    this.follower = follower;
    this.look();
  }

  /** Ports that pass by unshaped now, as sentences. */
  get warnings(): string[] {
    return this.obstacles.map(sentence);
  }

  /**
   * The ports among the devices of links that are to be in force. Of those that are `added`, each must be
   * within reach of rules. Throws OperatingError.
   */
  async find(links: readonly LinkSpec[], added: readonly LinkSpec[]): Promise<BridgePorts> {
    const all = await this.findAll(links);
    const { ports, obstacles } = await this.judge(all, links);
    const isAdded = (name: string): boolean => added.some(({ device }) => device === name);
    // A bridge that becomes a device may be in the way of its ports.
    const refused = obstacles.filter(({ device }) => isAdded(device) || isAdded(all.get(device) ?? ''));
    if (refused.length === 0) {
      this.all = all;
      return ports;
    }
    const names = links.filter(({ device }) => refused.some((one) => one.device === device));
    throw new OperatingError(
      EXIT_IMPOSSIBLE,
      `link ${names.map(({ name }) => name).join(', ')} would shape nothing: ` +
        [...new Set(refused.map(({ message }) => message))].join('; '),
      [...new Set(refused.map(({ hint }) => hint))].join('; '),
    );
  }

  /** Looks soon, and has the rules follow. Looks that are asked for meanwhile become one. */
  look(): void {
    if (this.follower === null) return;
    this.isAsked = true;
    if (!this.isLooking) void this.lookWhileAsked();
  }

  /** Rejects only with faults of the program, which end the instance. */
  private async lookWhileAsked(): Promise<void> {
    this.isLooking = true;
    try {
      while (this.isAsked) {
        // Whoever asks at the same time is answered by the same look.
        await Promise.resolve();
        this.isAsked = false;
        await this.lookNow();
      }
    } finally {
      this.isLooking = false;
    }
  }

  private async lookNow(): Promise<void> {
    const { options, follower, all: before } = this;
    if (follower === null) return;
    const links = follower.links();
    const all = await this.findAll(links);
    const { ports, obstacles } = await this.judge(all, links);
    this.all = all;
    for (const { device } of links) {
      const bridge = all.get(device) ?? null;
      if (bridge !== (before.get(device) ?? null)) options.onMoved(device, bridge);
    }
    const failed = await follower.follow(ports).then(
      () => [],
      (error: unknown) => failureOf(error, ports),
    );
    const now = [...obstacles, ...failed];
    if (!equal(now, this.obstacles)) for (const one of now) options.warn(sentence(one));
    this.obstacles = now;
    if (failed.length === 0) this.tellGaps(ports, links);
  }

  /** Tells once what passes by. */
  private tellGaps(ports: BridgePorts, links: readonly LinkSpec[]): void {
    const { backend, readCalls, takesEdits, warn } = this.options;
    for (const [device, bridge] of ports) {
      for (const gap of portGaps(device, bridge, links, backend, readCalls(), takesEdits)) {
        if (this.told.has(gap)) continue;
        this.told.add(gap);
        warn(gap);
      }
    }
  }

  private findAll(links: readonly LinkSpec[]): Promise<BridgePorts> {
    return this.options.findPorts([...new Set(links.map(({ device }) => device))]);
  }

  private async judge(all: BridgePorts, links: readonly LinkSpec[]): Promise<Found> {
    const { backend, readCalls } = this.options;
    const obstacles = [
      ...portObstacles(all, links, backend, readCalls()),
      ...(all.size > 0 && backend === 'nft' ? await this.hookObstacles(all) : []),
    ];
    const out = new Set(obstacles.map(({ device }) => device));
    return { ports: new Map([...all].filter(([device]) => !out.has(device))), obstacles };
  }

  private async hookObstacles(ports: BridgePorts): Promise<PortAdvice[]> {
    this.hooksRefusal ??= this.options.refusalOfHooks(this.follower !== null);
    const refusal = await this.hooksRefusal;
    if (refusal === null) return [];
    return [...ports].map(([device, bridge]) => ({
      device,
      message: `${device} is a port of the bridge ${bridge}: no queueing rules in bridges here (${refusal})`,
      hint: 'use a kernel with CONFIG_NF_TABLES_BRIDGE, or nfqueue.backend: iptables with br_netfilter',
    }));
  }
}

function sentence({ message, hint }: PortAdvice): string {
  return `packets pass by unshaped: ${message}; ${hint}`;
}

function failureOf(error: unknown, ports: BridgePorts): PortAdvice[] {
  if (!(error instanceof OperatingError || error instanceof ChangeRefusedError)) throw error;
  const { message, hint } = error;
  return [...ports].map(([device, bridge]) => ({
    device,
    message: `${device} is a port of the bridge ${bridge}, and rules could not follow: ${message}`,
    hint: hint === '' ? 'the next look tries again' : hint,
  }));
}
