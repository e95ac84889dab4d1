/** A machine for one module: a clock that the test moves, timers, and what the module sent and said. */
import type { Itm, ModuleInstance, Verdict } from '../../../src/modules/api/module.ts';
import { ACCEPT, DROP } from '../../../src/modules/api/module.ts';
import type { Hook, Packet } from '../../../src/modules/api/packet.ts';
import { moduleLogLine } from '../../../src/modules/log-line.ts';

export interface Said {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

interface Timer {
  readonly everyNs: number;
  readonly run: () => void;
  dueNs: number;
}

export class Machine {
  nowNs = 0;
  readonly injected: Uint8Array[] = [];
  readonly said: Said[] = [];
  readonly mtus: Record<string, number> = { eth0: 1500 };
  onInject: (bytes: Uint8Array) => void = (bytes) => this.injected.push(bytes);
  private readonly timers = new Set<Timer>();
  private randomState = 1;

  readonly itm: Itm = {
    label: 'test',
    now: () => this.nowNs,
    every: (ms, run) => {
      const timer = { everyNs: ms * 1e6, run, dueNs: this.nowNs + ms * 1e6 };
      this.timers.add(timer);
      return () => this.timers.delete(timer);
    },
    random: () => {
      this.randomState = (this.randomState * 48271) % 2147483647;
      return this.randomState / 2147483647;
    },
    accept: () => undefined,
    drop: () => undefined,
    inject: (bytes) => this.onInject(new Uint8Array(bytes)),
    classes: { get: () => null, set: async () => undefined },
    log: {
      debug: (...call: unknown[]) => this.say('debug', call),
      info: (...call: unknown[]) => this.say('info', call),
      warn: (...call: unknown[]) => this.say('warn', call),
      error: (...call: unknown[]) => this.say('error', call),
    },
    onDevice: (run) => {
      for (const [name, mtu] of Object.entries(this.mtus)) run({ name, ifIndex: 2, mtu });
    },
    mtuOf: (device) => this.mtus[device] ?? 1500,
  };

  /** When the next timer is due; Infinity: there is none. */
  get dueNs(): number {
    return Math.min(...[...this.timers].map(({ dueNs }) => dueNs));
  }

  get timerCount(): number {
    return this.timers.size;
  }

  /** Moves the clock, and runs what becomes due on the way. */
  runUntil(nowNs: number): void {
    for (;;) {
      const next = [...this.timers].sort((a, b) => a.dueNs - b.dueNs)[0];
      if (!next || next.dueNs > nowNs) break;
      this.nowNs = Math.max(this.nowNs, next.dueNs);
      next.dueNs += next.everyNs;
      next.run();
    }
    this.nowNs = nowNs;
  }

  private say(level: string, [first, text]: readonly unknown[]): void {
    this.said.push({ level, ...moduleLogLine(first, text) });
  }
}

/** Gives an IP packet to the five functions. `bytes` is what it is afterwards. */
export function pass(
  instance: ModuleInstance,
  hook: Hook,
  bytes: Uint8Array,
  more: Partial<Packet> = {},
): { readonly verdict: Verdict; readonly bytes: Uint8Array } {
  let now = bytes.slice();
  const p = {
    hook,
    get length() {
      return now.length;
    },
    family: (bytes[0] as number) >> 4,
    get bytes() {
      return now;
    },
    iif: hook === 'output' ? '' : 'eth0',
    oif: hook === 'output' ? 'eth0' : '',
    flow: 0,
    touched: () => undefined,
    replace: (other: Uint8Array) => {
      if ((other[0] as number) >> 4 !== 4) throw new TypeError('no IP packet');
      now = other.slice();
    },
    ...more,
  } as unknown as Packet;
  const cls = instance.classify ? instance.classify(p) : 1;
  if (cls === 0) return { verdict: ACCEPT, bytes: now };
  instance.log?.(p);
  const verdict = instance.process ? instance.process(p, cls) : ACCEPT;
  return { verdict, bytes: verdict === DROP ? new Uint8Array(0) : now };
}
