/** The rules module in a namespace, and what can be seen of its work from outside. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { compileInto } from '../../bench/compiled.ts';
import type { Host } from '../../bench/lab/lab.ts';
import { ended } from '../../bench/lab/process.ts';
import { findAddon } from '../../src/io/nfqueue/addon.ts';
import type { RulesRequest } from '../../src/io/rules/index.ts';

/** Translated files (see emulated/nft.test.ts) run without tsx. */
const IS_SOURCE = import.meta.url.endsWith('.ts');
let driverCommand: readonly string[] = [
  process.execPath,
  ...(IS_SOURCE ? ['--import', 'tsx'] : []),
  fileURLToPath(new URL(`./rules-driver${IS_SOURCE ? '.ts' : '.js'}`, import.meta.url)),
];

/** From now on drivers start compiled, into that folder: tsx would take most of their time. */
export async function compileDrivers(folder: string): Promise<void> {
  await compileInto(folder, [fileURLToPath(new URL('./rules-driver.ts', import.meta.url))]);
  const script = join(folder, 'test/netns/rules-driver.js');
  driverCommand = ['env', `SHAPER_ADDON=${findAddon() ?? ''}`, process.execPath, script];
}

export const MASK = 0xff000000;
/** Far longer than anything takes on a busy machine. */
const PATIENCE_MS = 30_000;

interface Answer {
  readonly result?: unknown;
  readonly error?: { code: string; message: string; hint: string };
}

/** Drivers without work, where they are kept. */
const idle = new Map<string, Driver>();
let keepsDrivers = false;

/** From now on a scenario gets the driver of the one before: starting one takes seconds when emulated. */
export function keepDrivers(): void {
  keepsDrivers = true;
}

/** Ends what was kept. */
export async function endDrivers(): Promise<void> {
  keepsDrivers = false;
  for (const driver of idle.values()) await driver.end();
  idle.clear();
}

/** Forgets what was kept, as its lab has gone. */
export function dropDrivers(): void {
  idle.clear();
}

export class Driver {
  readonly child: ChildProcess;
  readonly events: { event: string; message: string }[] = [];
  private readonly host: Host;
  private readonly answers: { resolve(answer: Answer): void; reject(error: Error): void }[] = [];

  static in(host: Host): Driver {
    const kept = idle.get(host.ns);
    idle.delete(host.ns);
    return kept ?? new Driver(host);
  }

  constructor(host: Host, wrapper: readonly string[] = [], program = driverCommand) {
    this.host = host;
    this.child = host.spawn([...wrapper, ...program]);
    this.child.stderr?.pipe(process.stderr);
    this.child.once('exit', () => {
      for (const { reject } of this.answers.splice(0)) reject(new Error('the driver ended'));
    });
    createInterface({ input: this.child.stdout! }).on('line', (line) => {
      const parsed = JSON.parse(line) as Answer & { event: string; message: string };
      if (parsed.event) this.events.push(parsed);
      else this.answers.shift()?.resolve(parsed);
    });
  }

  ask(call: string, ...args: unknown[]): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.answers.push({ resolve, reject });
      this.child.stdin?.write(`${JSON.stringify({ call, args })}\n`);
    });
  }

  async call(call: string, ...args: unknown[]): Promise<unknown> {
    const answer = await this.ask(call, ...args);
    assert.equal(answer.error, undefined);
    return answer.result;
  }

  async end(): Promise<void> {
    if (keepsDrivers && !idle.has(this.host.ns)) {
      this.events.length = 0;
      idle.set(this.host.ns, this);
      return;
    }
    this.child.stdin?.end();
    assert.ok(await ended(this.child, PATIENCE_MS), 'the driver ends when nothing is left to do');
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await ended(this.child, PATIENCE_MS);
  }
}

export type Plan = RulesRequest['plan']['directions'];

/** What the verdict's marks name from 1 on: AF42 and the default. */
export const DSCPS = [36, 0] as const;

export function request(directions: Plan, nfqueue: Partial<RulesRequest['nfqueue']> = {}): RulesRequest {
  const defaults = { first: 100, count: 4, length: 1024, bypass: true, markMask: MASK } as const;
  return {
    plan: {
      ...{ directions, gso: [false, false, false, false], copyBytes: [128, 128, 128, 128] },
      ...{ ecn: true, dscps: DSCPS, moduleNfqueue: null, unreadNfqueue: 65535, sharesChains: false },
    },
    isTracked: false,
    nfqueue: { ...defaults, gso: false, backend: 'auto', ...nfqueue },
  };
}

export const WAN: Plan = [
  { device: 'wan0', direction: 'up', nfqueue: 0, fastNfqueue: null },
  { device: 'wan0', direction: 'down', nfqueue: 1, fastNfqueue: null },
];

/** Whether one of two pings is answered. */
export async function passes(from: Host, to: string): Promise<boolean> {
  return isAnswered(from, to, 10);
}

/** The same where no answer is expected, so that half a second shows it. */
export async function isLost(from: Host, to: string): Promise<boolean> {
  return !(await isAnswered(from, to, 0.5));
}

async function isAnswered(from: Host, to: string, waitSeconds: number): Promise<boolean> {
  const ping = ['ping', '-c', '2', '-i', '0.05', '-W', `${waitSeconds}`, to];
  return (await from.exec(ping, { check: false })).code === 0;
}

/** Everything in force but counters, handles and the empty built-in chains that iptables-nft leaves. */
export async function ruleset(host: Host): Promise<string> {
  const parts: string[] = [];
  for (const tool of ['iptables-nft-save', 'ip6tables-nft-save']) {
    parts.push((await host.exec([tool])).stdout.replace(/^#.*\n/gm, ''));
  }
  const text = (await host.exec(['nft', 'list', 'ruleset'])).stdout
    .replace(/packets \d+ bytes \d+/g, '')
    .replace(
      /\tchain \w+ \{\n\t\ttype filter hook \w+ priority (?:150|mangle); policy accept;\n\t\}\n\n?/g,
      '',
    )
    .replace(/^\s*\n/gm, '')
    .replace(/^table ip6? (?:security|mangle) \{\n\}\n/gm, '');
  return [text, ...parts.map((part) => part.replace(/\*(?:security|mangle)\n(?::.*\n)*COMMIT\n/g, ''))]
    .join('\n')
    .replace(/\[\d+:\d+\]/g, '');
}

export async function hasTable(host: Host, first = 100): Promise<boolean> {
  return (await host.exec(['nft', 'list', 'tables'])).stdout.includes(`table inet shaper_${first}\n`);
}

/** Our iptables rules with their packet counts, both families. */
export async function queueRules(host: Host): Promise<{ rule: string; packets: number }[]> {
  const rules: { rule: string; packets: number }[] = [];
  for (const tool of ['iptables-nft-save', 'ip6tables-nft-save']) {
    const { stdout } = await host.exec([tool, '-c']);
    for (const [, packets, rule] of stdout.matchAll(/^\[(\d+):\d+\] (.*shaper:.*)$/gm)) {
      rules.push({ rule: rule!, packets: Number(packets) });
    }
  }
  return rules;
}

/**
 * A foreign table with the rules given for each hook and priority (`postrouting 0`), which may name counters:
 * `counter name NAME`. Once in a host.
 */
export async function addCounters(host: Host, hooks: Record<string, readonly string[]>): Promise<void> {
  const chains = Object.entries(hooks).map(([hook, rules]) => {
    const [name, priority] = hook.split(' ');
    const lines = [`type filter hook ${name} priority ${priority}; policy accept;`, ...rules];
    return `chain ${name}_${rules.length} {\n${lines.join('\n')}\n}`;
  });
  const names = new Set(
    Object.values(hooks)
      .flat()
      .flatMap((rule) => /counter name (\w+)/.exec(rule)?.[1] ?? []),
  );
  const declared = [...names].map((name) => `counter ${name} { }`);
  const table = ['table inet foreign {', ...declared, ...chains, '}', ''].join('\n');
  await host.exec(['nft', '-f', '-'], { input: table });
}

/** Packets by name of the named counters of all tables. */
export async function counters(host: Host): Promise<Record<string, number>> {
  const { stdout } = await host.exec(['nft', '-j', 'list', 'counters']);
  const objects = (
    JSON.parse(stdout) as { nftables: { counter?: { name: string; packets: number } }[] }
  ).nftables.flatMap((object) => object.counter ?? []);
  return Object.fromEntries(objects.map(({ name, packets }) => [name, packets]));
}

/**
 * Reads one request per line, {from, addresses, ports}: sends a datagram to each port of each address and
 * then prints an empty line. Ordinary sockets, as a raw one would not be routed again when a rule changes its
 * mark.
 */
const SENDER = `
  const { createSocket } = require('node:dgram');
  const send = (from, address, ports) => new Promise((sent) => {
    const type = address.includes(':') ? 'udp6' : 'udp4';
    const socket = createSocket({ type, ipv6Only: type === 'udp6' });
    const sendNext = () => {
      const port = ports.shift();
      if (port === undefined) socket.close(sent);
      else socket.send('x', port, address, sendNext);
    };
    socket.bind(from, () => {
      socket.setBroadcast(true);
      sendNext();
    });
  });
  (async () => {
    for await (const line of require('node:readline').createInterface({ input: process.stdin })) {
      const { from, addresses, ports } = JSON.parse(line);
      await Promise.all(addresses.map((address) => send(from, address, [...ports])));
      console.log();
    }
  })();`;

/**
 * By host: its sender, which lives as long as the lab, as starting one takes seconds in an emulated machine.
 */
const senders = new WeakMap<Host, ChildProcess>();

/** One UDP datagram from a chosen source port to each port of each address. */
export async function sendUdp(
  from: Host,
  to: string | readonly string[],
  ports: { readonly from: number; readonly to: number | readonly number[] },
): Promise<void> {
  const sender = senders.get(from) ?? from.spawn([process.execPath, '-e', SENDER]);
  senders.set(from, sender);
  const sent = new Promise<void>((resolve, reject) => {
    const onExit = (): void => reject(new Error('the sender ended'));
    sender.once('exit', onExit);
    sender.stdout!.once('data', () => {
      sender.off('exit', onExit);
      resolve();
    });
  });
  const line = JSON.stringify({ from: ports.from, addresses: [to].flat(), ports: [ports.to].flat() });
  sender.stdin!.write(`${line}\n`);
  await sent;
}

/** pids of the nft children in the namespace. */
export async function nftChildren(host: Host): Promise<number[]> {
  const pids = (await host.exec(['ip', 'netns', 'pids', host.ns])).stdout.split('\n').filter(Boolean);
  const { stdout } = await host.exec(['ps', '-o', 'pid=,comm=', '-p', pids.join(',') || '1'], {
    check: false,
  });
  return [...stdout.matchAll(/^\s*(\d+) nft$/gm)].map((match) => Number(match[1]));
}
