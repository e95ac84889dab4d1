/**
 * What the shaper is to one module, without a shaper: it calls the five functions in their order, keeps held
 * packets, and moves its clock from timer to timer. Bounds and errors are those that the declarations of the
 * API name. Packets are plain records with the setters of a view.
 */
import { Prng } from '../../../src/base/prng.ts';
import {
  ACCEPT,
  type ClassCounters,
  DROP,
  type Handle,
  type Hook,
  type Itm,
  type ModuleDefinition,
  type ModuleInstance,
  type Packet,
  STOLEN,
  type TcpHeader,
} from '../../../src/modules/api/index.ts';
import { moduleLogLine } from '../../../src/modules/log-line.ts';

const HELD_MAX = 10_000;
const HELD_NS_MAX = 30e9;

export interface Fields {
  hook?: Hook;
  length?: number;
  segments?: number;
  family?: 4 | 6 | 0;
  protocol?: number;
  src?: string;
  dst?: string;
  sport?: number;
  dport?: number;
  dscp?: number;
  ecn?: number;
  ttl?: number;
  tcp?: Partial<TcpHeader> | null;
  flow?: number;
  direction?: 0 | 1;
  bytes?: Uint8Array;
}

/** What became of a packet. `atNs` is when. */
export interface Outcome {
  readonly name: string | number;
  readonly result: 'accepted' | 'dropped';
  readonly atNs: number;
}

type State = Required<Omit<Fields, 'bytes' | 'tcp'>> & { bytes: Uint8Array | null; tcp: TcpHeader | null };

const PLAIN: State = {
  ...{ hook: 'postrouting', length: 1500, segments: 1, family: 4, protocol: 17 },
  ...{ src: '192.0.2.1', dst: '198.51.100.1', sport: 1000, dport: 2000, dscp: 0, ecn: 0, ttl: 64 },
  ...{ tcp: null, flow: 0, direction: 0, bytes: null },
};
const TCP: TcpHeader = { flags: 0x10, seq: 1, ack: 1, window: 1000, dataBytes: 1448 };

interface HeldPacket {
  readonly name: string | number;
  readonly sinceNs: number;
}

interface Timer {
  dueNs: number;
  readonly everyNs: number;
  readonly run: () => void;
}

export class FakeHost<Options extends object> {
  nowNs = 0;
  readonly outcomes: Outcome[] = [];
  readonly injected: Uint8Array[] = [];
  readonly held = new Map<Handle, HeldPacket>();
  /** Calls of the five functions, by name, of the last packet. */
  calls: string[] = [];
  /** Class of the last packet. */
  lastClass = 1;
  readonly logged: [message: string, fields: object][] = [];
  /** What was set, in order. */
  readonly set: [path: string, values: Readonly<Record<string, unknown>>][] = [];
  /** The classes that there are. */
  readonly classCounters = new Map<string, ClassCounters>();
  readonly instance: ModuleInstance;
  private readonly view: PacketView;
  private readonly timers = new Set<Timer>();
  private readonly payload: boolean;
  private nextHandle = 1;

  constructor(definition: ModuleDefinition<Options>, options: Options, seed = 1) {
    this.payload = definition.payload === true;
    this.view = new PacketView(() => this.hold());
    const instance = definition.create?.(this.itm(new Prng(seed)), options);
    if (instance === undefined) throw new Error(`${definition.label} has no user-run form`);
    this.instance = instance;
  }

  /** A packet comes. Returns its view after the call, to look at its fields; null: it is held or dropped. */
  packet(name: string | number, fields: Fields = {}): Packet | null {
    const { view, instance } = this;
    const tcp = fields.tcp ? { ...TCP, ...fields.tcp } : null;
    view.state = { ...PLAIN, ...fields, tcp, bytes: this.payload ? (fields.bytes ?? null) : null };
    view.name = name;
    view.handle = null;
    this.calls = [];
    this.lastClass = this.called('classify') ? (instance.classify?.(view) ?? 1) : 1;
    if (this.called('log')) instance.log?.(view);
    const isProcessed = this.lastClass !== 0 && this.called('process');
    const verdict = isProcessed ? (instance.process?.(view, this.lastClass) ?? ACCEPT) : ACCEPT;
    if ((verdict === STOLEN) !== (view.handle !== null)) throw new Error('STOLEN and hold() go together');
    // What is answered until here goes before the packet, what is answered later goes behind it.
    if (verdict !== STOLEN) this.ends(name, verdict === DROP ? 'dropped' : 'accepted');
    if (this.called('updateClass')) instance.updateClass?.(view);
    if (this.called('updateController')) instance.updateController?.();
    return verdict === ACCEPT ? view : null;
  }

  /** Time passes, and timers run at their instants. */
  runTo(untilNs: number): void {
    for (;;) {
      const [next] = [...this.timers].sort((a, b) => a.dueNs - b.dueNs);
      if (next === undefined || next.dueNs > untilNs) break;
      this.nowNs = Math.max(this.nowNs, next.dueNs);
      next.dueNs = this.nowNs + next.everyNs;
      next.run();
      this.checkHeld();
    }
    this.nowNs = untilNs;
    this.checkHeld();
  }

  get timersSet(): number {
    return this.timers.size;
  }

  private called(name: keyof ModuleInstance): boolean {
    if (this.instance[name] === undefined) return false;
    this.calls.push(name);
    return true;
  }

  private ends(name: string | number, result: Outcome['result']): void {
    this.outcomes.push({ name, result, atNs: this.nowNs });
  }

  private hold(): Handle {
    if (this.held.size === HELD_MAX) throw new Error(`the module holds ${HELD_MAX} packets already`);
    const handle = this.nextHandle++ as Handle;
    this.held.set(handle, { name: this.view.name, sinceNs: this.nowNs });
    return handle;
  }

  private answer(handle: Handle, result: Outcome['result']): void {
    const packet = this.held.get(handle);
    if (packet === undefined) throw new Error(`handle ${handle} was answered already`);
    this.held.delete(handle);
    this.ends(packet.name, result);
  }

  private checkHeld(): void {
    for (const { name, sinceNs } of this.held.values())
      if (this.nowNs - sinceNs > HELD_NS_MAX) throw new Error(`packet ${name} was never answered`);
  }

  private itm(prng: Prng): Itm {
    const log = (first: unknown, text?: unknown): void => {
      const { fields, message } = moduleLogLine(first, text);
      this.logged.push([message, fields]);
    };
    return {
      label: 'fake',
      now: () => this.nowNs,
      random: () => prng.nextUnit(),
      every: (ms, run) => {
        if (!(ms > 0)) throw new RangeError(`a timer of ${ms} ms`);
        const timer = { dueNs: this.nowNs + ms * 1e6, everyNs: ms * 1e6, run };
        this.timers.add(timer);
        return () => void this.timers.delete(timer);
      },
      accept: (handle) => this.answer(handle, 'accepted'),
      drop: (handle) => this.answer(handle, 'dropped'),
      inject: (bytes) => void this.injected.push(bytes.slice()),
      classes: {
        get: (path) => this.classCounters.get(path) ?? null,
        set: async (path, values) => {
          if (!this.classCounters.has(path)) throw new Error(`no class ${path}`);
          this.set.push([path, values]);
        },
      },
      log: { debug: log, info: log, warn: log, error: log },
      onDevice() {},
      mtuOf: () => 1500,
    };
  }
}

class PacketView implements Packet {
  state: State = PLAIN;
  name: string | number = '';
  handle: Handle | null = null;
  private readonly toHold: () => Handle;

  constructor(toHold: () => Handle) {
    this.toHold = toHold;
  }

  get hook(): Hook {
    return this.state.hook;
  }
  get length(): number {
    return this.state.length;
  }
  get segments(): number {
    return this.state.segments;
  }
  get family(): 4 | 6 | 0 {
    return this.state.family;
  }
  get protocol(): number {
    return this.state.protocol;
  }
  get src(): string {
    return this.state.src;
  }
  set src(value: string) {
    this.state.src = value;
  }
  get dst(): string {
    return this.state.dst;
  }
  set dst(value: string) {
    this.state.dst = value;
  }
  get sport(): number {
    return this.state.sport;
  }
  set sport(value: number) {
    this.state.sport = within(value, 0xffff);
  }
  get dport(): number {
    return this.state.dport;
  }
  set dport(value: number) {
    this.state.dport = within(value, 0xffff);
  }
  get dscp(): number {
    return this.state.dscp;
  }
  set dscp(value: number) {
    this.state.dscp = within(value, 63);
  }
  get ecn(): number {
    return this.state.ecn;
  }
  set ecn(value: number) {
    this.state.ecn = within(value, 3);
  }
  get ttl(): number {
    return this.state.ttl;
  }
  set ttl(value: number) {
    this.state.ttl = within(value, 255);
  }
  get tcp(): TcpHeader | null {
    return this.state.tcp;
  }
  mark = 0;
  readonly iif = '';
  readonly oif = '';
  get flow(): number {
    return this.state.flow;
  }
  get direction(): 0 | 1 {
    return this.state.direction;
  }
  get bytes(): Uint8Array | null {
    return this.state.bytes;
  }
  touched(): void {}
  replace(bytes: Uint8Array): void {
    if (this.state.bytes === null) throw new TypeError('replace() needs payload: true');
    this.state.bytes = bytes.slice();
  }
  hold(): Handle {
    this.handle = this.toHold();
    return this.handle;
  }
}

function within(value: number, max: number): number {
  if (!Number.isInteger(value) || value < 0 || value > max) throw new RangeError(`${value} does not fit`);
  return value;
}
