/** A screen with two links, classes, hosts, flows and a lease, for the tests of `top`. */
import { textOf } from '../../../../src/cli/top/cells.ts';
import { draw } from '../../../../src/cli/top/draw.ts';
import { type Effect, onKey } from '../../../../src/cli/top/keys.ts';
import type { Key } from '../../../../src/cli/top/line-edit.ts';
import { firstState, type TopState } from '../../../../src/cli/top/state.ts';
import type { LeaseReport } from '../../../../src/control/change/reports.ts';
import type { ClassReport, StatusReport } from '../../../../src/control/status.ts';
import type { FlowReport } from '../../../../src/control/views/flows-view.ts';
import type { HostReport } from '../../../../src/control/views/hosts-view.ts';
import { reportOf } from '../../control/sample.ts';

interface ClassNumbers {
  readonly rate?: number;
  readonly ceil?: number;
  readonly now?: number;
  readonly p99?: number;
  readonly drops?: number;
  readonly waiting?: number;
}

export function classOf(path: string, numbers: ClassNumbers = {}): ClassReport {
  const { rate = 0, ceil = 20e6, now = 0, p99, drops = 0, waiting = 0 } = numbers;
  return {
    path,
    rateBitsPerSecond: rate,
    ceilBitsPerSecond: ceil,
    effectiveCeilBitsPerSecond: ceil,
    sent: { packets: 10, bytes: 10_000 },
    backlog: { packets: waiting / 1000, bytes: waiting },
    dropped: { tail: 1, early: 2, police: 3, aqm: 4, module: 0 },
    marked: 5,
    flows: 2,
    delayMicroseconds: { p50: 100, p99: 900 },
    recent: {
      bitsPerSecond: { over1s: now, over10s: now, over60s: now },
      packetsPerSecond: 10,
      droppedPerSecond: drops,
      markedPerSecond: 0,
      delayMicroseconds: p99 === undefined ? null : { p50: p99 / 2, p99 },
    },
    scheduled: null,
    each: null,
    paced: null,
  };
}

export const CLASSES: readonly ClassReport[] = [
  classOf('wan/up', { rate: 20e6, now: 18.5e6, drops: 3, p99: 12_000 }),
  classOf('wan/up/voice', { rate: 2e6, ceil: 4e6, now: 0.1e6, p99: 300 }),
  classOf('wan/up/guests', { rate: 5e6, ceil: 10e6, now: 9.9e6, p99: 80_000, drops: 3, waiting: 64_000 }),
  classOf('wan/up/guests/kids', { ceil: 10e6, now: 9.9e6, waiting: 64_000 }),
  classOf('wan/up/default', { now: 8.5e6, p99: 20_000 }),
  classOf('wan/down', { rate: 100e6, ceil: 100e6, now: 50e6 }),
  classOf('wan/down/default', { ceil: 100e6, now: 50e6 }),
];

const RATES = { over1s: 0, over10s: 0, over60s: 0 };

export function flowOf(numbers: Partial<FlowReport> = {}): FlowReport {
  return {
    ...{ protocol: 'tcp', src: '10.1.0.2', sport: 40_000, dst: '10.2.0.2', dport: 5201 },
    ...{
      classes: ['wan/up/guests'],
      packets: 100,
      bytes: 150_000,
      bitsPerSecond: 9.9e6,
      backlogBytes: 64_000,
    },
    ...{ dropped: 3, marked: 0, rttMilliseconds: 21.5, retransmits: 2, ageSeconds: 61, idleSeconds: 0 },
    ...{ rates: RATES, delayMilliseconds: null, recentDelayMilliseconds: null, process: null },
    ...numbers,
  };
}

export function hostOf(id: string, up: number, down: number, numbers: Partial<HostReport> = {}): HostReport {
  const side = (bitsPerSecond: number) => ({
    ...{ packets: 1, bytes: bitsPerSecond, bitsPerSecond, dropped: 0, rates: RATES },
  });
  return {
    ...{ id, name: '', macs: [], addresses: [id], lastSeen: '2026-01-01T00:00:00.000Z' },
    ...{ up: side(up), down: side(down), flows: 1, rttMilliseconds: null },
    ...{ quotas: [], delayMilliseconds: null, recentDelayMilliseconds: null },
    ...numbers,
  };
}

export const LEASE: LeaseReport = {
  ...{ id: 7, path: 'wan/up/guests', set: { ceil: '5mbit', each: { rate: '1mbit' } } },
  ...{ since: '2026-01-01T00:00:00.000Z', until: '2026-01-01T00:30:00.000Z', back: { ceil: '10mbit' } },
};

export function statusOf(classes = CLASSES, more: Partial<StatusReport> = {}): StatusReport {
  return { ...reportOf(), classes, ...more };
}

export function stateOf(columns: number, rows: number, more: Partial<TopState> = {}): TopState {
  const wallMs = Date.parse('2026-01-01T00:10:00.000Z');
  const first = firstState({ columns, rows, socketPath: '/run/x.sock', status: statusOf(), wallMs });
  const flows = [flowOf(), flowOf({ protocol: 'udp', src: 'fd00::1', sport: 53, bitsPerSecond: 1e3 })];
  const hosts = [hostOf('10.0.0.5', 1e6, 2e6), hostOf('10.0.0.9', 5e6, 50e6, { name: 'nas' })];
  return {
    ...first,
    flows: { report: { flows, total: 2 }, error: '' },
    hosts: { report: { hosts, total: 2 }, error: '' },
    leases: { report: { leases: [] }, error: '' },
    ...more,
  };
}

/** The screen as text. */
export function screen(state: TopState): string[] {
  return draw(state).map((line) => textOf(line).trimEnd());
}

/** The last line. */
export function footer(state: TopState): string {
  return screen(state).at(-1)!;
}

/** `{l}` for keys that print, `<return>` and `<ctrl-c>` for others. */
export function press(state: TopState, keys: string): { state: TopState; effects: Effect[] } {
  const effects: Effect[] = [];
  let now = state;
  for (const [key] of keys.matchAll(/<[a-z-]+>|./gu)) {
    const reaction = onKey(now, keyOf(key));
    now = reaction.state;
    if (reaction.effect) effects.push(reaction.effect);
  }
  return { state: now, effects };
}

function keyOf(key: string): Key {
  if (key.length === 1 || !key.startsWith('<')) {
    const name = key === ' ' ? 'space' : key.toLowerCase();
    return { name, text: key, ctrl: false, meta: false, shift: key !== key.toLowerCase() };
  }
  const name = key.slice(1, -1);
  if (name.startsWith('ctrl-')) return { name: name.slice(5), text: '\x01', ctrl: true };
  if (name === 'backtab') return { name: 'tab', shift: true };
  return { name, text: name === 'return' ? '\r' : undefined, meta: name === 'escape' };
}
