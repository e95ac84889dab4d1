import { describe, expect, test } from 'vitest';
import { IPPROTO_TCP } from '../../../../src/packet/tcp-header.ts';
import { CARRIES_IP } from '../../../../src/sim/capture/links.ts';
import { DIRECTION_IN, DIRECTION_OUT } from '../../../../src/sim/capture/records.ts';
import { IPPROTO_UDP, ipv4 } from '../../../../src/sim/packets/packets.ts';
import { behind, captureFile, ethernet, packetBytes } from './capture-file.ts';
import { readAll } from './read-all.ts';

const UDP = packetBytes(
  { src: ipv4(10, 0, 0, 1), dst: ipv4(8, 8, 8, 8), protocol: IPPROTO_UDP, sport: 1, dport: 53 },
  100,
);
const TCP6 = packetBytes(
  { src: [0xfd000000, 0, 0, 1], dst: [0x20010db8, 0, 0, 1], protocol: IPPROTO_TCP, sport: 1, dport: 443 },
  300,
);

describe('variants', () => {
  test.each([
    ['little, microseconds', { isLittle: true, isNano: false }],
    ['big, microseconds', { isLittle: false, isNano: false }],
    ['little, nanoseconds', { isLittle: true, isNano: true }],
    ['big, nanoseconds', { isLittle: false, isNano: true }],
  ])('%s', (_, options) => {
    const frames = [
      { ns: 0.25e9, bytes: UDP },
      { ns: 2.5e9 + 1_234_000, bytes: TCP6 },
    ];
    const capture = readAll(captureFile(frames, options));
    expect(capture.packets.map(({ atNs }) => atNs)).toEqual([0, 2.25e9 + 1_234_000]);
    expect(capture.packets.map(({ lengthBytes }) => lengthBytes)).toEqual([100, 300]);
    expect(capture.packets.map(({ bytes }) => bytes.length)).toEqual([100, 300]);
    expect(capture.packets[1]!.bytes[0]! >> 4).toBe(6);
    expect(capture.trouble).toBe(null);
  });

  test.each<[string, number, number[]]>([
    ['raw IP', 101, []],
    ['Ethernet', 1, ethernet(0x0800)],
    ['Ethernet with a VLAN tag', 1, ethernet(0x0800, 0x8100)],
    ['Ethernet with two', 1, ethernet(0x0800, 0x88a8, 0x8100)],
    ['Linux cooked', 113, [0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0]],
    ['Linux cooked 2', 276, [8, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0]],
    ['BSD loopback', 0, [2, 0, 0, 0]],
  ])('%s', (_, linkType, header) => {
    const [packet] = readAll(captureFile([{ ns: 0, bytes: behind(header, UDP) }], { linkType })).packets;
    expect(packet!.bytes).toEqual([...UDP]);
    expect([packet!.carries, packet!.lengthBytes]).toEqual([CARRIES_IP, 100]);
  });

  test('cooked captures say who sent', () => {
    const frame = (type: number) => ({ ns: 0, bytes: behind([0, type, ...Array<number>(14).fill(0)], UDP) });
    const { packets } = readAll(captureFile([frame(4), frame(0)], { linkType: 113 }));
    expect(packets.map(({ direction }) => direction)).toEqual([DIRECTION_OUT, DIRECTION_IN]);
  });
});

describe('lengths', () => {
  test("Ethernet's padding does not count; what was not captured does", () => {
    const short = packetBytes({ src: 1, dst: 2, protocol: IPPROTO_UDP }, 30);
    const padded = behind(ethernet(0x0800), Uint8Array.from([...short, ...Array<number>(16).fill(0)]));
    const snapped = behind(
      ethernet(0x0800),
      packetBytes({ src: 1, dst: 2, protocol: IPPROTO_TCP }, 1500),
    ).slice(0, 68);
    const { packets } = readAll(
      captureFile(
        [
          { ns: 0, bytes: padded },
          { ns: 1, bytes: snapped, wireBytes: 1514 },
        ],
        { linkType: 1 },
      ),
    );
    expect(packets.map(({ lengthBytes }) => lengthBytes)).toEqual([30, 1500]);
    expect(packets.map(({ bytes }) => bytes.length)).toEqual([46, 54]);
  });

  test('a length of 0, as of packets the card would have segmented, is the frame’s', () => {
    const big = packetBytes({ src: 1, dst: 2, protocol: IPPROTO_TCP }, 2000);
    big[2] = 0;
    big[3] = 0;
    expect(readAll(captureFile([{ ns: 0, bytes: big, wireBytes: 40_000 }])).packets[0]!.lengthBytes).toBe(
      40_000,
    );
  });

  test('frames shorter than their link header are packets of one byte without content', () => {
    const [packet] = readAll(captureFile([{ ns: 0, bytes: new Uint8Array(5) }], { linkType: 1 })).packets;
    expect([packet!.lengthBytes, packet!.bytes.length]).toEqual([1, 0]);
  });
});

test('a cut record ends the capture before it', () => {
  const file = captureFile([
    { ns: 0, bytes: UDP },
    { ns: 1e6, bytes: UDP },
  ]);
  for (const missing of [1, 99, 100, 110]) {
    const { packets, trouble } = readAll(file.slice(0, file.length - missing));
    expect(packets).toHaveLength(1);
    expect(trouble).toEqual({ kind: 'cut', atByte: 24 + 16 + 100 });
  }
  expect(readAll(captureFile([])).packets).toEqual([]);
});

test('a record that cannot be one is damage, with its place', () => {
  const file = captureFile([1, 2, 3].map((ns) => ({ ns, bytes: UDP })));
  const second = 24 + 116;
  for (const at of [second + 4, second + 8]) {
    const damaged = file.slice();
    damaged.fill(0xff, at, at + 4);
    expect(readAll(damaged)).toMatchObject({ trouble: { kind: 'damaged', atByte: second } });
  }
});
