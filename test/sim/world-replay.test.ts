/** Captures through the shaper: ways, instants, counts, and anything a file may hold. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { IPPROTO_TCP } from '../../src/packet/tcp-header.ts';
import { runReplay } from '../../src/sim/capture/replay.ts';
import { type CaptureScan, scanCapture } from '../../src/sim/capture/scan.ts';
import { readAtOf } from '../../src/sim/capture/window.ts';
import { IPPROTO_UDP, ipv4, type PacketShape } from '../../src/sim/packets/packets.ts';
import { behind, captureFile, ethernet, type Frame, packetBytes } from '../unit/sim/capture/capture-file.ts';
import { bottleneck, MS } from './net.ts';
import { shaper } from './world.ts';

const HOME = ipv4(192, 168, 1, 10);
const SERVER = ipv4(198, 51, 100, 7);
const OTHER = ipv4(203, 0, 113, 9);

const request: PacketShape = { src: HOME, dst: SERVER, protocol: IPPROTO_TCP, sport: 40_000, dport: 443 };
const response: PacketShape = { src: SERVER, dst: HOME, protocol: IPPROTO_TCP, sport: 443, dport: 40_000 };
const frame = (ns: number, shape: PacketShape, lengthBytes: number): Frame => ({
  ns,
  bytes: packetBytes(shape, lengthBytes),
});
const scanned = (file: Uint8Array): CaptureScan => scanCapture(readAtOf(file));
const BOTH = shaper({
  wan: {
    up: { rate: 125_000, burst: 1500, leaves: [{ name: 'default', limitPackets: 4 }] },
    down: { rate: 125_000, burst: 1500 },
  },
});

test('up and down by addresses; at its rate, to the last packet', () => {
  const frames = [
    ...Array.from({ length: 8 }, (_, i) => frame(i * MS, request, 1500)),
    frame(8 * MS, response, 500),
  ];
  const capture = scanned(captureFile(frames));
  const { report } = runReplay(BOTH, capture, 'file.pcap', 1, { releaseSlackNs: 0 });
  expect(report.scenario).toBe('file.pcap');
  expect(report.totals).toMatchObject({
    received: { packets: 9, bytes: 12_500 },
    accepted: { packets: 6 },
    dropped: { packets: 3 },
    held: { packets: 0 },
    unparsed: 0,
  });
  // One goes at once, four wait 12 ms each: the last leaves at 48 ms, though the capture ends at 8.
  expect(report.durationSeconds).toBe(0.048);
  expect(report.flows).toMatchObject([
    { name: 'tcp 192.168.1.10:40000 > 198.51.100.7:443', protocol: 'tcp', dropped: 3 },
    { name: 'tcp 198.51.100.7:443 > 192.168.1.10:40000', protocol: 'tcp', dropped: 0 },
  ]);
  expect(report.flows[0].delayMilliseconds).toMatchObject({ max: 44 });
  expect(report.classes.find(({ path }) => path === 'wan/down/default')?.throughputBitsPerSecond).toBeCloseTo(
    // The up link needs 60 ms for its five packets, more than the run lasted.
    (500 * 8) / 0.06,
  );
  expect(runReplay(BOTH, capture, 'file.pcap', 1, { releaseSlackNs: 0 }).report).toEqual(report);
});

test('where addresses do not tell, who speaks first is inside', () => {
  const there: PacketShape = { src: OTHER, dst: SERVER, protocol: IPPROTO_UDP, sport: 7, dport: 8 };
  const back: PacketShape = { src: SERVER, dst: OTHER, protocol: IPPROTO_UDP, sport: 8, dport: 7 };
  const { flows } = scanned(captureFile([frame(0, there, 60), frame(1, back, 60)]));
  expect(flows.map(({ isUp }) => isUp)).toEqual([true, false]);
  const cooked = (type: number, shape: PacketShape): Frame => ({
    ns: 0,
    bytes: behind([0, type, ...Array<number>(12).fill(0), 8, 0], packetBytes(shape, 60)),
  });
  const file = captureFile([cooked(0, there), cooked(4, back)], { linkType: 113 });
  expect(scanned(file).flows.map(({ isUp }) => isUp)).toEqual([false, true]);
});

test('addresses of IPv6 are written short', () => {
  const shape: PacketShape = {
    src: [0xfe800000, 0, 0, 1],
    dst: [0x20010db8, 0x00010000, 0, 0x00020003],
    protocol: IPPROTO_UDP,
    sport: 1,
    dport: 2,
  };
  const { flows } = scanned(captureFile([frame(0, shape, 60)]));
  expect(flows[0].name).toBe('udp [fe80::1]:1 > [2001:db8:1::2:3]:2');
  expect(flows[0].isUp).toBe(true);
});

test('what cannot be parsed is counted, shaped as unknown protocol, and its time is kept', () => {
  const stp = { ns: 0, bytes: behind(ethernet(0x0027), new Uint8Array(39)) };
  const cut = {
    ns: MS,
    bytes: behind(ethernet(0x0800), packetBytes(request, 1500)).slice(0, 30),
    wireBytes: 1514,
  };
  const fine = { ns: 2 * MS, bytes: behind(ethernet(0x0800), packetBytes(request, 1500)) };
  const empty = { ns: 3 * MS, bytes: new Uint8Array(0) };
  const capture = scanned(captureFile([stp, cut, fine, empty], { linkType: 1 }));
  const { report } = runReplay(bottleneck({}), capture, 'x', 1);
  expect(report.totals.unparsed).toBe(3);
  expect(report.totals.received.packets).toBe(4);
  expect(report.totals.accepted.packets).toBe(4);
  expect(report.flows.map(({ name, protocol }) => [name, protocol])).toEqual([
    ['tcp 192.168.1.10:40000 > 198.51.100.7:443', 'tcp'],
    ['unparsed up', 'unknown'],
  ]);
});

test('an empty capture is a run of no time', () => {
  const { report } = runReplay(BOTH, scanned(captureFile([])), 'empty', 1);
  expect(report.durationSeconds).toBe(0);
  expect(report.totals.received).toEqual({ packets: 0, bytes: 0 });
  expect(report.flows).toEqual([]);
  expect(report.classes[0].throughputBitsPerSecond).toBe(0);
});

test('a direction that is not shaped lets its packets pass unseen', () => {
  const onlyDown = shaper({ wan: { down: { rate: 125_000, burst: 1500 } } });
  const frames = [frame(0, request, 1500), frame(0, request, 1500), frame(0, response, 800)];
  const { report } = runReplay(onlyDown, scanned(captureFile(frames)), 'x', 1);
  expect(report.totals.received).toEqual({ packets: 1, bytes: 800 });
  expect(report.flows[0].delayMilliseconds.max).toBe(0);
});

test('the largest flows have names, the rest are summed up', () => {
  const frames = Array.from({ length: 500 }, (_, i) =>
    frame(i * MS, { ...request, sport: 1000 + i }, 100 + i),
  );
  const { report } = runReplay(bottleneck({}), scanned(captureFile(frames)), 'x', 1);
  expect(report.flows.length).toBe(201);
  expect(report.flows.find(({ name }) => name === 'other tcp up')?.count).toBe(300);
  expect(report.flows.reduce((sum, { count }) => sum + count, 0)).toBe(500);
});

test('anything in it is replayed to its end', () => {
  const packet = fc.record({
    ns: fc.integer({ min: 0, max: 2e9 }),
    bytes: fc.uint8Array({ maxLength: 120 }),
    wireBytes: fc.integer({ min: 0, max: 0xffffffff }),
  });
  const frames = fc.array(packet, { maxLength: 40 });
  fc.assert(
    fc.property(frames, fc.constantFrom(1, 101, 113), (list, linkType) => {
      const capture = scanned(captureFile(list, { linkType }));
      const { report } = runReplay(bottleneck({}, 1e9, { rate: 1e9, burst: 1e6 }), capture, 'x', 1, {
        samples: 2,
      });
      const { received, accepted, dropped, held, unparsed, neverQueued } = report.totals;
      expect(received.packets + neverQueued).toBe(list.length);
      expect([accepted.packets + dropped.packets, held.packets]).toEqual([received.packets, 0]);
      expect(unparsed).toBeLessThanOrEqual(list.length);
    }),
    { numRuns: 8 },
  );
});
