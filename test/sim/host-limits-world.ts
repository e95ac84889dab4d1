/** Small worlds whose hosts are limited. */
import { NF_DROP } from '../../src/packet/batch.ts';
import { IPPROTO_UDP, ipv4, type PacketShape } from '../../src/sim/packets/packets.ts';
import type { SimArrival } from '../port/sim-port.ts';
import { SECOND, shaper, udp, up, World } from './world.ts';

export const WIDE = { rate: 1e9, burst: 1e6 };
export const A = ipv4(10, 0, 0, 1);
export const B = ipv4(10, 0, 0, 2);
export const SERVER = ipv4(192, 0, 2, 1);
/** Its bucket holds 3028 B. */
export const KB_A_SECOND = { kind: 'throttle', up: 1000, down: 1000 } as const;

export const wide = (): World => new World(shaper({ wan: { up: WIDE, down: WIDE } }));

/** A packet of 1000 B from this host. */
export const from = (host: number, timeNs: number, flow = 1, lengthBytes = 1000): SimArrival =>
  up(timeNs, lengthBytes, { shape: udp(flow, { src: host }) });

export const to = (host: number, timeNs: number, shape: Partial<PacketShape> = {}): SimArrival =>
  up(timeNs, 1000, {
    shape: { src: SERVER, dst: host, protocol: IPPROTO_UDP, sport: 5000, dport: 1000, ...shape },
    ifIndexIn: 1,
    ifIndexOut: 99,
  });

/** A world in which both hosts have been seen. */
export function seen(): World {
  const world = wide();
  world.inject([from(A, 0, 0, 100), from(B, 0, 0, 100)]);
  world.run(0);
  return world;
}

/** Accepted packets from number `first` on, with their seconds. */
export const accepted = (world: World, first = 3): [id: number, seconds: number][] =>
  world
    .accepted()
    .filter(({ id }) => id >= first)
    .map(({ id, timeNs }) => [id, timeNs / SECOND]);

export const droppedIds = (world: World): number[] =>
  world.port.trace.filter(({ verdict }) => verdict === NF_DROP).map(({ packetId }) => packetId);
