/** A world with modules: an engine, the strict port, and modules written in the test. */
import { Engine } from '../../src/core/engine.ts';
import type { ModuleGuard } from '../../src/core/modules/guard.ts';
import type { RunnableModule } from '../../src/core/modules/runnable.ts';
import type { CoreItm } from '../../src/core/modules/stage.ts';
import { TOTAL } from '../../src/core/packets/stats.ts';
import { ACCEPT, type ModuleInstance, STOLEN, type Verdict } from '../../src/modules/api/module.ts';
import type { Handle, Hook, Packet } from '../../src/modules/api/packet.ts';
import { NF_ACCEPT, NF_INET_POST_ROUTING } from '../../src/packet/batch.ts';
import type { SocketOwners } from '../../src/packet/sockets.ts';
import type { ShaperSpec } from '../../src/spec/spec.ts';
import { runUntil } from '../port/driver.ts';
import type { SimArrival } from '../port/sim-port.ts';
import { shaper, udp, WatchedPort } from './world.ts';

/** Of the NFQUEUE of modules: one for classes stands before it. */
export const MODULES = 1;
export const WAN = 1;
const WHOLE_BYTES = 2048;

export const PLAIN = shaper({ wan: { up: { rate: 1e9, burst: 1e6 } } });

export interface ModuleInput {
  readonly hooks?: readonly Hook[];
  readonly payload?: boolean;
  readonly interest?: RunnableModule['interest'];
  readonly budgetNs?: number;
  readonly create: (itm: CoreItm) => ModuleInstance;
}

export interface ModulesWorldOptions {
  /** Default: code of modules is called. */
  readonly guard?: ModuleGuard;
  readonly sockets?: SocketOwners;
  /** Default: dev and the index. */
  readonly nameOf?: (ifIndex: number) => string;
}

export class ModulesWorld {
  readonly port = new WatchedPort([128, WHOLE_BYTES]);
  readonly engine: Engine;
  readonly ejected: [name: string, reason: string][] = [];
  list: readonly RunnableModule[] = [];

  constructor(
    modules: Readonly<Record<string, ModuleInput>>,
    spec: ShaperSpec = PLAIN,
    { guard, sockets, nameOf = (ifIndex) => `dev${ifIndex}` }: ModulesWorldOptions = {},
  ) {
    const specs = Object.keys(modules).map((name) => runnable(name, modules[name]!, {}));
    this.engine = new Engine(
      { ...spec, modules: specs },
      {
        ...{ seed: 1, releaseSlackNs: 0, nameOf },
        ...(guard && { guard }),
        ...(sockets && { sockets }),
      },
    );
    for (const device of this.engine.intake.devices) this.engine.intake.setDeviceIndex(device, WAN);
    this.engine.modules.onEjected = (name, reason) => this.ejected.push([name, reason]);
    this.engine.connect(this.port, () => this.port.nowNs);
    this.use(modules);
    this.port.afterBatch = () => this.checkBooks();
  }

  /** Modules by name: those that are on already stay if their input is the same. */
  use(modules: Readonly<Record<string, ModuleInput>>, nowNs = 0): void {
    this.list = Object.entries(modules).map(
      ([name, input]) => this.list.find((one) => this.inputs.get(one) === input) ?? this.create(name, input),
    );
    this.engine.modules.use(this.list, nowNs);
  }

  private readonly inputs = new Map<RunnableModule, ModuleInput>();

  private create(name: string, input: ModuleInput): RunnableModule {
    const itm = this.engine.modules.itmFor(name);
    const made = runnable(name, input, input.create(itm));
    this.inputs.set(made, input);
    return made;
  }

  run(arrivals: readonly SimArrival[], untilNs: number): void {
    this.port.inject(arrivals);
    runUntil(this.engine, this.port, untilNs);
  }

  /** Ids of packets in the order of their verdicts, with the instant; `-` before those that were dropped. */
  verdicts(): string[] {
    return this.port.trace.map(
      ({ packetId, verdict, timeNs }) => `${verdict === NF_ACCEPT ? '' : '-'}${packetId}@${timeNs / 1e6}`,
    );
  }

  counters(name: string) {
    return this.engine.modules.counters().find((one) => one.name === name)!;
  }

  total(name: keyof typeof TOTAL): number {
    return this.engine.stats.totals[TOTAL[name]]!;
  }

  /** Received = accepted + dropped + held + lost, in packets and bytes, after every batch. */
  checkBooks(): void {
    for (const unit of ['Packets', 'Bytes'] as const) {
      const parts = (['accepted', 'dropped', 'held', 'lost'] as const).map((name) =>
        this.total(`${name}${unit}`),
      );
      const sum = parts.reduce((a, b) => a + b, 0);
      if (sum !== this.total(`received${unit}`) || parts.some((part) => part < 0))
        throw new Error(`${unit}: received ${this.total(`received${unit}`)}, but ${parts.join(' + ')}`);
    }
  }
}

function runnable(name: string, input: ModuleInput, instance: ModuleInstance): RunnableModule {
  const { hooks = ['postrouting'], payload = false, interest = null, budgetNs = 20_000 } = input;
  return { name, run: 'user', priority: 100, hooks, interest, payload, kernelRules: {}, budgetNs, instance };
}

/** A packet for modules, at postrouting unless `rest` says otherwise. */
export function packet(timeNs: number, flow = 1, rest: Partial<SimArrival> = {}): SimArrival {
  return {
    timeNs,
    lengthBytes: 500,
    shape: udp(flow),
    nfqueue: MODULES,
    hook: NF_INET_POST_ROUTING,
    ifIndexOut: WAN,
    ...rest,
  };
}

/** A module that writes down what it sees, and accepts. */
export function seeing(see: (p: Packet) => void, rest: Partial<ModuleInput> = {}): ModuleInput {
  const process = (p: Packet): Verdict => {
    see(p);
    return ACCEPT;
  };
  return deciding(process, rest);
}

/** A module that holds every packet, and is told the handle. */
export function holding(held: (handle: Handle) => void, rest: Partial<ModuleInput> = {}): ModuleInput {
  const process = (p: Packet): Verdict => {
    held(p.hold());
    return STOLEN;
  };
  return deciding(process, rest);
}

/** A module of one function that decides. */
export function deciding(
  process: NonNullable<ModuleInstance['process']>,
  rest: Partial<ModuleInput> = {},
): ModuleInput {
  return { ...rest, create: () => ({ process }) };
}
