/**
 * Interests that rules cannot say, or say too widely: users, hosts by name and MAC, marks, devices. Exact.
 */
import { expect, test } from 'vitest';
import {
  NF_INET_FORWARD,
  NF_INET_LOCAL_IN,
  NF_INET_LOCAL_OUT,
  NF_INET_POST_ROUTING,
  NF_INET_PRE_ROUTING,
} from '../../src/packet/batch.ts';
import type { MatcherSpec } from '../../src/spec/match.ts';
import { type ModuleInput, ModulesWorld, PLAIN, packet, seeing } from './modules-world.ts';
import { comes, FakeSockets, HERE, leaves, THERE, updateOf } from './subjects-world.ts';
import { SECOND, udp } from './world.ts';

const HOOKS = ['prerouting', 'input', 'forward', 'output', 'postrouting'] as const;

/** What a module of this interest sees: hook and port. */
function sees(seen: string[], interest: readonly MatcherSpec[]): ModuleInput {
  const see = (p: { hook: string; sport: number; dport: number }) =>
    seen.push(`${p.hook} ${Math.max(p.sport, p.dport)}`);
  return seeing(see, { hooks: HOOKS, interest });
}

const ALICE = 1;
const BOB = 2;

test('whose a packet is: at input, output and, for packets of this machine, postrouting', () => {
  const sockets = new FakeSockets();
  sockets.byPort.set(5001, { uid: 1000, inode: 11 });
  sockets.byPort.set(5002, { uid: 1001, inode: 12 });
  const seen: string[] = [];
  const world = new ModulesWorld({ m: sees(seen, [{ users: ['user:alice'] }]) }, PLAIN, { sockets });
  world.engine.updateSubjects(
    updateOf({
      users: [
        { uid: 1000, subject: ALICE },
        { uid: 1001, subject: BOB },
      ],
      matched: [{ key: 'user:alice', subject: ALICE }],
    }),
    0,
  );
  const more = { nfqueue: 1 };
  const forwarded = { ...more, hook: NF_INET_FORWARD, ifIndexIn: 2 };
  world.run(
    [5001, 5002, 5003].flatMap((port) => [
      leaves(0, port, more),
      leaves(0, port, { ...more, hook: NF_INET_POST_ROUTING }),
      comes(0, port, { ...more, hook: NF_INET_PRE_ROUTING }),
      comes(0, port, more),
      leaves(0, port, forwarded),
      leaves(0, port, { ...forwarded, hook: NF_INET_POST_ROUTING }),
    ]),
    SECOND,
  );
  expect(seen).toEqual(['output 5001', 'postrouting 5001', 'prerouting 5001', 'input 5001']);
  expect(world.port.trace).toHaveLength(18);
});

test('without anybody who knows users no packet is of any', () => {
  const seen: string[] = [];
  const world = new ModulesWorld({ m: sees(seen, [{ users: ['user:alice'] }]) });
  world.run([leaves(0, 5001, { nfqueue: 1 })], SECOND);
  expect([seen, world.port.trace.length]).toEqual([[], 1]);
});

test('hosts by name and by MAC', () => {
  const seen: string[] = [];
  const mac = { high: 0x0250, low: 7 };
  const world = new ModulesWorld({ m: sees(seen, [{ hostNames: ['nas'] }, { mac: [mac] }]) });
  const address = { family: 4, words: [HERE, 0, 0, 0], bits: 32 } as const;
  world.engine.updateHosts({ names: [{ name: 'nas', mac: null, address }] }, 0);
  const of = (dport: number, src: number, more = {}) =>
    packet(0, 1, { shape: { ...udp(1), src, dst: THERE, sport: 1, dport }, ...more });
  world.run([of(11, HERE), of(12, HERE + 1), of(13, HERE + 1, { mac }), of(14, HERE + 2)], SECOND);
  expect(seen).toEqual(['postrouting 11', 'postrouting 13']);
});

test('marks without our bits, and devices by which packets come or leave, also as ports of a bridge', () => {
  const seen: string[] = [];
  const interest = [{ mark: [{ value: 1, mask: 0xffffffff }] }, { iif: ['dev7'] }, { oif: ['dev8'] }];
  const world = new ModulesWorld({ m: sees(seen, interest) });
  const of = (dport: number, more: object) =>
    packet(0, 1, { shape: { ...udp(1), sport: 1, dport }, ...more });
  world.run(
    [
      of(21, { mark: 1 }),
      of(22, { mark: 2 }),
      of(23, { ifIndexIn: 7, hook: NF_INET_LOCAL_IN, ifIndexOut: 0 }),
      of(24, { ifIndexIn: 8, hook: NF_INET_LOCAL_IN, ifIndexOut: 0 }),
      of(25, { ifIndexOut: 8, hook: NF_INET_LOCAL_OUT }),
      of(26, { ifIndexIn: 9, portIn: 7, hook: NF_INET_FORWARD }),
    ],
    SECOND,
  );
  expect(seen).toEqual(['postrouting 21', 'input 23', 'output 25', 'forward 26']);
});

test('a module sees what the packet is by then, not what rules have seen', () => {
  const seen: string[] = [];
  const world = new ModulesWorld({
    marks: seeing((p) => {
      p.dport = 4000;
    }),
    m: sees(seen, [{ dport: [{ from: 4000, to: 4000 }] }]),
    other: sees(seen, [{ dport: [{ from: 4001, to: 4001 }] }]),
  });
  world.run([packet(0, 1, { shape: { ...udp(1), dport: 4001, sport: 1 } })], SECOND);
  expect(seen).toEqual(['postrouting 4000']);
});

test('names of devices are asked for again within a second', () => {
  const seen: string[] = [];
  const names = new Map([[7, 'old']]);
  const m = seeing((p) => seen.push(p.oif));
  const world = new ModulesWorld({ m }, PLAIN, { nameOf: (ifIndex) => names.get(ifIndex) ?? '' });
  world.run([packet(0, 1, { ifIndexOut: 7 })], SECOND / 2);
  names.set(7, 'new');
  world.run([packet(SECOND, 1, { ifIndexOut: 7 })], 2 * SECOND);
  expect(seen).toEqual(['old', 'new']);
});
