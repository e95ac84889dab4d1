/**
 * How a module is written: `import { ACCEPT, defineModule } from 'nfqueue-shaper/module'`.
 * docs/modules.md has the guide. The five functions are those of the itmBench framework (classification,
 * logging, processing, update of class and of controller), in its order.
 */
import type { Handle, Hook, Packet } from './packet.ts';

/** The packet goes on: to the next module, and to its classes. */
export const ACCEPT = 1;
/** The packet ends here. */
export const DROP = 0;
/** The module has kept the packet by `p.hold()` and answers later. */
export const STOLEN = 2;
export type Verdict = typeof ACCEPT | typeof DROP | typeof STOLEN;

/**
 * What classify() returns: a whole number from 0 on; anything else is an error. 0: process() is not called.
 * Numbers keep their meaning inside the module.
 */
export type PacketClass = number;

export type OptionType = 'integer' | 'number' | 'boolean' | 'string' | 'rate' | 'duration' | 'size' | 'list';

export interface OptionSpec {
  /**
   * `rate` is given to create() in bytes per second, `duration` in nanoseconds, `size` in bytes; a `list` is
   * one of strings. Users write them as in the configuration: `8mbit`, `20ms`, `64kB`.
   */
  readonly type: OptionType;
  /** In the user's words, as `8mbit`; without it the option must be given. */
  readonly default?: number | boolean | string | readonly string[];
  /** One line for people: `shaper module list --options` and `explain` show it. */
  readonly help: string;
  /** Bounds of numbers, in the unit that create() gets. */
  readonly min?: number;
  readonly max?: number;
  /** The only values of a string. */
  readonly values?: readonly string[];
}

/**
 * A matcher as in the configuration: `{ proto: 'tcp', dport: [80, 443] }`. A list holds if any entry
 * does.
 */
export type Interest = Readonly<Record<string, unknown>> | readonly Readonly<Record<string, unknown>>[];

/** Counters of a class of the shaper. */
export interface ClassCounters {
  readonly sentBytes: number;
  readonly sentPackets: number;
  /** By the class itself: what modules have dropped never came to it. */
  readonly droppedPackets: number;
  readonly backlogBytes: number;
  readonly backlogPackets: number;
  /** As configured now, in bytes per second. */
  readonly rateBytesPerSec: number;
  readonly ceilBytesPerSec: number;
}

/** The classes of the shaper, for feedback control. Paths are those of the configuration: `wan/up/bulk`. */
export interface Classes {
  /** Counters since the start; null if there is no such class. */
  get(path: string): ClassCounters | null;
  /**
   * Sets values as `shaper set` does: `set('wan/up/bulk', { ceil: '8mbit' })`. Resolves when they are in
   * force.
   * @throws Error (rejects) with the message that `shaper set` would print
   */
  set(path: string, values: Readonly<Record<string, string | number | boolean>>): Promise<void>;
}

/** One level of the log. Both forms are those of pino. */
export interface LogFunction {
  (message: string): void;
  /**
   * Keys of the object stand at top level of the line. Those that every line has of its own (`level`, `time`,
   * `pid`, `hostname`, `module`, `msg`) get a `_` behind them.
   */
  (fields: object, message?: string): void;
}

/** A pino logger, as far as modules need it. */
export interface ModuleLogger {
  readonly debug: LogFunction;
  readonly info: LogFunction;
  readonly warn: LogFunction;
  readonly error: LogFunction;
}

/** A device of the machine has come, gone, or changed its name. */
export interface DeviceChange {
  readonly name: string;
  readonly ifIndex: number;
  /** null: it has gone. */
  readonly mtu: number | null;
}

/** What the shaper does for a module. Calls after `stop()` do nothing. */
export interface Itm {
  readonly label: string;
  /** Nanoseconds by the clock of the shaper, which never steps back; in `simulate` virtual time. */
  now(): number;
  /**
   * Calls `run` every `ms` milliseconds from now on, until the returned function is called. In `simulate` by
   * virtual time. Times that were missed are not made up for.
   * @throws TypeError or RangeError unless `ms` is a number above 0, and `run` a function
   */
  every(ms: number, run: () => void): () => void;
  /** A number from 0 (included) to 1 (excluded), from the seed of the run: the same in every `simulate`. */
  random(): number;
  /**
   * The held packet goes on to the classes of its hook.
   * @throws Error if the handle was answered already, or is none that hold() has returned
   */
  accept(handle: Handle): void;
  drop(handle: Handle): void;
  /**
   * Sends a whole IP packet as this machine would; it is routed by its destination, and meets no module.
   * @throws TypeError if the bytes are no IP packet
   */
  inject(bytes: Uint8Array): void;
  readonly classes: Classes;
  readonly log: ModuleLogger;
  /** Calls `run` for every device that there is, and again when one changes. */
  onDevice(run: (change: DeviceChange) => void): void;
  /** MTU of a device; 1500 if it is not known. */
  mtuOf(device: string): number;
}

/** A host and its quota, for modules that are the action of a quota: `then: [ { module: ./punish.ts } ]`. */
export interface QuotaHost {
  readonly id: string;
  readonly name: string | null;
  readonly addresses: readonly string[];
}
export type QuotaState = 'ok' | 'warned' | 'limited' | 'stopped';

/** What create() returns. Each function may be missing. */
export interface ModuleInstance {
  /** What the packet is to the module. Missing: every packet is of class 1. */
  classify?(p: Packet): PacketClass;
  /** Remembers the packet. */
  log?(p: Packet): void;
  /** Decides about it. Missing: ACCEPT. */
  process?(p: Packet, cls: PacketClass): Verdict;
  /** Learns from it about its class. */
  updateClass?(p: Packet): void;
  /** Learns from it about the whole. */
  updateController?(): void;
  /**
   * The state of a host has changed with a quota that names this module. Soon after create() it is called
   * for every host that is not ok. It may be told a state again that it knows.
   */
  onQuota?(host: QuotaHost, quota: string, state: QuotaState): void;
  /** The module goes: timers have ended, held packets are accepted afterwards. */
  stop?(): void;
}

export interface ModuleDefinition<Options extends object = Record<string, never>> {
  /** Its name: letters, digits, `-` and `_`. Instances of the same module get `label-2` and so on. */
  readonly label: string;
  /** One line for people. */
  readonly about?: string;
  readonly options?: { readonly [Name in keyof Options]: OptionSpec };
  readonly hooks: readonly Hook[];
  /** Packets that do not match stay in the kernel. Missing: all packets. May follow from the options. */
  readonly interest?: Interest | ((options: Options) => Interest);
  /** Packets are copied whole, and `bytes` has them. */
  readonly payload?: boolean;
  /** Of the time that a packet may take, over a second; default `20us`. */
  readonly budget?: string;
  /** The user-run form. */
  create?(itm: Itm, options: Options): ModuleInstance;
  /** The kernel-run form: nft rules by hook, as text without `add rule` and chain. */
  kernel?(options: Options): Partial<Record<Hook, readonly string[]>>;
}

/** Says the types of a module's options. Returns the definition as it is. */
export function defineModule<Options extends object = Record<string, never>>(
  definition: ModuleDefinition<Options>,
): ModuleDefinition<Options> {
  return definition;
}
