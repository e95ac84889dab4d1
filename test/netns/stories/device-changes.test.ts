/** Devices that come, go, are made anew, or go down for a moment, while packets of theirs wait or come. */
import { afterEach, expect, it } from 'vitest';
import {
  describeNetns,
  packetsUnaccounted,
  type RunningShaper,
  type Sink,
  type Status,
  sendUdp,
  sleep,
  startSink,
  type UdpReceived,
  until,
  useLab,
  useShapers,
} from '../harness.ts';

const PORT = 7001;
/** 64 kbit/s: a packet of 1000 B takes 125 ms. */
const RATE = '64kbit';
const RATE_BYTES_PER_SEC = 8000;
const LENGTH_BYTES = 1000;
const BURST_BYTES = 3028;

interface Flood extends UdpReceived {
  /** Instant at which the flood began. */
  readonly fromNs: number;
}

async function settled(shaper: RunningShaper): Promise<Status> {
  await until('nothing is held', async () => (await shaper.status()).totals.held.packets === 0, 60_000);
  return shaper.status();
}

describeNetns('devices that come and go', () => {
  const world = useLab();
  const start = useShapers(world);

  afterEach(async () => {
    await world.lab.router.exec(['ip', 'link', 'delete', 'late0'], { check: false });
  });

  /** A device of the router whose other end is in the server's namespace. */
  const makeDevice = async (): Promise<void> => {
    const { router, server } = world.lab;
    await router.exec(['ip', 'link', 'add', 'late0', 'type', 'veth', 'peer', 'late1', 'netns', server.ns]);
    await server.exec(['sh', '-c', 'ip address add 10.99.0.2/24 dev late1; ip link set late1 up']);
    await router.exec(['sh', '-c', 'ip address add 10.99.0.1/24 dev late0; ip link set late0 up']);
  };

  /** What arrives at the new device's other end of a flood that was there before the device. */
  const floodThrough = async (make: () => Promise<void>): Promise<Flood> => {
    const { client, server } = world.lab;
    const far = { ...server, addresses: { v4: '10.99.0.2', v6: '::' } };
    const sink: Sink = await startSink(server, { port: PORT, waitMs: 20_000, idleMs: 1500 });
    const fromNs = Number(process.hrtime.bigint());
    const flood = sendUdp(client, far, {
      port: PORT,
      seconds: 2.5,
      lengthBytes: LENGTH_BYTES,
      rateBitsPerSec: 8e6,
    });
    await sleep(300);
    await make();
    await flood;
    return { fromNs, ...(await sink.finished()) };
  };

  const expectShaped = ({ bytes, fromNs, lastNs }: Flood): void => {
    expect(bytes).toBeGreaterThan(4 * LENGTH_BYTES);
    // The first packets wait for the answer to ARP, so the first arrival says nothing.
    const allowed = BURST_BYTES + (RATE_BYTES_PER_SEC * (lastNs - fromNs)) / 1e9;
    expect(bytes).toBeLessThanOrEqual(allowed + LENGTH_BYTES);
  };

  it('a link waits for its device; from the first packet on it is shaped, and again when it is made anew', async () => {
    const { client } = world.lab;
    await client.exec(['ip', 'route', 'replace', '10.99.0.0/24', 'via', '10.77.1.1']);
    const shaper = await start(`
links:
  wan:  { device: wan0, up: 10mbit }
  late: { device: late0, wait: true, up: { rate: ${RATE}, classes: { default: { queue: { discipline: fifo, limit: 5p } } } } }
`);
    expect((await shaper.status()).warnings).toContain('link late waits for device late0');
    expectShaped(await floodThrough(makeDevice));
    await shaper.logged('the device has come');
    expect((await shaper.status()).warnings).toEqual([]);
    const again = await floodThrough(async () => {
      await world.lab.router.exec(['ip', 'link', 'delete', 'late0']);
      await makeDevice();
    });
    expectShaped(again);
    const status = await settled(shaper);
    expect(packetsUnaccounted(status)).toBe(0);
    expect(status.bounds.unmatched).toBe(0);
    expect((await shaper.stop()).code).toBe(0);
  });

  it('a device goes down for a tenth of a second: the line speaks again within two packets', async () => {
    const { client, router, server } = world.lab;
    const shaper = await start(
      `links: { wan: { device: wan0, up: { rate: ${RATE}, classes: { default: { queue: { discipline: fifo, limit: 100p } } } } } }`,
    );
    const sink = await startSink(server, { port: PORT, waitMs: 20_000, idleMs: 15_000 });
    await sendUdp(client, server, { port: PORT, count: 90, lengthBytes: LENGTH_BYTES });
    await until('packets wait', async () => (await shaper.status()).totals.held.packets > 20);
    const flap =
      'ip link set wan0 down; sleep 0.1; ip link set wan0 up; ip route replace 10.77.2.0/24 dev wan0';
    await router.exec(['sh', '-c', flap]);
    const upMs = performance.now();
    const later = await startSink(server, { port: PORT + 1, waitMs: 20_000, count: 1 });
    const sent = sendUdp(client, server, {
      port: PORT + 1,
      seconds: 1.5,
      lengthBytes: LENGTH_BYTES,
      rateBitsPerSec: 80_000,
    });
    expect((await later.finished()).packets).toBe(1);
    const silentMs = performance.now() - upMs;
    expect(silentMs).toBeLessThan(1000);
    await sent;
    await sink.stop();
    const status = await settled(shaper);
    expect(packetsUnaccounted(status)).toBe(0);
    const { lost } = status.totals.kernel;
    expect(lost).toBeGreaterThan(10);

    // The device by which packets came, which is not shaped.
    await sendUdp(client, server, { port: PORT, count: 90, lengthBytes: LENGTH_BYTES });
    await until('packets wait', async () => (await shaper.status()).totals.held.packets > 20);
    const downMs = performance.now();
    await router.exec(['sh', '-c', flap.replaceAll('wan0', 'lan0').replace('10.77.2', '10.77.1')]);
    const after = await settled(shaper);
    expect(performance.now() - downMs).toBeLessThan(4000);
    expect(packetsUnaccounted(after)).toBe(0);
    expect(after.totals.kernel.lost - lost).toBeGreaterThan(10);
    expect((await shaper.stop()).code).toBe(0);
  });
});
