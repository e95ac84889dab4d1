import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadConfig } from '../../../src/config/config.ts';
import { listClasses } from '../../../src/core/classes/classes.ts';
import { createStats } from '../../../src/core/packets/stats.ts';
import { describeSilence, type Silence, SilenceWatch } from '../../../src/live/silence-watch.ts';
import type { Device, DeviceGraph } from '../../../src/spec/device-graph.ts';

const LOOK_MS = 5000;
const CONFIG = `
links:
  wan: { device: wan0, up: { rate: 1mbit, classes: { a: { match: { dport: 1 } } } }, down: 1mbit }
`;
// Rows: 0 wan/up, 1 wan/up/a, 2 wan/up/default, 3 wan/down, 4 wan/down/default.
const UP_LEAF = 1;
const DOWN_LEAF = 4;

function graphOf(...devices: Device[]): DeviceGraph {
  return new Map(devices.map((device) => [device.name, device]));
}

const PLAIN = graphOf({ name: 'wan0', kind: '', master: null, lowers: [] });

function setUp(graph: DeviceGraph | null = PLAIN) {
  const classes = listClasses(loadConfig(CONFIG, 'f').spec);
  const stats = createStats(classes.length);
  const device = { rxPackets: 0, rxBytes: 0, rxMulticast: 0, txPackets: 0 };
  const heard: Silence[] = [];
  const engine = { classes, stats };
  const watch = new SilenceWatch({
    engine,
    onSilence: (silence) => heard.push(silence),
    readGraph: () => graph,
    countersOf: async (devices) => new Map(devices.map((name) => [name, { ...device }])),
  });
  /** Lets these happen in the time of so many looks, each of them as much. */
  const looks = async (count: number, change: () => void = () => undefined): Promise<void> => {
    for (let i = 0; i < count; i++) {
      change();
      await vi.advanceTimersByTimeAsync(LOOK_MS);
    }
  };
  return { engine, stats, device, heard, watch, looks };
}

describe('the silence watch', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('speaks once when a device sends and nothing of it comes, and again only after packets came', async () => {
    const { stats, device, heard, watch, looks } = setUp();
    const pass = (): void => {
      device.txPackets += 1000;
    };
    await looks(1);
    await looks(1, pass);
    expect(heard).toEqual([]);
    await looks(5, pass);
    expect(heard).toHaveLength(1);
    expect(heard[0]).toMatchObject({ path: 'wan/up', device: 'wan0', devicePackets: 1000, packets: 0 });
    expect(heard[0]!.reason).toContain('flowtable');
    expect(watch.warnings).toEqual([describeSilence(heard[0]!)]);
    expect(watch.warnings[0]).toContain('wan/up: of 1000 packets that wan0 sent in 5 s, 0 came to be shaped');
    // A device that rests is still silent.
    await looks(1);
    expect(watch.warnings).toHaveLength(1);
    await looks(1, () => {
      pass();
      stats.sentPackets[UP_LEAF] += 900;
    });
    expect(watch.warnings).toEqual([]);
    await looks(2, pass);
    expect(heard).toHaveLength(2);
    watch.close();
    await looks(1, () => {
      stats.sentPackets[UP_LEAF] += 900;
    });
    expect(watch.warnings).toHaveLength(1);
  });

  it('compares no counters of two devices when a link changes its device', async () => {
    const { engine, device, heard, watch, looks } = setUp();
    const other = listClasses(loadConfig(CONFIG.replace('wan0', 'wan1'), 'f').spec);
    const pass = (): void => {
      device.txPackets += 1000;
    };
    await looks(3, pass);
    expect(watch.warnings).toHaveLength(1);
    // The other device has counted more.
    engine.classes = other;
    await looks(1, pass);
    expect(watch.warnings).toEqual([]);
    await looks(1, pass);
    expect(heard).toHaveLength(1);
    await looks(1, pass);
    expect(heard.map(({ device: name }) => name)).toEqual(['wan0', 'wan1']);
  });

  it.each(['sentPackets', 'backlogPackets', 'dropTail', 'dropEarly', 'dropPolice', 'dropAqm'] as const)(
    'packets that show in %s have come',
    async (column) => {
      const { stats, device, heard, looks } = setUp();
      await looks(6, () => {
        device.txPackets += 1000;
        stats[column][UP_LEAF] += 10;
      });
      expect(heard).toEqual([]);
    },
  );

  it('the first packets of flows that something else carries on do not break a silence', async () => {
    const { stats, device, heard, looks } = setUp();
    await looks(3, () => {
      device.txPackets += 100_000;
      stats.sentPackets[UP_LEAF] += 50;
    });
    expect(heard).toMatchObject([{ path: 'wan/up', packets: 50 }]);
  });

  it('few packets, multicast and small arriving ones are no traffic to be shaped', async () => {
    const { device, heard, looks } = setUp();
    await looks(6, () => {
      device.txPackets += 99;
      device.rxPackets += 5000;
      device.rxMulticast += 4000;
      // 1000 ARP requests, and the multicast.
      device.rxBytes += 1000 * 60;
    });
    expect(heard).toEqual([]);
  });

  it('tells a download that passes by', async () => {
    const { stats, device, heard, looks } = setUp();
    const pass = (): void => {
      device.rxPackets += 1000;
      device.rxBytes += 1_400_000;
      stats.sentPackets[UP_LEAF] += 300;
    };
    await looks(3, pass);
    expect(heard.map(describeSilence)).toEqual([
      expect.stringContaining('wan/down: of 1000 packets that wan0 received in 5 s'),
    ]);
    await looks(3, () => {
      pass();
      stats.sentPackets[DOWN_LEAF] += 1000;
    });
    expect(heard).toHaveLength(1);
  });

  it.each([
    [
      'a device that was enslaved later',
      graphOf(
        { name: 'wan0', kind: '', master: 'bond0', lowers: [] },
        { name: 'bond0', kind: 'bond', master: null, lowers: ['wan0'] },
      ),
      'wan0 is a slave of the bond bond0: packets show bond0; name bond0 as the device',
    ],
    [
      'VLANs on top',
      graphOf(
        { name: 'wan0', kind: '', master: null, lowers: [] },
        { name: 'wan0.7', kind: 'vlan', master: null, lowers: ['wan0'] },
      ),
      'wan0.7',
    ],
    [
      'PPPoE',
      graphOf(
        { name: 'wan0', kind: '', master: null, lowers: [] },
        { name: 'ppp0', kind: '', master: null, lowers: [] },
      ),
      'packets show ppp0',
    ],
    ['nothing that is known', null, 'flowtable'],
  ])('gives the reason: %s', async (_, graph, reason) => {
    const { device, heard, looks } = setUp(graph);
    await looks(3, () => {
      device.txPackets += 1000;
    });
    expect(heard).toHaveLength(1);
    expect(heard[0]!.reason).toContain(reason);
  });

  it('forgets directions that are gone, and survives looks that fail', async () => {
    const { engine, device, heard, watch, looks } = setUp();
    await looks(3, () => {
      device.txPackets += 1000;
    });
    expect(watch.warnings).toHaveLength(1);
    const down = loadConfig('links: { wan: { device: wan0, down: 1mbit } }', 'f').spec;
    Object.assign(engine, { classes: listClasses(down), stats: createStats(2) });
    await looks(1);
    expect(watch.warnings).toEqual([]);
    watch.close();
    const failing = new SilenceWatch({
      engine,
      onSilence: (silence) => heard.push(silence),
      readGraph: () => null,
      countersOf: async () => Promise.reject(Object.assign(new Error('too many'), { code: 'EMFILE' })),
    });
    await looks(3);
    expect(failing.warnings).toEqual([]);
    failing.close();
  });
});
