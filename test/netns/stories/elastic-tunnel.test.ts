/**
 * elastic-tunnel on real packets: the tunnel between client and server, and the bottleneck in the router, an
 * instance of the shaper with turns by flow.
 */
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import {
  describeNetns,
  type RunningShaper,
  receivedBitsPerSec,
  sendUdp,
  sleep,
  startSink,
  steadyBitsPerSec,
  tcpTransfer,
  until,
  useLab,
  useShapers,
} from '../harness.ts';

const LINK_BITS = 20e6;
const TARGET_BITS = 8e6;
const PORT = 7700;
const CROWD_PORT = 7701;
const CROWD = [
  process.execPath,
  '--import',
  fileURLToPath(import.meta.resolve('tsx')),
  fileURLToPath(new URL('../../../bench/lab/tcp-crowd.ts', import.meta.url)),
];
const NUMBER = 'the tunnel has another number of connections';
const OUT_OF_REACH = 'the target is not reached: more connections would not help, or may not be';
const NO_LINK = 'links: { none: { device: none0, wait: true, up: 900mbit } }';
/** The least m by the model. One more is fine; a single connection beside another has more than it needs. */
const EXPECTED = [
  { foreign: 1, least: 1 },
  { foreign: 4, least: 3 },
  { foreign: 8, least: 5 },
];

describeNetns('elastic-tunnel', () => {
  const world = useLab();
  const start = useShapers(world);

  const tunnel = async (target: string, match: string): Promise<RunningShaper> => {
    const { client, server } = world.lab;
    await start(`links: { wan: { device: wan0, up: ${LINK_BITS / 1e6}mbit } }`);
    const instance = (options: string): string =>
      `modules: [ { use: elastic-tunnel, options: { ${options} } } ]\n${NO_LINK}`;
    await start(instance(`peer: ${client.addresses.v4}`), { host: server });
    const sending = `peer: ${server.addresses.v4}, match: [${match}, dport=${PORT}], target: ${target}`;
    return start(instance(sending), { host: client });
  };
  const crowd = async (connections: number): Promise<() => void> => {
    const { client, server } = world.lab;
    const receiver = server.spawn([...CROWD, 'receive', String(CROWD_PORT)]);
    await said(receiver);
    const sender = client.spawn([
      ...CROWD,
      'send',
      server.addresses.v4,
      String(CROWD_PORT),
      String(connections),
    ]);
    await said(sender);
    return () => {
      sender.kill('SIGKILL');
      receiver.kill('SIGKILL');
    };
  };
  const said = (child: ChildProcess): Promise<unknown> =>
    new Promise((resolve) => child.stdout?.once('data', resolve));
  /** Bits per second that come out at the server. */
  const goodput = async (ms: number): Promise<number> => {
    const sink = await startSink(world.lab.server, { port: PORT });
    await sleep(ms);
    return receivedBitsPerSec(await sink.stop());
  };
  const connectionsOf = (shaper: RunningShaper): number =>
    Number(shaper.logs.filter(({ msg }) => msg === NUMBER).at(-1)?.connections ?? 1);

  it('holds its target among others with few connections, and gives them up when the others leave', async () => {
    const { client, server } = world.lab;
    const shaper = await tunnel(`${TARGET_BITS / 1e6}mbit`, 'proto=udp');
    const sending = sendUdp(client, server, {
      ...{ port: PORT, seconds: 200, rateBitsPerSec: 1.5 * TARGET_BITS, lengthBytes: 1200, flows: 8 },
    }).catch(() => undefined); // the lab ends it
    for (const { foreign, least } of EXPECTED) {
      const leave = await crowd(foreign);
      let bits = 0;
      await until(
        `the target is reached beside ${foreign}`,
        async () => {
          bits = await goodput(4000);
          const isHeld = bits > 0.9 * TARGET_BITS && bits < 1.15 * TARGET_BITS;
          return connectionsOf(shaper) >= least && (isHeld || least === 1);
        },
        60_000,
      );
      const connections = connectionsOf(shaper);
      console.log(`beside ${foreign}: ${(bits / 1e6).toFixed(2)} Mbit/s with m = ${connections}`);
      expect(connections).toBeLessThanOrEqual(least + 1);
      leave();
    }
    await until('connections are given up', () => connectionsOf(shaper) <= 2, 60_000);
    expect(shaper.logs.filter(({ level }) => level === 'error')).toEqual([]);
    expect((await shaper.stop()).code).toBe(0);
    void sending;
  });

  it('tells that a target is out of reach, and opens few connections for it', async () => {
    const { client, server } = world.lab;
    const shaper = await tunnel('30mbit', 'proto=udp');
    void sendUdp(client, server, {
      ...{ port: PORT, seconds: 100, rateBitsPerSec: 40e6, lengthBytes: 1200, flows: 8 },
    }).catch(() => undefined); // the lab ends it
    const line = await shaper.logged(OUT_OF_REACH, 90_000);
    expect(line.level).toBe('warn');
    expect(Number(line.connections)).toBeLessThan(10);
    expect(await goodput(2000)).toBeGreaterThan(0.8 * LINK_BITS);
    expect((await shaper.stop()).code).toBe(0);
  });

  it('gives a single connection of a user the target, in order', async () => {
    const { client, server } = world.lab;
    const shaper = await tunnel(`${TARGET_BITS / 1e6}mbit`, 'proto=tcp');
    const leave = await crowd(4);
    const transfer = await tcpTransfer(client, server, { port: PORT, seconds: 40, timeoutMs: 120_000 });
    leave();
    expect(transfer.received.sha256).toBe(transfer.sent.sha256);
    const bits = steadyBitsPerSec(transfer, 25_000, 1000);
    console.log(`one connection: ${(bits / 1e6).toFixed(2)} Mbit/s with m = ${connectionsOf(shaper)}`);
    // A single of five connections gets 4 Mbit/s.
    expect(bits).toBeGreaterThan(0.8 * TARGET_BITS);
    // 3 would do; a busy machine measures less now and then, and opens more.
    expect(connectionsOf(shaper)).toBeLessThanOrEqual(12);
    expect((await shaper.stop()).code).toBe(0);
  });
});
