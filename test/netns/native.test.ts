/**
 * The addon on real packets: every scenario of native-scenarios.ts in a fresh network namespace. A second
 * namespace at the other end of a veth replies to pings.
 */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { compileInto } from '../../bench/compiled.ts';
import { findAddon } from '../../src/io/nfqueue/addon.ts';
import { ARRIVAL_ROWS, EDIT_BYTES, SLOT_BYTES } from '../../src/limits.ts';

const run = promisify(execFile);
/** For the scenarios, compiled: each is a process, and tsx would take most of its time. */
const COMPILED = mkdtempSync(join(tmpdir(), 'shaper-native-'));
const SCRIPT = join(COMPILED, 'test/netns/native-scenarios.js');
const NS = `shnat${process.pid}`;
const PEER = `${NS}p`;
const ip = (...args: string[]): string => execFileSync('ip', args, { encoding: 'utf8' });

// biome-ignore lint/suspicious/noExplicitAny: the result of a scenario is whatever it printed
type Result = any;

async function scenario(name: string, through: string[] = [], flags: string[] = []): Promise<Result> {
  const command = [...through, process.execPath, ...flags, SCRIPT, name];
  const { stdout, stderr } = await run('ip', ['netns', 'exec', NS, ...command], {
    env: { ...process.env, SHAPER_ADDON: findAddon() },
    timeout: 100_000,
  });
  expect(stderr.replace(/^.*(Warning|trace-warnings).*\n/gm, '')).toBe('');
  return JSON.parse(stdout);
}

describe('native port on real packets', () => {
  beforeAll(() => compileInto(COMPILED, [join(import.meta.dirname, 'native-scenarios.ts')]));
  afterAll(() => rmSync(COMPILED, { recursive: true }));
  beforeEach(() => {
    ip('netns', 'add', NS);
    ip('netns', 'add', PEER);
    ip('-n', NS, 'link', 'set', 'lo', 'up');
    ip('-n', NS, 'link', 'add', 'n0', 'type', 'veth', 'peer', 'name', 'p0', 'netns', PEER);
    ip('-n', NS, 'address', 'add', '10.77.0.1/24', 'dev', 'n0');
    ip('-n', PEER, 'address', 'add', '10.77.0.2/24', 'dev', 'p0');
    ip('-n', NS, 'link', 'set', 'n0', 'up');
    ip('-n', PEER, 'link', 'set', 'p0', 'up');
  });

  afterEach(() => {
    for (const name of [NS, PEER]) if (existsSync(`/run/netns/${name}`)) ip('netns', 'delete', name);
  });

  test('columns hold what was sent; accepted packets arrive, dropped ones do not', async () => {
    const { packets, received, held, failures } = await scenario('acceptAndDrop');
    const ids = packets.map((packet: Result) => packet.id);
    expect(ids).toEqual(ids.map((_: number, i: number) => ids[0] + i));
    packets.slice(0, 19).forEach((packet: Result, i: number) => {
      const bytes = 28 + `w${i}`.length;
      expect(packet).toMatchObject({ nfqueue: 0, hook: 1, ifIndexIn: 1, ifIndexOut: 0, mark: 0x1234 });
      expect(packet).toMatchObject({ lengthBytes: bytes, copiedBytes: bytes, text: `w${i}` });
    });
    expect(packets[19]).toMatchObject({ lengthBytes: 528, copiedBytes: 128, text: 'x'.repeat(100) });
    const odd = Array.from({ length: 9 }, (_, i) => `w${2 * i + 1}`);
    expect(received).toEqual([...odd, 'x'.repeat(500)]);
    expect({ held, failures }).toEqual({ held: 0, failures: 0 });
  });

  test('IPv6, on the second queue', async () => {
    expect(await scenario('ipv6')).toEqual({ version: 6, nfqueue: 1, status: 0 });
  });

  test('held packets stay in the kernel and leave in the order of the verdicts', async () => {
    const { early, held, received } = await scenario('holdAndReorder');
    expect({ early, held }).toEqual({ early: 0, held: 300 });
    expect(received).toEqual(Array.from({ length: 300 }, (_, i) => `w${299 - i}`));
  });

  test('a batch verdict counts for everything up to an id', async () => {
    const { first, held, failures } = await scenario('batchVerdict');
    expect(first).toEqual(['w0', 'w1', 'w2', 'w3', 'w4', 'w5']);
    expect({ held, failures }).toEqual({ held: 0, failures: [] });
  });

  test('the mark is set when asked, and only then', async () => {
    expect(await scenario('mark')).toEqual(['w1', 'w2']);
  });

  test('new bytes replace the packet: as long, longer, shorter; a wrong checksum loses it', async () => {
    const { four, six, wrong, failures } = await scenario('editPayload');
    const edited = (version: number): string[] => [
      `${version} SAME`,
      `${version} long ${'er'.repeat(700)}`,
      `${version}`,
      `${version} plain`,
    ];
    expect(four).toEqual(edited(4));
    expect(six).toEqual(edited(6));
    expect({ wrong, failures }).toEqual({ wrong: 2, failures: [] });
  });

  test('new bytes outside the slab or for a batch verdict are refused before the kernel sees them', async () => {
    const { failures, received, counters } = await scenario('editRefusals');
    expect(failures).toEqual([1, 2, 3].map((tag) => ({ tag, errno: 22 })));
    expect(received).toEqual(['b edited', 'a', 'c']);
    expect(counters).toMatchObject({ verdictErrors: 0, sendErrors: 3 });
  });

  test('edited packets keep their place; no batch verdict takes them; a packet copied in part is not edited', async () => {
    const { received, rows, refused, failures } = await scenario('writerEdits');
    const texts = ['a', 'b', 'c edited', 'd', 'e', 'f edited', 'g edited', 'h', 'long......', 'i'];
    expect(received).toEqual(texts);
    const edited = (text: string): object => ({ isJoined: false, payloadBytes: 28 + text.length });
    const joined = { isJoined: true, payloadBytes: 0 };
    expect(rows).toEqual([
      joined,
      edited('c edited'),
      joined,
      edited('f edited'),
      edited('g edited'),
      joined,
    ]);
    expect({ refused, failures }).toEqual({ refused: ['long'], failures: [] });
  });

  test('each queue has its copy range; whole datagrams of any length can be edited', async () => {
    const { packets, bytes, received, counters } = await scenario('copyRanges');
    expect(packets).toEqual([
      [0, 128, 128],
      [0, 1500, 1500],
      [0, 65_028, 65_028],
      [1, 78, 78],
      [1, 528, 128],
    ]);
    expect(bytes).toBe(true);
    expect(received).toEqual([
      [100, 'x'],
      [1472, 'x'],
      [65_400, 'y'],
    ]);
    expect(counters).toMatchObject({ truncated: 0, malformed: 0, verdictErrors: 0, sendErrors: 0 });
  });

  test('superpackets and segments of TCP are edited in full', async () => {
    const { skbInfo, longest, cut, intact } = await scenario('editSuperpackets');
    expect(longest).toBeGreaterThan(15_000);
    // Both bits of a superpacket, checksum not ready and GSO; segments come complete.
    expect(skbInfo.map((info: number) => info & 3)).toEqual([3, 0]);
    expect({ cut, intact }).toEqual({ cut: 0, intact: true });
  });

  test('refused verdicts come back with their tags, all of them, and stop nothing', async () => {
    const { received, failures, tags, counters } = await scenario('refusals');
    expect(received).toEqual(['w0', 'w1']);
    // Queue 5 is not ours: refused before the kernel sees it, so it is reported first.
    expect(failures).toEqual([
      { tag: 78, errno: 22 },
      { tag: 77, errno: 2 },
    ]);
    expect(tags).toEqual(Array.from({ length: 1000 }, (_, i) => 1000 + i));
    expect(counters).toMatchObject({ verdictErrors: 1001, sendErrors: 1, malformed: 0, truncated: 0 });
  });

  test('verdicts that could not be sent wake the loop until all are reported', async () => {
    const { tags, counters } = await scenario('unsentWakes');
    expect(tags).toEqual(Array.from({ length: 600 }, (_, i) => i));
    expect(counters).toMatchObject({ verdictErrors: 0, sendErrors: 600 });
  });

  test('the timer wakes once, never early; a past due time at once; disarmed never', async () => {
    const { lateNs, afterDisarm } = await scenario('timer');
    for (const late of lateNs) expect(late).toBeGreaterThanOrEqual(0);
    expect(afterDisarm).toBe(0);
  });

  test('a timer is set again unless it is early by no more than the slack, and for any time of years', async () => {
    const { moved, missedNs } = await scenario('timerSet');
    const [within, later, earlier] = moved;
    expect(within).toBeLessThanOrEqual(0);
    expect(later).toBeGreaterThan(45e6);
    expect(earlier).toBeLessThanOrEqual(-50e6);
    // In its second year the program still releases packets.
    expect(Math.abs(missedNs)).toBeLessThan(1e9);
  });

  test('superpackets come whole where the flag was asked for, in segments elsewhere', async () => {
    const { granted, longest, skbInfo, copied, intact } = await scenario('superpackets');
    expect(granted.gso).toEqual([true, false]);
    expect(longest[0]).toBeGreaterThan(15_000);
    expect(longest[0]).toBeLessThanOrEqual(65_535);
    expect(longest[1]).toBeLessThanOrEqual(1500);
    expect(skbInfo[0] & 2).toBe(2);
    expect(copied).toEqual([128]);
    expect(intact).toBe(true);
  });

  test('link address of remote senders, none of local ones', async () => {
    const { local, far, status } = await scenario('linkAddress');
    expect(local).toMatchObject({ hook: 3, ifIndexIn: 0, ifIndexOut: 1, mac: '000000000000' });
    const [{ address }] = JSON.parse(ip('-n', PEER, '-j', 'link', 'show', 'p0'));
    expect(far).toMatchObject({ nfqueue: 1, mac: address.replaceAll(':', '') });
    expect(status).toBe(0);
  });

  test('the port of a bridge beside the bridge, where br_netfilter shows it', async () => {
    for (const command of ['add br0 type bridge', 'set n0 master br0', 'set br0 up'])
      ip('-n', NS, 'link', ...command.split(' '));
    ip('-n', NS, 'address', 'flush', 'dev', 'n0');
    ip('-n', NS, 'address', 'add', '10.77.0.1/24', 'dev', 'br0');
    const { far, status } = await scenario('bridgePort');
    const indexOf = (name: string): number => JSON.parse(ip('-n', NS, '-j', 'link', 'show', name))[0].ifindex;
    expect(far).toMatchObject({
      hook: 1,
      ifIndexIn: indexOf('br0'),
      ifIndexOut: 0,
      portIn: indexOf('n0'),
      portOut: 0,
    });
    expect(status).toBe(0);
  });

  test('a full socket loses packets, counts them, and goes on', async () => {
    const { socketFull, packets, received, counters } = await scenario('socketOverflow');
    expect(socketFull).toBeGreaterThan(0);
    expect(packets).toBe(500 - socketFull);
    expect(received).toBe(packets);
    expect(counters).toMatchObject({ enobufs: socketFull, verdictErrors: 0 });
  });

  test('a full queue drops in the kernel and says so in procfs', async () => {
    expect(await scenario('queueOverflow')).toMatchObject({
      packets: 16,
      kernel: { held: 16, queueFull: 24, socketFull: 0 },
    });
  });

  test('NFQUEUEs come, change and go while packets and refusals wait unread', async () => {
    expect(await scenario('changeWhileUnread')).toEqual({
      opened: { open: [0, 1, 2, 3], kernel: 4, gso: [true, true, true, true] },
      failures: [{ tag: 77, errno: 2 }],
      unread: 2,
      received: ['w0', 'w1', 'w2', 'w3', 'w4'],
      ...{ waiting: 8, queueFull: 4, open: [0, 1, 2] },
    });
  });

  test('slots grow for whole packets while short copies wait unread', async () => {
    expect(await scenario('copiesGrow')).toEqual({
      copied: [
        ...[0, 1, 2].map((i) => [30, 30, `w${i}`]),
        ...[
          [20_028, 128, 'x100'],
          [32, 32, 'late'],
          [20_028, 20_028, 'x20000'],
          [20_028, 128, 'x100'],
        ],
      ],
      ...{ truncated: 0, malformed: 0, received: 6 },
    });
  });

  test('a change that the kernel refuses leaves everything as it was', async () => {
    const { error, open, packets } = await scenario('changeRefused');
    expect(error).toMatchObject({ typed: true, code: 'EBUSY', hint: expect.stringContaining('43') });
    expect({ open, packets }).toEqual({ open: [0, 1], packets: 20 });
  });

  test('no packet is lost while NFQUEUEs come, change and go under a flood', async () => {
    expect(await scenario('changeUnderFlood')).toEqual({
      ...{ lost: ['0', '0', '0', '0'], verdictErrors: 0, malformed: 0, enobufs: 0 },
    });
  });

  test('a second opener is refused with a reason, and the first goes on', async () => {
    const { errors, received, queues } = await scenario('secondOpener');
    for (const error of errors.slice(0, 2)) {
      expect(error).toMatchObject({ typed: true, code: 'EBUSY', syscall: 'nfqueue bind' });
      expect(error.hint).toMatch(/^queue 40 belongs to another program \(netlink port \d+/);
    }
    expect(errors[2]).toBe(null);
    expect({ received, queues }).toEqual({ received: ['still here'], queues: 2 });
  });

  test('without the capability the error says which one is missing', async () => {
    const without = ['setpriv', '--inh-caps=-net_admin', '--bounding-set=-net_admin'];
    const { code, hint } = await scenario('noCapability', without);
    expect(code).toBe('EPERM');
    expect(hint).toMatch(/CAP_NET_ADMIN/);
  });

  test('packets that come while the queues are being bound get verdicts too', async () => {
    const { seen, leftHeld, counters } = await scenario('earlyPackets');
    expect(seen).toBeGreaterThan(0);
    expect(leftHeld).toBe(0);
    for (const counts of counters) {
      expect(counts).toEqual({ enobufs: 0, truncated: 0, malformed: 0, verdictErrors: 0, sendErrors: 0 });
    }
  });

  test('works in a worker thread, and ends with it', async () => {
    expect(await scenario('worker')).toEqual({ received: 50, exitCode: 1, queuesLeft: 0 });
  });

  test('what the callback throws is uncaught; it may close the port', async () => {
    const { uncaught, microtask, drained, afterClose } = await scenario('throwingCallback');
    expect(uncaught).toEqual(['from the callback']);
    expect({ microtask, drained, afterClose }).toEqual({ microtask: true, drained: 0, afterClose: 'EBADF' });
  });

  test('timers, immediates, ticks, promises, pipes, children and signals have their turns', async () => {
    const { wakeups, intervals, immediates, ticks, promises, exitCode } = await scenario('othersTakeTurns');
    expect(exitCode).toBe(0);
    expect(intervals).toBeGreaterThanOrEqual(50);
    const asked = Math.floor(wakeups / 10);
    // The last one may not have had its turn yet.
    for (const count of [immediates, ticks, promises]) {
      expect(count).toBeGreaterThanOrEqual(asked - 1);
      expect(count).toBeLessThanOrEqual(asked);
    }
  });

  test('wake-ups of the port alone are no turns of the event loop', async () => {
    // V8 marks in steps, each of which asks for a turn.
    const { wakeups, turns } = await scenario('waitsInPlace', [], ['--no-incremental-marking']);
    expect(wakeups).toBe(200);
    expect(turns).toBeLessThan(50);
  });

  test('packets that come closely are waited for by a read', async () => {
    const { inRead, looks } = await scenario('waitsByReading');
    expect(looks).toBe(200);
    expect(inRead).toBeGreaterThan(20);
  });

  test('promptness is asked for, reported, and not handed on to children', async () => {
    const { asked, again, own, child, givenBack, takenAgain } = await scenario('promptness');
    expect({ niceness: asked.niceness, own, child }).toEqual({ niceness: -20, own: -20, child: 0 });
    expect({ givenBack, takenAgain }).toEqual({ givenBack: 0, takenAgain: -20 });
    expect([0, 100_000]).toContain(asked.sliceNs);
    expect(again).toEqual(asked);
  });

  test('who leads a session asks for all of it, nobody else does', async () => {
    const others = (await scenario('promptness')).asked.sessionNiceness;
    const leader = (await scenario('promptness', ['setsid', '--wait'])).asked.sessionNiceness;
    const hasSessions = existsSync('/proc/self/autogroup');
    expect({ others, leader }).toEqual({ others: 0, leader: hasSessions ? -20 : 0 });
  });

  test('a niceness or policy that was chosen stays; without the capability it is only reported', async () => {
    const nice = await scenario('promptness', ['nice', '-n', '5']);
    expect(nice).toMatchObject({ asked: { niceness: 5 }, givenBack: 5, takenAgain: 5 });
    expect((await scenario('promptness', ['chrt', '-r', '1'])).asked).toMatchObject({
      niceness: 0,
      sliceNs: 0,
    });
    const without = ['setpriv', '--inh-caps=-sys_nice', '--bounding-set=-sys_nice'];
    expect(await scenario('promptness', without)).toMatchObject({ asked: { niceness: 0 }, own: 0 });
  });

  test('memory is owned by native code: nobody takes it away, and it outlives the queue', async () => {
    const { rows, ends } = await scenario('ownMemory', [], ['--expose-gc']);
    expect(rows).toBe(0);
    const slabBytes = ARRIVAL_ROWS * SLOT_BYTES + EDIT_BYTES;
    expect(ends).toEqual([45_056, slabBytes, 80].map((bytes) => [bytes, 9]));
  });

  test('arguments of any kind, a foreign `this` and calls after close end in errors', async () => {
    const { send, arm, onReady, others, closed } = await scenario('hostileArguments');
    const each = (error: string) => Array.from({ length: 12 }, () => error);
    expect(send).toEqual(each('RangeError: count must be a whole number from 0 to 1024'));
    expect(onReady).toEqual(each('TypeError: callback must be a function'));
    // Any number but NaN is an instant: past, soon, or never.
    const notNumber = 'TypeError: dueNs must be a number';
    expect(arm).toEqual(each(notNumber).fill('', 1, 6));
    expect(others).toEqual(each('TypeError: Illegal invocation').slice(0, 3));
    const afterClose = ['Error: sendmsg: Bad file descriptor', 'TypeError: onReady needs an open port', ''];
    expect(closed).toEqual([...afterClose, 0, 0, [false]]);
  });

  test('the process may end with the port open', async () => {
    expect(await scenario('exitWhileOpen')).toEqual({ held: 5 });
  });
});
