/**
 * Random connections through the engine: loss, reordering, repeated and old acknowledgements, windows that
 * close, shrink and open, signed segments, handshakes that were not seen. On what leaves, no edge moves left
 * or beyond the receiver's, no flow is reordered, and every packet has one verdict.
 */
import { expect, it } from 'vitest';
import { Prng } from '../../src/base/prng.ts';
import { ACK, FIN } from '../../src/packet/tcp-header.ts';
import type { ShaperSpec } from '../../src/spec/spec.ts';
import { runs } from '../effort.ts';
import type { SimArrival } from '../port/sim-port.ts';
import { handshake, MD5_OPTION, MSS, PacedWorld, type Passed, segment } from '../sim/paced.ts';
import { shaper } from '../sim/world.ts';

const SECONDS = 6;
const CONNECTIONS = 12;

interface Connection {
  readonly port: number;
  readonly isIpv6: boolean;
  readonly scale: number;
  readonly mayEdit: boolean;
}

function spec(isShapedBack: boolean, bytesPerSec: number): ShaperSpec {
  const pace = { activeBytesPerSec: 100, ageNs: 1e9, delayNs: 100e6 };
  const match = [{ dport: [{ from: 5001, to: 5001 }] }];
  const leaves = [{ name: 'paced', match, ceil: bytesPerSec, burst: 10_000, limitBytes: 60_000, pace }];
  const down = { rate: 60_000, burst: 5000, limitBytes: 20_000 };
  return shaper({
    wan: { up: { rate: 10e6, burst: 20e3, leaves }, ...(isShapedBack && { down }) },
  });
}

/** What one connection sends in both directions, by chance. */
function arrivalsOf(connection: Connection, isSeen: boolean, isSigned: boolean, prng: Prng): SimArrival[] {
  const below = (n: number): number => Math.floor(prng.nextUnit() * n);
  const all: SimArrival[] = isSeen ? handshake(below(1e9), connection, connection.scale) : [];
  const tcpOptions = isSigned ? MD5_OPTION : [];
  let timeNs = 1e9 + below(1e9);
  let sent = 1001;
  let acked = 1001;
  let window = 20_000 + below(40_000);
  while (timeNs < SECONDS * 1e9) {
    timeNs += 1e5 + below(below(10) === 0 ? 300e6 : 10e6);
    const kind = below(24);
    if (kind < 10) {
      const seq = kind === 0 ? sent - below(4 * MSS) : sent;
      sent = Math.max(sent, seq + MSS);
      const shape = { tcpSeq: seq, tcpAck: 1001, tcpOptions };
      all.push(segment(timeNs, connection, 'sender', shape, MSS));
      continue;
    }
    if (kind < 18) acked = Math.min(sent, acked + below(3 * MSS));
    if (kind === 18) window = below(65_536);
    if (kind === 19) window = 0;
    if (kind === 20) window = 1 + below(20);
    const tcpAck = kind === 21 ? acked - below(3 * MSS) : acked;
    const payloadBytes = kind === 22 ? below(1000) : 0;
    const tcpFlags = kind === 23 && below(20) === 0 ? ACK | FIN : ACK;
    const shape = { tcpSeq: 1001, tcpAck, tcpWindow: window, tcpFlags, tcpOptions };
    all.push(segment(timeNs, connection, 'receiver', shape, payloadBytes));
  }
  return all;
}

/** Why what left in answer to a connection is wrong; null if nothing is. */
function wrongAbout(answers: readonly Passed[], { scale }: Connection): string | null {
  let furthest = Number.NEGATIVE_INFINITY;
  let lastAck = Number.NEGATIVE_INFINITY;
  for (const { arrival, window } of answers) {
    const { tcpFlags = ACK, tcpAck = 0, tcpWindow = 0 } = arrival.shape;
    const isSyn = (tcpFlags & 2) !== 0;
    const edge = tcpAck + window * 2 ** (isSyn ? 0 : scale);
    if (window > tcpWindow) return 'larger than the receiver';
    if (window === 0 && tcpWindow > 0) return 'closed';
    // The sender ignores the window of an old one.
    if (tcpAck < lastAck) continue;
    if (edge < furthest && window !== tcpWindow)
      return `the edge moves left: ${JSON.stringify({ at: arrival.timeNs, tcpAck, tcpWindow, window, furthest })}`;
    furthest = Math.max(furthest, edge);
    lastAck = tcpAck;
  }
  return null;
}

it('of random connections no edge that leaves moves left, and no flow is reordered', () => {
  let edited = 0;
  let heldBack = 0;
  for (let run = 0; run < runs(12); run++) {
    const prng = new Prng(100 + run);
    const chance = (part: number): boolean => prng.nextUnit() < part;
    const world = new PacedWorld(spec(chance(0.5), chance(0.5) ? 30_000 : 400_000));
    const connections: Connection[] = [];
    const all: SimArrival[] = [];
    for (let n = 0; n < CONNECTIONS; n++) {
      const isSeen = chance(0.85);
      const isSigned = chance(0.1);
      const scale = Math.floor(prng.nextUnit() * 8);
      const mayEdit = isSeen && !isSigned;
      const connection = { port: 2000 + n, isIpv6: chance(0.4), scale, mayEdit };
      connections.push(connection);
      all.push(...arrivalsOf(connection, isSeen, isSigned, prng));
    }
    world.inject(all.sort((a, b) => a.timeNs - b.timeNs));
    world.run(60e9);
    world.expectAllGone();
    const passed = world.passed();
    for (const connection of connections) {
      const isOf = ({ arrival }: Passed): boolean => arrival.shape.dport === connection.port;
      const answers = passed.filter((one) => isOf(one) && one.isAccepted);
      const times = answers.map(({ arrival }) => arrival.timeNs);
      expect(times, 'in order of arrival').toEqual([...times].sort((a, b) => a - b));
      expect(wrongAbout(answers, connection), `run ${run}, ${JSON.stringify(connection)}`).toBeNull();
      const changed = answers.filter(({ isEdited }) => isEdited).length;
      if (!connection.mayEdit) expect(changed, 'untouched').toBe(0);
      edited += changed;
    }
    heldBack += world.engine.stats.acksHeld.reduce((sum, one) => sum + one, 0);
  }
  expect(edited).toBeGreaterThan(500);
  expect(heldBack).toBeGreaterThan(100);
});
