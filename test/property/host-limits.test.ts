/**
 * Limits of hosts on random traffic, limits and changes of them: a slow twin says that no host has more than
 * its rate and burst in any interval, that nothing waits while there are tokens for it, and that flows
 * keep their order. The books balance after every batch, also when the kernel loses packets and classes
 * change.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NF_ACCEPT } from '../../src/packet/batch.ts';
import { IPPROTO_UDP, ipv4 } from '../../src/sim/packets/packets.ts';
import { runs } from '../effort.ts';
import { HostTwin, type Kind, type Waiting } from '../oracle/host-limits.ts';
import { runUntil } from '../port/driver.ts';
import type { SimArrival } from '../port/sim-port.ts';
import { limit } from '../sim/host-limits.ts';
import { MS, SECOND, shaper, World } from '../sim/world.ts';

const SEED = Number(process.env.SEED ?? 91);
const HOSTS = 3;
const FLOWS = 3;
const WIDE = { rate: 1e12, burst: 1e9 };
const DIRECTIONS = ['up', 'down'] as const;

const rate = fc.constantFrom(500, 3000, 20_000, 125_000, 10_000_000, Number.POSITIVE_INFINITY);
const gapNs = fc.oneof(fc.constant(0), fc.constant(0), fc.nat(2 * MS), fc.nat(300 * MS));
const bytes = fc.constantFrom(64, 100, 576, 1500, 1500, 20_000);
const packet = fc.record({
  kind: fc.constant('packet' as const),
  gapNs,
  host: fc.nat(HOSTS - 1),
  direction: fc.constantFrom(...DIRECTIONS),
  flow: fc.nat(FLOWS - 1),
  bytes,
  count: fc.integer({ min: 1, max: 8 }),
});
const limiting = fc.record({
  kind: fc.constant('limit' as const),
  host: fc.nat(HOSTS - 1),
  how: fc.constantFrom<Kind>('none', 'throttle', 'throttle', 'throttle', 'block'),
  up: rate,
  down: rate,
});
const others = fc.record({
  kind: fc.constantFrom('wait', 'lose', 'let go', 'other classes'),
  ns: fc.nat(3 * SECOND),
});
const events = fc.array(
  fc.oneof(
    { weight: 20, arbitrary: packet },
    { weight: 4, arbitrary: limiting },
    { weight: 2, arbitrary: others },
  ),
  { minLength: 1, maxLength: 60, size: 'max' },
);
const scenario = fc.record({
  events,
  /** The kernel loses packets. Then tokens come back, which the twin does not know. */
  isLossy: fc.boolean(),
  slackNs: fc.constantFrom(0, 100_000),
  ending: fc.constantFrom('wait' as const, 'stop' as const),
});
type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never;
type Sent = Waiting & { readonly twin: HostTwin };

const addressOf = (host: number): number => ipv4(10, 0, 0, host + 1);

function arrivalOf(
  p: { host: number; direction: string; flow: number; bytes: number },
  timeNs: number,
): SimArrival {
  const [inside, outside] = [addressOf(p.host), ipv4(192, 0, 2, 1)];
  const ports = { protocol: IPPROTO_UDP, sport: 1000 + p.flow, dport: 2000 + p.flow };
  return p.direction === 'up'
    ? {
        timeNs,
        lengthBytes: p.bytes,
        shape: { ...ports, src: inside, dst: outside },
        ifIndexIn: 99,
        ifIndexOut: 1,
      }
    : {
        timeNs,
        lengthBytes: p.bytes,
        shape: { ...ports, src: outside, dst: inside },
        ifIndexIn: 1,
        ifIndexOut: 99,
      };
}

/** Classes that nothing delays. */
const spec = (isSplit: boolean) => {
  const leaves = isSplit
    ? [{ name: 'one', match: [{ dport: [{ from: 2000, to: 2000 }] }] }, { name: 'default' }]
    : [{ name: 'default' }];
  return shaper({ wan: { up: { ...WIDE, leaves }, down: { ...WIDE, leaves } } });
};

class Play {
  readonly world: World;
  readonly sent = new Map<number, Sent>();
  private readonly twins = Array.from({ length: HOSTS }, () => ({
    up: new HostTwin(),
    down: new HostTwin(),
  }));
  private readonly isLossy: boolean;
  private read = 0;
  private isSplit = false;
  nowNs = 0;

  constructor({ isLossy, slackNs }: Scenario) {
    this.isLossy = isLossy;
    this.world = new World(spec(false), { releaseSlackNs: isLossy ? slackNs : 0 });
    // Every host is seen.
    for (let host = 0; host < HOSTS; host++) this.send({ host, direction: 'up', flow: 0, bytes: 64 });
    this.run(0);
  }

  private send(p: { host: number; direction: 'up' | 'down'; flow: number; bytes: number }): void {
    const twin = this.twins[p.host][p.direction];
    const id = this.sent.size + 1;
    const one = { id, flow: p.flow, bytes: p.bytes, twin };
    this.sent.set(id, one);
    twin.waiting.push(one);
    this.world.inject([arrivalOf(p, this.nowNs)]);
  }

  /** Reads the verdicts since the last call. */
  private look(): void {
    const { trace } = this.world.port;
    for (; this.read < trace.length; this.read++) {
      const { packetId, timeNs, verdict } = trace[this.read];
      const one = this.sent.get(packetId) as Sent;
      if (verdict !== NF_ACCEPT) one.twin.dropped(one);
      else this.complain(one.twin.passed(one, timeNs));
    }
  }

  private complain(wrong: string): void {
    if (wrong !== '' && !this.isLossy) expect.fail(wrong);
  }

  private run(untilNs: number): void {
    const { engine, port } = this.world;
    runUntil(engine, port, untilNs);
    this.nowNs = untilNs;
    this.look();
    for (const host of this.twins)
      for (const direction of DIRECTIONS) this.complain(host[direction].settled(untilNs));
  }

  play(event: Scenario['events'][number]): void {
    const { engine, port } = this.world;
    switch (event.kind) {
      case 'packet':
        this.run(this.nowNs + event.gapNs);
        for (let n = 0; n < event.count; n++) this.send(event);
        this.run(this.nowNs);
        return;
      case 'limit': {
        const { host, how, up, down } = event;
        limit(engine, this.nowNs, { of: addressOf(host), kind: how, up, down });
        // What is released passes by the new limit, what is blocked is dropped.
        this.twins[host].up.limit(how, up, this.nowNs);
        this.twins[host].down.limit(how, down, this.nowNs);
        this.run(this.nowNs);
        return;
      }
      case 'wait':
        this.run(this.nowNs + event.ns);
        return;
      case 'lose':
        if (this.isLossy) port.forgetHeld();
        return;
      case 'let go': {
        if (!this.isLossy) return;
        port.forgetHeld();
        const lost = { nfqueue: 0, most: event.ns % 20, ifIndexes: null };
        engine.letGo(port, lost, this.nowNs);
        this.look();
        return;
      }
      default:
        this.isSplit = !this.isSplit;
        engine.reconfigure(port, { spec: spec(this.isSplit), renamed: new Map() }, this.nowNs);
        this.look();
    }
  }
}

test('no host has more than its rate, nothing waits without need, and every packet has one verdict', () => {
  fc.assert(
    fc.property(scenario, (s) => {
      const play = new Play(s);
      for (const event of s.events) play.play(event);
      const { engine, port } = play.world;
      if (s.ending === 'stop') engine.releaseAll(port, play.nowNs);
      else runUntil(engine, port, play.nowNs + 3600 * SECOND);
      // A refused verdict is told by the next drain.
      engine.runBatch(port, port.nowNs);
      const { receivedPackets, acceptedPackets, droppedPackets, heldPackets, lostPackets } =
        play.world.totals;
      expect(receivedPackets).toBe(play.sent.size);
      expect(heldPackets).toBe(0);
      expect(acceptedPackets + droppedPackets + lostPackets).toBe(receivedPackets);
      if (!s.isLossy) expect(lostPackets).toBe(0);
    }),
    { seed: SEED, numRuns: runs(160) },
  );
});
