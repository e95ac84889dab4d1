/** Limits of hosts in a few words, for tests: what the control thread sends as columns. */
import type { Engine } from '../../src/core/engine.ts';
import { ADDRESS_HOST, DOWN_BYTES, NOBODY, UP_BYTES } from '../../src/core/hosts/host-layout.ts';
import {
  type HostLimits,
  LIMIT_BLOCK,
  LIMIT_NONE,
  LIMIT_PAGE,
  LIMIT_THROTTLE,
} from '../../src/core/hosts/update.ts';
import type { PrefixSpec } from '../../src/spec/spec.ts';

const KINDS = { none: LIMIT_NONE, throttle: LIMIT_THROTTLE, block: LIMIT_BLOCK, page: LIMIT_PAGE };

/** Left out: not limited. Rates are bytes per second. */
export interface Held {
  readonly kind?: keyof typeof KINDS;
  readonly up?: number;
  readonly down?: number;
}

export interface Limit extends Held {
  /** The host of this IPv4 address, which has been seen. */
  readonly of: number;
  readonly upMax?: number;
  readonly downMax?: number;
  readonly totalMax?: number;
  /** What holds beyond a maximum. */
  readonly beyond?: Held;
  readonly allow?: readonly PrefixSpec[];
}

/** Row and generation of a host. */
export type HostName = readonly [row: number, generation: number];

export function columns(limits: readonly Limit[], rowOf: (address: number) => HostName): HostLimits {
  const hosts = limits.map(({ of }) => rowOf(of));
  const floats = (pick: (limit: Limit) => number | undefined): Float64Array =>
    Float64Array.from(limits, (one) => pick(one) ?? Number.POSITIVE_INFINITY);
  return {
    host: Int32Array.from(hosts, ([row]) => row),
    generation: Int32Array.from(hosts, ([, generation]) => generation),
    kind: Uint8Array.from(limits, ({ kind = 'none' }) => KINDS[kind]),
    upBytesPerSec: floats(({ up }) => up),
    downBytesPerSec: floats(({ down }) => down),
    upBytesMax: floats(({ upMax }) => upMax),
    downBytesMax: floats(({ downMax }) => downMax),
    totalBytesMax: floats(({ totalMax }) => totalMax),
    thenKind: Uint8Array.from(limits, ({ beyond = {} }) => KINDS[beyond.kind ?? 'none']),
    thenUpBytesPerSec: floats(({ beyond }) => beyond?.up),
    thenDownBytesPerSec: floats(({ beyond }) => beyond?.down),
    allowList: Uint8Array.from(limits, (_, r) => r),
    allow: limits.map(({ allow = [] }) => allow),
  };
}

export function nameOf({ hosts }: Engine, address: number): HostName {
  const a = hosts.addresses.find(4, address, 0, 0, 0);
  if (a === NOBODY) throw new Error(`no packet has shown a host with the address ${address}`);
  const row = hosts.addresses.words[a + ADDRESS_HOST];
  return [row, hosts.table.generation(row)];
}

/** These limits hold from now on, in the place of those that the same hosts had. */
export function limit(engine: Engine, nowNs: number, ...limits: Limit[]): void {
  engine.updateHosts({ limits: columns(limits, (address) => nameOf(engine, address)) }, nowNs);
}

/** Bytes that passed of the host. */
export function countsOf(engine: Engine, address: number): { upBytes: number; downBytes: number } {
  const [row] = nameOf(engine, address);
  const { floats } = engine.hosts.table;
  return { upBytes: floats[(row + UP_BYTES) >> 1], downBytes: floats[(row + DOWN_BYTES) >> 1] };
}
