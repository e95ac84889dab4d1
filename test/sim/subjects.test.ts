/** Packets of local flows by whose socket they have, with exact counts. */
import { describe, expect, test } from 'vitest';
import { OWNER_QUESTIONS_MAX } from '../../src/limits.ts';
import { TCP_LISTEN, TCP_NEW_SYN_RECV, TCP_TIME_WAIT } from '../../src/packet/sockets.ts';
import { ACK, IPPROTO_TCP, SYN } from '../../src/packet/tcp-header.ts';
import { IPPROTO_ICMP } from '../../src/sim/packets/packets.ts';
import { comes, FakeSockets, leaves, THERE, updateOf, WAN } from './subjects-world.ts';
import { MS, SECOND, shaper, World } from './world.ts';

const none = (name: string) => ({ name, match: [] });
const tree = { rate: 1e9, burst: 1e6, leaves: [none('a'), none('b'), none('c')] };
const SPEC = shaper({ wan: { up: tree, down: tree } });

const [PROCESS, SOCKET, USER, GROUP, CONTAINER] = [1, 2, 3, 4, 5];
const sets = [[PROCESS], [PROCESS, SOCKET]];
const attached = (subject: number, rank: number, name: string) => ({
  subject,
  rank,
  classes: [`wan/up/${name}`, `wan/down/${name}`],
});

function worldOf(spec = SPEC) {
  const sockets = new FakeSockets();
  return { sockets, world: new World(spec, { sockets }) };
}

const sent = (world: World, path: string): number => world.classOf(path).sent;

describe('an attachment', () => {
  test('of a process takes the first packet of each flow, in both directions, and costs one question a flow', () => {
    const { world, sockets } = worldOf();
    sockets.byPort.set(5001, { uid: 0, inode: 71 });
    world.engine.updateSubjects(
      updateOf({ sets, sockets: [[71, 0]], attachments: [attached(PROCESS, 1, 'a')] }),
      0,
    );
    world.inject([leaves(0, 5001), comes(MS, 5001), leaves(2 * MS, 5001), leaves(3 * MS, 5002)]);
    world.run(SECOND);
    expect(sent(world, 'wan/up/a')).toBe(2);
    expect(sent(world, 'wan/down/a')).toBe(1);
    expect(sent(world, 'wan/up/default')).toBe(1);
    expect(sockets.asked).toEqual([5001, 5001, 5002]);
    expect(world.totals).toMatchObject({ ownerQuestions: 3, ownersUnknown: 1 });
    expect(sockets.searched).toEqual([]);
  });

  test('takes a socket that no update has named yet, because the process is looked for at once', () => {
    const { world, sockets } = worldOf();
    sockets.byPort.set(5001, { uid: 0, inode: 72 });
    sockets.held.set(72, 0);
    world.engine.updateSubjects(updateOf({ sets, attachments: [attached(PROCESS, 1, 'a')] }), 0);
    world.inject([leaves(0, 5001), leaves(MS, 5001)]);
    world.run(SECOND);
    expect(sent(world, 'wan/up/a')).toBe(2);
    expect(sockets.searched).toEqual([72]);
  });

  test('that is more specific wins, whatever the order in which they are told', () => {
    const { world, sockets } = worldOf();
    sockets.byPort.set(1, { uid: 7, inode: 81, cgroup: [1, 9] });
    sockets.byPort.set(2, { uid: 7, inode: 82, cgroup: [1, 9] });
    sockets.byPort.set(3, { uid: 7, inode: 83, cgroup: [1, 9] });
    sockets.byPort.set(4, { uid: 7, inode: 84, cgroup: [0, 9] });
    world.engine.updateSubjects(
      updateOf({
        sets,
        sockets: [
          [81, 1],
          [82, 0],
        ],
        users: [{ uid: 7, subject: USER }],
        cgroups: [{ high: 1, low: 9, subjects: [GROUP] }],
        attachments: [
          attached(USER, 4, 'default'),
          { subject: SOCKET, rank: 0, classes: ['wan/up/a'] },
          attached(GROUP, 3, 'c'),
          attached(PROCESS, 1, 'b'),
        ],
      }),
      0,
    );
    world.inject([1, 2, 3, 4].flatMap((port) => [leaves(port * MS, port), comes(port * MS, port)]));
    world.run(SECOND);
    const counts = (direction: string) =>
      ['a', 'b', 'c', 'default'].map((name) => sent(world, `wan/${direction}/${name}`));
    expect(counts('up')).toEqual([1, 1, 1, 1]);
    // The socket has no class in down, where its process decides.
    expect(counts('down')).toEqual([0, 2, 1, 1]);
  });

  test('to an inner class goes on with the matchers of its classes', () => {
    const inner = {
      ...none('in'),
      classes: [{ name: 'web', match: [{ dport: [{ from: 443, to: 443 }] }] }],
    };
    const { world, sockets } = worldOf(shaper({ wan: { up: { ...tree, leaves: [inner] } } }));
    sockets.byPort.set(1, { uid: 0, inode: 91 });
    world.engine.updateSubjects(
      updateOf({
        sets,
        sockets: [[91, 0]],
        attachments: [{ subject: PROCESS, rank: 1, classes: ['wan/up/in'] }],
      }),
      0,
    );
    world.inject([leaves(0, 1), leaves(MS, 1, { shape: { dport: 80 } }), leaves(2 * MS, 2)]);
    world.run(SECOND);
    expect(sent(world, 'wan/up/in/web')).toBe(1);
    expect(sent(world, 'wan/up/in/default')).toBe(1);
    expect(sent(world, 'wan/up/default')).toBe(1);
  });

  test('of a container takes forwarded packets by device and by address, and asks nobody', () => {
    const { world, sockets } = worldOf();
    world.engine.updateSubjects(
      updateOf({
        devices: [{ ifIndex: 40, subject: CONTAINER }],
        addresses: [{ prefix: { family: 4, words: [THERE, 0, 0, 0], bits: 32 }, subject: CONTAINER }],
        attachments: [attached(CONTAINER, 5, 'a')],
      }),
      0,
    );
    const forwarded = { hook: 2, ifIndexIn: 40, ifIndexOut: WAN };
    world.inject([
      leaves(0, 1, { ...forwarded, shape: { dst: 1 } }),
      leaves(MS, 2, { ...forwarded, ifIndexIn: 41 }),
      leaves(2 * MS, 3, { ...forwarded, ifIndexIn: 41, shape: { dst: 1 } }),
      // Its own traffic with this host is that of a local socket.
      leaves(3 * MS, 4),
    ]);
    world.run(SECOND);
    expect(sent(world, 'wan/up/a')).toBe(2);
    expect(sent(world, 'wan/up/default')).toBe(2);
    expect(sockets.asked).toEqual([4]);
  });
});

describe('a matcher', () => {
  const leaf = (name: string, match: object) => ({ name, match: [match] });
  const leavesOf = [
    leaf('exe', { exes: ['exe:/usr/bin/curl'], users: ['user:alice', 'user:7'] }),
    leaf('user', { users: ['user:alice'] }),
    leaf('group', { cgroups: ['cgroup:/system.slice'], groups: ['group:dev'] }),
  ];
  const spec = shaper({ wan: { up: { ...tree, leaves: leavesOf } } });
  const [ALICE, DEV, SLICE, CURL] = [10, 11, 12, 13];
  const update = updateOf({
    sets: [[CURL]],
    sockets: [[61, 0]],
    users: [
      { uid: 7, subject: ALICE },
      { uid: 8, subject: DEV },
      { uid: 7, subject: DEV },
    ],
    cgroups: [{ high: 0, low: 5, subjects: [99, SLICE] }],
    matched: [
      { key: 'exe:/usr/bin/curl', subject: CURL },
      { key: 'user:alice', subject: ALICE },
      { key: 'group:dev', subject: DEV },
      { key: 'cgroup:/system.slice', subject: SLICE },
    ],
  });

  test('asks for users, groups, control groups and programs; all of its fields must hold', () => {
    const { world, sockets } = worldOf(spec);
    sockets.byPort.set(1, { uid: 7, inode: 61, cgroup: [0, 5] });
    sockets.byPort.set(2, { uid: 7, inode: 62, cgroup: [0, 5] });
    sockets.byPort.set(3, { uid: 8, inode: 63, cgroup: [0, 5] });
    sockets.byPort.set(4, { uid: 8, inode: 64, cgroup: [0, 6] });
    world.engine.updateSubjects(update, 0);
    world.inject([1, 2, 3, 4].map((port) => leaves(port * MS, port)));
    world.run(SECOND);
    expect(['exe', 'user', 'group', 'default'].map((name) => sent(world, `wan/up/${name}`))).toEqual([
      1, 1, 1, 1,
    ]);
  });

  test('takes nothing before anybody has told of subjects, and an attachment goes before it', () => {
    const { world, sockets } = worldOf(spec);
    sockets.byPort.set(1, { uid: 7, inode: 61 });
    world.inject([leaves(0, 1)]);
    world.run(MS);
    expect(sockets.asked).toEqual([]);
    const attachments = [{ subject: CURL, rank: 1, classes: ['wan/up/group'] }];
    world.engine.updateSubjects({ ...update, attachments }, MS);
    world.inject([leaves(2 * MS, 1)]);
    world.run(SECOND);
    expect(sent(world, 'wan/up/default')).toBe(1);
    expect(sent(world, 'wan/up/group')).toBe(1);
    expect(sent(world, 'wan/up/exe')).toBe(0);
  });
});

describe('a connection that comes in', () => {
  const attachments = [attached(PROCESS, 1, 'a'), attached(USER, 4, 'b')];
  const tcp = (tcpFlags: number) => ({ shape: { protocol: IPPROTO_TCP, tcpFlags } });
  const start = () => {
    const { world, sockets } = worldOf();
    world.engine.updateSubjects(
      updateOf({ sets, sockets: [[50, 0]], users: [{ uid: 7, subject: USER }], attachments }),
      0,
    );
    return { world, sockets };
  };

  test('belongs to the listening socket until it has its own, and then is asked for no more', () => {
    const { world, sockets } = start();
    sockets.byPort.set(22, { uid: 0, inode: 50, state: TCP_LISTEN });
    world.inject([comes(0, 22, tcp(SYN))]);
    world.run(MS);
    sockets.byPort.set(22, { uid: 0, inode: 50, state: TCP_NEW_SYN_RECV });
    world.inject([leaves(2 * MS, 22, tcp(SYN | ACK)), comes(3 * MS, 22, tcp(ACK))]);
    world.run(4 * MS);
    // The process has accepted it, and is another one: a child under another user.
    sockets.byPort.set(22, { uid: 7, inode: 51 });
    world.inject([comes(5 * MS, 22, tcp(ACK)), leaves(6 * MS, 22, tcp(ACK)), comes(7 * MS, 22, tcp(ACK))]);
    world.run(SECOND);
    expect(sent(world, 'wan/down/a')).toBe(2);
    expect(sent(world, 'wan/up/a')).toBe(1);
    expect(sent(world, 'wan/down/b')).toBe(2);
    expect(sent(world, 'wan/up/b')).toBe(1);
    expect(sockets.asked.length).toBe(5);
    expect(world.totals.ownersUnknown).toBe(0);
  });

  test('keeps its owner when its socket closes', () => {
    const { world, sockets } = start();
    sockets.byPort.set(22, { uid: 7, inode: 51 });
    world.inject([comes(0, 22, tcp(ACK))]);
    world.run(MS);
    sockets.byPort.set(22, { uid: 0, inode: 50, state: TCP_TIME_WAIT });
    world.engine.flows.reclassifyAll();
    world.inject([comes(2 * MS, 22, tcp(ACK))]);
    world.run(3 * MS);
    sockets.byPort.clear();
    world.engine.flows.reclassifyAll();
    world.inject([comes(4 * MS, 22, tcp(ACK))]);
    world.run(SECOND);
    expect(sent(world, 'wan/down/b')).toBe(3);
  });

  test('is another one when a SYN comes again with the same ends', () => {
    const { world, sockets } = start();
    sockets.byPort.set(3000, { uid: 7, inode: 51 });
    world.inject([leaves(0, 3000, tcp(SYN)), leaves(MS, 3000, tcp(ACK))]);
    world.run(2 * MS);
    sockets.byPort.set(3000, { uid: 0, inode: 50 });
    world.inject([leaves(3 * MS, 3000, tcp(SYN)), leaves(4 * MS, 3000, tcp(ACK))]);
    world.run(SECOND);
    expect(sent(world, 'wan/up/b')).toBe(2);
    expect(sent(world, 'wan/up/a')).toBe(2);
    expect(sockets.asked.length).toBe(2);
  });

  test('does not ask for ever if it never gets a socket', () => {
    const { world, sockets } = start();
    sockets.byPort.set(22, { uid: 0, inode: 50, state: TCP_LISTEN });
    world.inject(Array.from({ length: 100 }, (_, n) => comes(n * MS, 22, tcp(ACK))));
    world.run(SECOND);
    expect(sent(world, 'wan/down/a')).toBe(100);
    expect(sockets.asked.length).toBe(OWNER_QUESTIONS_MAX);
  });
});

describe('a flow whose owner cannot be told', () => {
  test('goes by the other rules, and is counted once', () => {
    const { world, sockets } = worldOf();
    world.engine.updateSubjects(updateOf({ attachments: [attached(USER, 4, 'a')] }), 0);
    world.inject([
      leaves(0, 1),
      leaves(MS, 1),
      leaves(2 * MS, 1, { shape: { protocol: IPPROTO_ICMP } }),
      leaves(3 * MS, 1, { shape: { protocol: IPPROTO_ICMP } }),
    ]);
    world.run(SECOND);
    expect(sent(world, 'wan/up/default')).toBe(4);
    expect(world.totals).toMatchObject({ ownerQuestions: 1, ownersUnknown: 2 });
    expect(sockets.asked).toEqual([1]);
  });

  test('is not asked for again because its DSCP changes', () => {
    const { world, sockets } = worldOf();
    sockets.byPort.set(1, { uid: 7, inode: 9 });
    world.engine.updateSubjects(
      updateOf({ users: [{ uid: 7, subject: USER }], attachments: [attached(USER, 4, 'a')] }),
      0,
    );
    world.inject([0, 46, 0, 46].map((dscp, n) => leaves(n * MS, 1, { shape: { dscp } })));
    world.run(SECOND);
    expect(sent(world, 'wan/up/a')).toBe(4);
    expect(sockets.asked).toEqual([1]);
  });
});
