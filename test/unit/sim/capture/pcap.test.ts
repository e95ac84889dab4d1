import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DIRECTION_IN, DIRECTION_OUT, PcapError, readPcap } from '../../../../src/sim/capture/pcap.ts';
import { IPPROTO_TCP, IPPROTO_UDP, ipv4 } from '../../../../src/sim/packets/packets.ts';
import { behind, captureFile, ethernet, packetBytes } from './capture-file.ts';

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
    const capture = readPcap(captureFile(frames, options));
    expect([...capture.timeNs]).toEqual([0, 2.25e9 + 1_234_000]);
    expect([...capture.lengthBytes]).toEqual([100, 300]);
    expect([...capture.capturedBytes]).toEqual([100, 300]);
    expect(capture.bytes[capture.offset[1]] >> 4).toBe(6);
    expect(capture.isCut).toBe(false);
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
    const capture = readPcap(captureFile([{ ns: 0, bytes: behind(header, UDP) }], { linkType }));
    const at = capture.offset[0];
    expect([...capture.bytes.slice(at, at + 100)]).toEqual([...UDP]);
    expect([capture.capturedBytes[0], capture.lengthBytes[0]]).toEqual([100, 100]);
  });

  test('cooked captures say who sent', () => {
    const frame = (type: number) => ({ ns: 0, bytes: behind([0, type, ...Array<number>(14).fill(0)], UDP) });
    const capture = readPcap(captureFile([frame(4), frame(0)], { linkType: 113 }));
    expect([...capture.direction]).toEqual([DIRECTION_OUT, DIRECTION_IN]);
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
    const capture = readPcap(
      captureFile(
        [
          { ns: 0, bytes: padded },
          { ns: 1, bytes: snapped, wireBytes: 1514 },
        ],
        { linkType: 1 },
      ),
    );
    expect([...capture.lengthBytes]).toEqual([30, 1500]);
    expect([...capture.capturedBytes]).toEqual([46, 54]);
  });

  test('a length of 0, as of packets the card would have segmented, is the frame’s', () => {
    const big = packetBytes({ src: 1, dst: 2, protocol: IPPROTO_TCP }, 2000);
    big[2] = 0;
    big[3] = 0;
    expect(readPcap(captureFile([{ ns: 0, bytes: big, wireBytes: 40_000 }])).lengthBytes[0]).toBe(40_000);
  });

  test('frames shorter than their link header are packets of one byte without content', () => {
    const capture = readPcap(captureFile([{ ns: 0, bytes: new Uint8Array(5) }], { linkType: 1 }));
    expect([capture.lengthBytes[0], capture.capturedBytes[0]]).toEqual([1, 0]);
  });
});

describe('broken files', () => {
  test('no capture, another kind, an unknown link layer: said so', () => {
    const text = new TextEncoder().encode('just some text that is long enough');
    expect(() => readPcap(text)).toThrow(/not a capture file/);
    expect(() => readPcap(new Uint8Array(3))).toThrow(/too short/);
    const next = captureFile([]);
    next.set([0x0a, 0x0d, 0x0d, 0x0a]);
    expect(() => readPcap(next)).toThrow(/pcapng.*editcap/);
    expect(() => readPcap(captureFile([], { linkType: 147 }))).toThrow(/link type 147/);
  });

  test('a cut record ends the capture before it', () => {
    const file = captureFile([
      { ns: 0, bytes: UDP },
      { ns: 1e6, bytes: UDP },
    ]);
    for (const missing of [1, 99, 100, 110]) {
      const capture = readPcap(file.slice(0, file.length - missing));
      expect([capture.packets, capture.isCut]).toEqual([1, true]);
    }
    expect(readPcap(captureFile([])).packets).toBe(0);
  });

  test('time never runs backwards', () => {
    const frames = [5e9, 3e9, 5.5e9, 1e9].map((ns) => ({ ns, bytes: UDP }));
    expect([...readPcap(captureFile(frames)).timeNs]).toEqual([0, 0, 0.5e9, 0.5e9]);
  });

  test('any bytes behind a good header: columns in bounds, or a PcapError', () => {
    const links = [0, 1, 12, 101, 113, 276];
    const file = fc.record({
      body: fc.uint8Array({ maxLength: 300 }),
      linkType: fc.constantFrom(...links),
      isLittle: fc.boolean(),
    });
    fc.assert(
      fc.property(file, ({ body, linkType, isLittle }) => {
        const bytes = behind([...captureFile([], { linkType, isLittle })], body);
        const capture = readPcap(bytes);
        for (let i = 0; i < capture.packets; i++) {
          expect(capture.offset[i] + capture.capturedBytes[i]).toBeLessThanOrEqual(bytes.length);
          expect(capture.capturedBytes[i]).toBeGreaterThanOrEqual(0);
          expect(capture.lengthBytes[i]).toBeGreaterThanOrEqual(1);
          expect(capture.lengthBytes[i]).toBeLessThanOrEqual(0xffff);
          expect(capture.timeNs[i]).toBeGreaterThanOrEqual(capture.timeNs[Math.max(0, i - 1)]);
        }
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          readPcap(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(PcapError);
        }
      }),
    );
  });
});
