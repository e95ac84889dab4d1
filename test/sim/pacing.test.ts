/** What pacing leaves alone, and what becomes of connections that stop, close, begin anew and end. */
import { expect, test, vi } from 'vitest';
import { TOTAL } from '../../src/core/packets/stats.ts';
import { settle } from '../../src/core/stages.ts';
import { NF_ACCEPT } from '../../src/packet/batch.ts';
import { ACK, FIN, RST, SYN } from '../../src/packet/tcp-header.ts';
import { planQueues, type QueuePlan } from '../../src/spec/queue-plan.ts';
import type { ShaperSpec } from '../../src/spec/spec.ts';
import type { SimArrival } from '../port/sim-port.ts';
import {
  type Ends,
  handshake,
  MD5_OPTION,
  MSS,
  PacedWorld,
  type Passed,
  scaleOption,
  segment,
} from './paced.ts';
import { MS, SECOND, shaper } from './world.ts';

const PACE = { activeBytesPerSec: 100, ageNs: SECOND, delayNs: 100 * MS };

function spec(bytesPerSec: number, isPaced = true): ShaperSpec {
  const match = [{ dport: [{ from: 5001, to: 5001 }] }];
  const pace = isPaced ? { pace: PACE } : {};
  const leaves = [{ name: 'paced', match, ceil: bytesPerSec, burst: 10_000, ...pace }];
  return shaper({ wan: { up: { rate: 10e6, burst: 20e3, leaves } } });
}

interface Transfer {
  readonly window?: number;
  readonly tcpOptions?: readonly number[];
  readonly first?: number;
}

/** A segment every 10 ms, and an acknowledgement of each 5 ms later. */
function transfer(fromNs: number, ends: Ends, segments: number, more: Transfer = {}): SimArrival[] {
  const { window = 60_000, tcpOptions = [], first = 1001 } = more;
  return Array.from({ length: segments }, (_, n) => {
    const atNs = fromNs + 10 * MS * n;
    const tcpSeq = first + MSS * n;
    const answer = { tcpSeq: 1001, tcpAck: tcpSeq + MSS, tcpWindow: window, tcpOptions };
    return [
      segment(atNs, ends, 'sender', { tcpSeq, tcpAck: 1001, tcpOptions }, MSS),
      segment(atNs + 5 * MS, ends, 'receiver', answer),
    ];
  }).flat();
}

const ENDS: Ends = { port: 2000 };

function run(arrivals: readonly SimArrival[], bytesPerSec = 500_000, isPaced = true): Passed[] {
  const world = new PacedWorld(spec(bytesPerSec, isPaced));
  world.inject([...arrivals].sort((a, b) => a.timeNs - b.timeNs));
  world.run(300 * SECOND);
  world.expectAllGone();
  return world.passed();
}

const edited = (passed: readonly Passed[]): Passed[] => passed.filter(({ isEdited }) => isEdited);

for (const isIpv6 of [false, true])
  test(`the window of an IPv${isIpv6 ? 6 : 4} connection becomes that of its share`, () => {
    const ends = { ...ENDS, isIpv6 };
    const passed = run([...handshake(0, ends, 7), ...transfer(SECOND, ends, 300)]);
    const last = passed[passed.length - 1];
    expect(last.isEdited).toBe(true);
    // 60,000 units of 128 bytes came. 500 kB/s at a round trip of 10 ms and its allowance are some segments.
    expect(last.window << 7).toBeLessThan(60_000);
    expect(last.window << 7).toBeGreaterThanOrEqual(2 * MSS);
  });

test('a class that is not paced edits and holds nothing', () => {
  const passed = run([...handshake(0, ENDS, 7), ...transfer(SECOND, ENDS, 300)], 500_000, false);
  expect(edited(passed)).toHaveLength(0);
  for (const { arrival, timeNs } of passed)
    if (arrival.shape.dport === ENDS.port) expect(timeNs).toBe(arrival.timeNs);
});

test('a connection whose handshake was not seen is left alone', () => {
  expect(edited(run(transfer(SECOND, ENDS, 300)))).toHaveLength(0);
});

test('signed segments are left alone', () => {
  const arrivals = [...handshake(0, ENDS, 7), ...transfer(SECOND, ENDS, 300, { tcpOptions: MD5_OPTION })];
  expect(edited(run(arrivals))).toHaveLength(0);
});

test('without scale the window is in bytes', () => {
  const syn = { tcpFlags: SYN, tcpSeq: 1000, tcpOptions: [] };
  const answer = { tcpFlags: SYN | ACK, tcpSeq: 1000, tcpAck: 1001, tcpOptions: scaleOption(7) };
  const begins = [
    segment(0, ENDS, 'sender', syn),
    segment(MS, ENDS, 'receiver', { ...answer, tcpWindow: 60_000 }),
    segment(2 * MS, ENDS, 'sender', { tcpSeq: 1001, tcpAck: 1001 }),
  ];
  const passed = run([...begins, ...transfer(SECOND, ENDS, 300)]);
  const last = passed[passed.length - 1];
  expect(last.isEdited).toBe(true);
  expect(last.window).toBeGreaterThanOrEqual(2 * MSS);
  expect(last.window).toBeLessThan(60_000);
});

test('a connection that stands still for minutes goes on as it began', () => {
  const before = transfer(SECOND, ENDS, 300);
  const after = transfer(190 * SECOND, ENDS, 300, { first: 1001 + 300 * MSS });
  const passed = run([...handshake(0, ENDS, 7), ...before, ...after]);
  const windows = passed.filter(({ arrival }) => arrival.shape.dport === ENDS.port);
  expect(windows[windows.length - 1].window).toBe(windows[299].window);
});

test('a closed window passes, and opens again by the rules', () => {
  const end = 1001 + 300 * MSS;
  const answer = (ms: number, tcpWindow: number): SimArrival =>
    segment(5 * SECOND + ms * MS, ENDS, 'receiver', { tcpSeq: 1001, tcpAck: end, tcpWindow });
  const begins = [...handshake(0, ENDS, 7), ...transfer(SECOND, ENDS, 300)];
  const passed = run([...begins, answer(0, 0), answer(20, 0), answer(40, 60_000)]).slice(-3);
  expect(passed.slice(0, 2).map(({ window }) => window)).toEqual([0, 0]);
  expect(passed[2].window).toBeGreaterThan(0);
  expect(passed[2].window << 7).toBeLessThan(60_000);
});

test('a new connection between the same ports begins at its own numbers', () => {
  const far = 1001 + 0x9000_0000;
  const syn = segment(6 * SECOND, ENDS, 'sender', {
    tcpFlags: SYN,
    tcpSeq: far - 1,
    tcpOptions: scaleOption(7),
  });
  const answer = { tcpFlags: SYN | ACK, tcpSeq: 7000, tcpAck: far, tcpOptions: scaleOption(7) };
  const again = [syn, segment(6 * SECOND + 5 * MS, ENDS, 'receiver', answer)];
  const begins = [...handshake(0, ENDS, 7), ...transfer(SECOND, ENDS, 300)];
  const passed = run([...begins, ...again, ...transfer(7 * SECOND, ENDS, 300, { first: far })]);
  const answers = passed.filter(({ arrival }) => arrival.timeNs > 7 * SECOND && arrival.shape.sport === 5001);
  for (const { window } of answers) expect(window << 7).toBeGreaterThanOrEqual(2 * MSS);
});

test('acknowledgements of a small share wait; RST and FIN pass at once, behind those that wait', () => {
  for (const flag of [FIN, RST]) {
    const begins = [...handshake(0, ENDS, 0), ...transfer(SECOND, ENDS, 300)];
    const end = { tcpFlags: ACK | flag, tcpSeq: 1001, tcpAck: 1001 + 300 * MSS, tcpWindow: 60_000 };
    const ends = segment(SECOND + 3001 * MS, ENDS, 'receiver', end);
    const passed = run([...begins, ends], 20_000);
    const answers = passed.filter(({ arrival }) => arrival.shape.sport === 5001);
    const waits = answers.map(({ arrival, timeNs }) => timeNs - arrival.timeNs);
    expect(Math.max(...waits)).toBeGreaterThan(50 * MS);
    expect(Math.max(...waits)).toBeLessThanOrEqual(400 * MS);
    expect(waits[waits.length - 1]).toBe(0);
    expect(answers.map(({ arrival }) => arrival.timeNs)).toEqual(
      answers.map(({ arrival }) => arrival.timeNs).sort((a, b) => a - b),
    );
  }
});

test('an orderly stop accepts what is held, edited or not, in order', () => {
  const world = new PacedWorld(spec(20_000));
  world.inject([...handshake(0, ENDS, 0), ...transfer(SECOND, ENDS, 300)]);
  world.run(3 * SECOND);
  expect(world.port.heldPackets).toBeGreaterThan(0);
  world.engine.releaseAll(world.port, 3 * SECOND);
  expect(world.port.heldPackets).toBe(0);
  const answers = world.passed().filter(({ arrival }) => arrival.shape.sport === 5001);
  for (const [n, { arrival }] of answers.entries())
    if (n > 0) expect(arrival.timeNs).toBeGreaterThan(answers[n - 1].arrival.timeNs);
});

test('a change that ends pacing lets go what is held; one that begins it edits from then on', () => {
  const world = new PacedWorld(spec(20_000));
  world.inject([...handshake(0, ENDS, 0), ...transfer(SECOND, ENDS, 900)]);
  world.run(3 * SECOND);
  world.engine.reconfigure(world.port, { spec: spec(20_000, false), renamed: new Map() }, 3 * SECOND);
  world.run(6 * SECOND);
  world.engine.reconfigure(world.port, { spec: spec(500_000), renamed: new Map() }, 6 * SECOND);
  world.run(200 * SECOND);
  world.expectAllGone();
  const answers = world.passed().filter(({ arrival }) => arrival.shape.sport === 5001);
  const between = answers.filter(
    ({ arrival }) => arrival.timeNs > 3 * SECOND && arrival.timeNs <= 6 * SECOND,
  );
  expect(between.length).toBeGreaterThan(100);
  for (const { arrival, timeNs, isEdited } of between)
    expect([timeNs, isEdited]).toEqual([arrival.timeNs, false]);
  expect(edited(answers.filter(({ arrival }) => arrival.timeNs > 7 * SECOND)).length).toBeGreaterThan(100);
  expect(answers.every(({ isAccepted }) => isAccepted)).toBe(true);
  expect(world.port.trace.filter(({ verdict }) => verdict === NF_ACCEPT).length).toBeGreaterThan(900);
});

/** How often an acknowledgement takes back a promise that an earlier one has made. */
function promisesBroken(answers: readonly Pick<Passed, 'arrival' | 'window'>[]): number {
  let furthest = 0;
  let broken = 0;
  for (const { arrival, window } of answers) {
    const edge = (arrival.shape.tcpAck ?? 0) + window * 128;
    if (edge < furthest) broken++;
    furthest = Math.max(furthest, edge);
  }
  return broken;
}

const answersOf = (passed: readonly Passed[]): Passed[] =>
  passed.filter(({ arrival }) => arrival.shape.dport === ENDS.port && arrival.shape.tcpFlags === undefined);

test('pacing that ends and begins again keeps what receivers have promised meanwhile', () => {
  const world = new PacedWorld(spec(500_000));
  world.inject([...handshake(0, ENDS, 7), ...transfer(SECOND, ENDS, 900)]);
  for (const [sec, isPaced] of [
    [3, false],
    [3.02, true],
    [5, false],
    [7, true],
  ] as const) {
    world.run(sec * SECOND);
    world.engine.reconfigure(world.port, { spec: spec(500_000, isPaced), renamed: new Map() }, sec * SECOND);
  }
  world.run(300 * SECOND);
  world.expectAllGone();
  expect(promisesBroken(answersOf(world.passed()))).toBe(0);
});

test.each([
  ['long, and shows in what is acknowledged', 2000, false],
  ['short, and told', 30, true],
])('packets pass unseen: the gap is %s', (_, gapMs, isTold) => {
  const world = new PacedWorld(spec(500_000));
  const all = [...handshake(0, ENDS, 7), ...transfer(SECOND, ENDS, 900)];
  const isUnseen = ({ timeNs }: SimArrival): boolean =>
    timeNs >= 3 * SECOND && timeNs < 3 * SECOND + gapMs * MS;
  world.inject(all.filter((arrival) => !isUnseen(arrival)));
  world.run(3 * SECOND);
  if (isTold) world.engine.pacing.loseSight();
  world.run(300 * SECOND);
  world.expectAllGone();
  const unseen = all
    .filter((arrival) => isUnseen(arrival) && arrival.shape.dport === ENDS.port)
    .map((arrival) => ({ arrival, window: arrival.shape.tcpWindow ?? 0 }));
  expect(unseen.length).toBeGreaterThan(2);
  const answers = [...answersOf(world.passed()), ...unseen].sort(
    (a, b) => a.arrival.timeNs - b.arrival.timeNs,
  );
  expect(promisesBroken(answers)).toBe(0);
  expect(edited(answersOf(world.passed())).length).toBeGreaterThan(100);
});

test('a connection that has ended counts no more', () => {
  const world = new PacedWorld(spec(500_000));
  const end = { tcpSeq: 1001 + 300 * MSS, tcpAck: 1001, tcpFlags: ACK | FIN };
  const other = { ...ENDS, port: 2001 };
  world.inject([
    ...[...handshake(0, ENDS, 7), ...handshake(MS, other, 7), ...transfer(SECOND, ENDS, 300)].sort(
      (a, b) => a.timeNs - b.timeNs,
    ),
    segment(5 * SECOND, ENDS, 'sender', end),
    segment(6 * SECOND, other, 'sender', { tcpSeq: 1001, tcpAck: 1001 }),
  ]);
  const counts = [3, 7].map((sec) => {
    world.run(sec * SECOND);
    return world.engine.stats.pacedConnections[PACED];
  });
  expect(counts).toEqual([2, 1]);
});

test('what people see settles though no packet comes', () => {
  const world = new PacedWorld(spec(500_000));
  world.inject([...handshake(0, ENDS, 7), ...transfer(SECOND, ENDS, 300)]);
  world.run(4 * SECOND);
  const share = (): number => world.engine.stats.shareBytesPerSec[PACED];
  const shares = [share()];
  for (let sec = 5; sec < 9; sec++) settle(world.engine.stages, world.engine.pacing, sec * SECOND);
  shares.push(share());
  expect(shares).toEqual([500_000, 0]);
});

/** Row of the paced class. */
const PACED = 1;

test('a class that others left nothing paces again as before when it has its rate back', () => {
  const world = new PacedWorld(spec(500_000));
  const empty = segment(5 * SECOND + MS, ENDS, 'sender', { tcpSeq: 1001 + 401 * MSS, tcpAck: 1001 });
  const arrivals = [...handshake(0, ENDS, 7), ...transfer(SECOND, ENDS, 1500), empty];
  world.inject([...arrivals].sort((a, b) => a.timeNs - b.timeNs));
  world.run(4 * SECOND);
  const left = vi.spyOn(world.engine.stages.available, 'bytesPerSec').mockReturnValue(0);
  world.run(8 * SECOND);
  left.mockRestore();
  world.run(300 * SECOND);
  world.expectAllGone();
  const answers = world.passed().filter(({ arrival }) => arrival.shape.dport === ENDS.port);
  expect(answers[1500].window).toBe(answers[250].window);
  for (const { arrival, timeNs } of answers) expect(timeNs - arrival.timeNs).toBeLessThan(SECOND);
  const after = answers.filter(({ arrival }) => arrival.timeNs > 10 * SECOND);
  for (const { arrival, timeNs } of after) expect(timeNs - arrival.timeNs).toBeLessThan(20 * MS);
});

test('the share is that of each active connection, and 0 while none is active', () => {
  const world = new PacedWorld(spec(500_000));
  const keepalives = [20, 22].map((sec) =>
    segment(sec * SECOND, ENDS, 'sender', { tcpSeq: 1001 + 300 * MSS, tcpAck: 1001 }),
  );
  world.inject([...handshake(0, ENDS, 7), ...transfer(SECOND, ENDS, 300), ...keepalives]);
  const shares = [0.5, 3, 23].map((sec) => {
    world.run(sec * SECOND);
    return world.engine.stats.shareBytesPerSec[PACED];
  });
  expect(shares).toEqual([0, 500_000, 0]);
});

test('answers that nothing shapes are no stray packets, those of an unknown device are', () => {
  const world = new PacedWorld(spec(500_000));
  const [syn, answer] = handshake(0, ENDS, 7);
  const stray = { ...segment(6 * MS, ENDS, 'sender', { tcpSeq: 5 }), ifIndexIn: 97, ifIndexOut: 98 };
  world.inject([syn, answer, stray]);
  world.run(SECOND);
  expect(world.engine.stats.totals[TOTAL.unmatchedPackets]).toBe(1);
});

test('what comes by an NFQUEUE whose packets the kernel takes unedited alone is shaped without pacing', () => {
  const arrivals = [...handshake(0, ENDS, 7), ...transfer(SECOND, ENDS, 300)];
  const paced = spec(500_000);
  const passedBy = (by: QueuePlan): Passed[] => {
    const world = new PacedWorld(paced, by);
    world.inject(arrivals);
    world.run(300 * SECOND);
    world.expectAllGone();
    return world.passed();
  };
  const plan = planQueues(paced);
  expect(edited(passedBy(plan))).not.toHaveLength(0);
  const passed = passedBy({ ...plan, unedited: [0] });
  expect(edited(passed)).toHaveLength(0);
  // Acknowledgements go at once, too.
  for (const { arrival, timeNs } of passed) if (arrival.ifIndexIn === 1) expect(timeNs).toBe(arrival.timeNs);
});
