import { describe, expect, it } from 'vitest';
import { countPorts, SpoofWatch } from '../../../../src/control/hosts/spoofing.ts';
import {
  ADDRESS_FLAGS,
  ADDRESS_GENERATION,
  ADDRESS_IF_INDEX,
  ADDRESS_MAC_HIGH,
  ADDRESS_MAC_LOW,
  ADDRESS_OWN,
  ADDRESS_WORDS,
  createHostMemory,
  HEADER_ADDRESSES_END,
  NEWS_LEARNED,
  NEWS_MANY,
  NEWS_MOVED,
  NEWS_NEW_HOST,
  NEWS_PORT,
} from '../../../../src/core/hosts/host-layout.ts';
import {
  createHostNewsRecord,
  type HostNewsRecord,
  HostReader,
} from '../../../../src/core/hosts/host-reader.ts';

const [A, B, C] = [0x01, 0x02, 0x03];
const text = (low: number, high = '00:50'): string => `${high}:00:00:00:${low.toString(16).padStart(2, '0')}`;

function setUp() {
  const told: Record<string, unknown>[] = [];
  const watch = new SpoofWatch({
    emit: (type, data) => {
      expect(type).toBe('spoof');
      told.push(data as Record<string, unknown>);
    },
    portName: (ifIndex) => `port${ifIndex}`,
  });
  const look = (kind: number, news: Partial<HostNewsRecord>, nowMs: number): void => {
    const words = Uint32Array.of(0x0a00000c, 0, 0, 0);
    const record = {
      ...createHostNewsRecord(),
      macHigh: 0x0050,
      ifIndex: 3,
      family: 4,
      words,
      kind,
      ...news,
    };
    watch.look(record, nowMs);
  };
  const moved = (from: number, to: number, flips: number, nowMs: number, news = {}): void =>
    look(
      NEWS_MOVED,
      { oldMacHigh: 0x0050, oldMacLow: from, macLow: to, flips, oldIfIndex: 3, ...news },
      nowMs,
    );
  const made = (low: number, nowMs: number, news = {}): void =>
    look(NEWS_NEW_HOST, { macHigh: 0x0250, macLow: low, ...news }, nowMs);
  return { told, watch, look, moved, made, reasons: () => told.splice(0).map(({ reason }) => reason) };
}

describe('spoofing', () => {
  it('is told of a MAC behind another port, once a minute', () => {
    const { told, look } = setUp();
    const port = { macLow: A, ifIndex: 4, oldIfIndex: 3, flips: 1 };
    look(NEWS_PORT, port, 1000);
    look(NEWS_PORT, { ...port, flips: 2 }, 60_999);
    expect(told.splice(0)).toEqual([
      {
        ...{ reason: 'second-port', mac: text(A), port: 'port4', before: 'port3', times: 1 },
        message: `${text(A)} is behind port4 now, and was behind port3`,
      },
    ]);
    look(NEWS_PORT, { ...port, macLow: B }, 61_000);
    look(NEWS_PORT, { ...port, flips: 3 }, 61_000);
    expect(told.map(({ mac, times }) => [mac, times])).toEqual([
      [text(B), 1],
      [text(A), 3],
    ]);
  });

  it('is told of a MAC with many addresses, and what to say if it is a router', () => {
    const { told, look } = setUp();
    look(NEWS_MANY, { macLow: A }, 1000);
    look(NEWS_MANY, { macLow: A, ifIndex: 0 }, 60_999);
    expect(told.splice(0)).toEqual([
      {
        ...{ reason: 'many-addresses', mac: text(A), port: 'port3' },
        message:
          `${text(A)} has more than 16 IPv4 addresses at a time, and is one host: ` +
          'if it is a router, say hosts: identify: address',
      },
    ]);
  });

  it('is told of an address that moves to another port with its MAC (identify: port)', () => {
    const { told, moved } = setUp();
    moved(A, A, 1, 0, { oldIfIndex: 3, ifIndex: 3 });
    expect(told).toEqual([]);
    moved(A, A, 1, 0, { oldIfIndex: 3, ifIndex: 4 });
    expect(told).toMatchObject([
      { reason: 'second-port', mac: text(A), address: '10.0.0.12', port: 'port4', before: 'port3' },
    ]);
  });

  it('is told of two MACs that take turns at an address within a minute', () => {
    const { told, moved, reasons } = setUp();
    // A lease that goes to another device is none.
    moved(A, B, 1, 0);
    moved(B, C, 2, 1000);
    expect(reasons()).toEqual([]);
    moved(C, B, 3, 61_000);
    expect(told.splice(0)).toEqual([
      {
        ...{
          reason: 'taking-turns',
          address: '10.0.0.12',
          macs: [text(B), text(C)],
          port: 'port3',
          times: 3,
        },
        message: `${text(C)} and ${text(B)} take turns at 10.0.0.12`,
      },
    ]);
    // Told already; a minute later it is told again, if they still do.
    moved(B, C, 4, 62_000);
    expect(reasons()).toEqual([]);
    moved(C, B, 5, 121_000);
    expect(reasons()).toEqual(['taking-turns']);
    // Too long ago.
    moved(B, C, 6, 181_001);
    expect(reasons()).toEqual([]);
  });

  it('is told of turns that come too fast to be told one by one', () => {
    const { moved, reasons } = setUp();
    moved(A, B, 1, 0);
    moved(A, B, 2, 1000);
    expect(reasons()).toEqual([]);
    moved(A, B, 1000, 2000);
    expect(reasons()).toEqual(['taking-turns']);
  });

  it('is not told of an address whose identity was found otherwise', () => {
    const { moved, reasons } = setUp();
    const unseen = { oldMacHigh: 0, oldIfIndex: 0 };
    moved(0, A, 1, 0, unseen);
    moved(0, B, 5, 10, unseen);
    expect(reasons()).toEqual([]);
  });

  it('is told of a made-up MAC that is new behind the port of a host that was stopped within a minute', () => {
    const { told, watch, made, look, reasons } = setUp();
    made(A, 0);
    watch.stopped('00:50:8d:68:50:75', 3, 1000);
    watch.stopped('10.0.0.9', 4, 1000);
    look(NEWS_NEW_HOST, { macHigh: 0x0050, macLow: B }, 1000);
    look(NEWS_LEARNED, { macHigh: 0x0250, macLow: B }, 1000);
    made(B, 1000, { ifIndex: 5 });
    made(B, 1000, { ifIndex: 0 });
    expect(told).toEqual([]);
    made(C, 61_000);
    expect(told.splice(0)).toEqual([
      {
        ...{ reason: 'new-mac', mac: text(C, '02:50'), address: '10.0.0.12', port: 'port3' },
        host: '00:50:8d:68:50:75',
        message: `${text(C, '02:50')}, a MAC that was made up, is new behind port3, where 00:50:8d:68:50:75 was stopped`,
      },
    ]);
    made(A, 61_001);
    expect(reasons()).toEqual([]);
  });

  it('names the host that was stopped last, and not the one that is new itself', () => {
    const { told, watch, made } = setUp();
    watch.stopped('a', 3, 0);
    watch.stopped('b', 3, 10);
    watch.stopped('a', 3, 20);
    watch.stopped(text(B, '02:50'), 3, 30);
    made(B, 40);
    expect(told).toMatchObject([{ host: 'a' }]);
  });
});

describe('the count of a port', () => {
  it('has the addresses behind it and the MACs by which they were seen, without those of this machine', () => {
    const memory = createHostMemory({ hosts: 16, addresses: 16, news: 16 });
    const words = new Int32Array(memory.buffer, memory.addresses.byteOffset, 16 * ADDRESS_WORDS);
    const put = (n: number, ifIndex: number, macLow: number, flags = 0): void => {
      const row = n * ADDRESS_WORDS;
      words[row + ADDRESS_GENERATION] = 1;
      words[row + ADDRESS_IF_INDEX] = ifIndex;
      words[row + ADDRESS_MAC_HIGH] = macLow === 0 ? 0 : 2;
      words[row + ADDRESS_MAC_LOW] = macLow;
      words[row + ADDRESS_FLAGS] = flags;
      memory.header[HEADER_ADDRESSES_END] = row + ADDRESS_WORDS;
    };
    put(1, 3, 7);
    put(2, 3, 7);
    put(3, 3, -1);
    put(4, 4, 0);
    put(5, 4, 9, ADDRESS_OWN);
    const counts = countPorts(new HostReader(memory.buffer));
    expect([...counts].map(([port, { addresses, macs }]) => [port, addresses, macs.size])).toEqual([
      [3, 3, 2],
      [4, 1, 0],
    ]);
    expect([...counts.get(3)!.macs]).toEqual([0x200000007, 0x2ffffffff]);
  });
});
