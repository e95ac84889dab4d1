/** The program is killed at random moments while it counts: its history goes on where it was. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { QuotasReport } from '../../../src/control/hosts/reports.ts';
import type { HostsReport } from '../../../src/control/views/hosts-view.ts';
import { rounds } from '../../effort.ts';
import {
  describeNetns,
  type RunningShaper,
  sendUdp,
  sleep,
  startSink,
  useLab,
  useShapers,
} from '../harness.ts';

const RATE_BITS_PER_SEC = 4e6;
const SECONDS = 3;
const LENGTH = 1000;
/** The host is asked for with packets of its own: neighbours, pings. */
const OTHER_BYTES = 20_000;
/** What is counted in the last second is not stored yet, and a busy machine stores late. */
const UNSTORED_SECONDS = 2;
const PORT = 7200;

describeNetns('a program that is killed', () => {
  const world = useLab();
  const start = useShapers(world);

  const config = (folder: string): string => `
links: { wan: { device: wan0, up: 50mbit, down: 50mbit } }
history: { file: ${join(folder, 'kills.db')}, flush: 1s }
quotas: { much: { windows: { over: 1h, up: 100GB }, then: { throttle: { up: 1mbit } } } }
`;
  const ask = async <Report>(shaper: RunningShaper, ...args: string[]): Promise<Report> => {
    const { code, stdout, stderr } = await shaper.cli([...args, '--json', '--socket', shaper.socketPath]);
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout) as Report;
  };
  /** Bytes that the client has sent, as its history and its quota have them. */
  const counted = async (
    shaper: RunningShaper,
    address: string,
  ): Promise<[history: number, quota: number]> => {
    const { hosts } = await ask<HostsReport>(shaper, 'hosts');
    const { hosts: limited } = await ask<QuotasReport>(shaper, 'quota');
    const host = hosts.find(({ addresses }) => addresses.includes(address));
    const standing = limited.find(({ id }) => id === host?.id)?.quotas[0];
    return [host?.up.bytes ?? 0, standing?.usedBytes ?? 0];
  };

  const kills = rounds(4, 100);

  it(
    'loses at most what it had not stored, and counts nothing twice',
    async () => {
      const { client, server, folder } = world.lab;
      let before: [number, number] = [0, 0];
      let shaper = await start(config(folder));
      for (let round = 0; round < kills; round++) {
        const aliveSeconds = 0.5 + Math.random() * SECONDS;
        const sink = await startSink(server, { port: PORT });
        const sent = sendUdp(client, server, {
          ...{ port: PORT, rateBitsPerSec: RATE_BITS_PER_SEC, seconds: SECONDS, lengthBytes: LENGTH },
        });
        await sleep(1000 * aliveSeconds);
        await shaper.kill();
        const { bytes } = await sent;
        await sink.stop();

        shaper = await start(config(folder));
        const now = await counted(shaper, client.addresses.v4);
        const least = (RATE_BITS_PER_SEC / 8) * (Math.min(SECONDS, aliveSeconds) - UNSTORED_SECONDS);
        for (const [i, label] of ['history', 'quota'].entries()) {
          const grown = now[i]! - before[i]!;
          const told = `round ${round}, ${label}: killed after ${aliveSeconds} s, ${before[i]} to ${now[i]}`;
          expect(grown, told).toBeGreaterThanOrEqual(Math.max(0, least));
          expect(grown, told).toBeLessThanOrEqual(bytes + OTHER_BYTES);
        }
        before = now;
      }
      expect(before[0]).toBeGreaterThan(0);
    },
    kills * 40_000,
  );
});
