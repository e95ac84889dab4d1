/** itm-route in the real decision loop: what its packets become there. Exact. */
import { expect, test } from 'vitest';
import { IPV4_HEADER_BYTES, unwrap, wrap } from '../../src/algo/overlay/ipip.ts';
import { PROBE_ANSWER, type Probe, readProbe, writeProbe } from '../../src/built-in/itm-route/probe.ts';
import { addressWord, type RouteOptions } from '../../src/built-in/itm-route/settings.ts';
import itmRoute from '../../src/built-in/itm-route.ts';
import type { Itm } from '../../src/modules/api/module.ts';
import { NF_ACCEPT, NF_DROP, NF_INET_LOCAL_OUT, NF_INET_PRE_ROUTING } from '../../src/packet/batch.ts';
import { ipPacket } from '../unit/built-in/itm-route/packets.ts';
import { deciding, ModulesWorld, packet, WAN } from './modules-world.ts';
import { MS, SECOND } from './world.ts';

const [A, N1, D] = ['10.0.0.1', '10.0.0.11', '10.0.0.9'];
const OPTIONS: RouteOptions = {
  ...{ self: A, neighbours: [N1], destinations: [`10.9.0.0/16@${D}`] },
  ...{ probe: SECOND, hysteresis: 0.1, lifetime: 5 * SECOND },
};

/** Packets come as `arriving` says: a module before itm-route makes them of what the port can write. */
function worldOf(arriving: readonly Uint8Array[]): { world: ModulesWorld; injected: Uint8Array[] } {
  const injected: Uint8Array[] = [];
  const rest = { payload: true, hooks: itmRoute.hooks };
  let next = 0;
  const made = new ModulesWorld({
    before: deciding((p) => {
      p.replace(arriving[next++]!);
      return 1;
    }, rest),
    'itm-route': {
      ...rest,
      create: (itm) => {
        const others = { label: 'itm-route', inject: (bytes: Uint8Array) => injected.push(bytes.slice()) };
        const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
        const world = { ...itm, ...others, log, onDevice: () => {}, mtuOf: () => 1500 };
        return itmRoute.create!(world as unknown as Itm, OPTIONS);
      },
    },
  });
  return { world: made, injected };
}

const atOutput = (timeNs: number) => packet(timeNs, 1, { hook: NF_INET_LOCAL_OUT });
const atPrerouting = (timeNs: number) =>
  packet(timeNs, 1, { hook: NF_INET_PRE_ROUTING, ifIndexIn: WAN, ifIndexOut: 0 });

test('a packet is wrapped when the probe by the neighbour came back first, and taken out where it comes', () => {
  const leaving = ipPacket({ src: A, dst: '10.9.1.1', length: 300 });
  const coming = ipPacket({ src: '10.9.1.1', dst: A, length: 200 });
  const tunnel = new Uint8Array(220);
  wrap(coming, tunnel, { src: addressWord(N1), dst: addressWord(A) }, 1, 64);
  const arriving = [leaving, new Uint8Array(0), leaving, tunnel];
  const { world: made, injected } = worldOf(arriving);
  made.run([atOutput(10 * MS)], 90 * MS);
  const probes = injected.map((bytes): Probe => {
    const probe = { src: 0, dst: 0, kind: 0, path: 0, sequence: 0, nonceHigh: 0, nonceLow: 0, via: 0 };
    expect(readProbe(bytes[9] === 4 ? bytes.subarray(unwrap(bytes)) : bytes, probe)).toBe(true);
    return probe;
  });
  expect(probes.map(({ path, via }) => [path, via])).toEqual([
    [0, 0],
    [1, addressWord(N1)],
  ]);
  const answer = new Uint8Array(52);
  writeProbe({ ...probes[1]!, src: addressWord(D), dst: addressWord(A), kind: PROBE_ANSWER }, answer);
  arriving[1] = answer;
  made.run([atPrerouting(95 * MS), atOutput(100 * MS), atPrerouting(110 * MS)], SECOND);

  const [first, probe, wrapped, taken] = made.port.trace.sort((a, b) => a.packetId - b.packetId);
  expect(first!.payload).toEqual(leaving);
  expect(probe!.verdict).toBe(NF_DROP);
  expect(wrapped!.verdict).toBe(NF_ACCEPT);
  expect([...wrapped!.payload!.subarray(9, 10), ...wrapped!.payload!.subarray(12, 20)]).toEqual([
    ...[4, 10, 0, 0, 1, 10, 0, 0, 11],
  ]);
  expect(wrapped!.payload!.subarray(IPV4_HEADER_BYTES)).toEqual(leaving);
  expect(taken!.payload).toEqual(coming);
  expect(made.ejected).toEqual([]);
});
