/** A rate that was changed while packets wait. */
import { expect, it } from 'vitest';
import { classOf, describeNetns, sendUdp, sleep, until, useLab, useShapers } from '../harness.ts';
import { Api } from './live-api.ts';

const PORT = 7410;
const SECONDS = 12;
/** The rate holds from then on. */
const SETTLED_MS = 500;
const MEASURED_MS = 2000;

describeNetns('a rate that changes', () => {
  const world = useLab();
  const start = useShapers(world);

  it('holds within half a second, up and down', async () => {
    const { client, server } = world.lab;
    const shaper = await start(
      'links: { wan: { device: wan0, up: { rate: 50mbit, classes: { slow: { ceil: 1mbit, burst: 20kB, queue: { discipline: fifo, limit: 200p } } } } } }',
    );
    const api = new Api(shaper.socketPath);
    const sent = sendUdp(client, server, {
      port: PORT,
      seconds: SECONDS,
      lengthBytes: 1000,
      rateBitsPerSec: 6e6,
    });
    await until('packets wait', async () => (await api.status()).totals.held.packets > 100);
    const read = async (): Promise<{ bits: number; seconds: number }> => {
      const status = await api.status();
      return { bits: 8 * classOf(status, 'wan/up/slow').sent.bytes, seconds: status.uptimeSeconds };
    };
    for (const mbit of [2, 1, 1.5]) {
      await api.done('PATCH', 'classes/wan/up/slow', { ceil: `${mbit}mbit` });
      await sleep(SETTLED_MS);
      const from = await read();
      await sleep(MEASURED_MS);
      const to = await read();
      const ratio = (to.bits - from.bits) / (to.seconds - from.seconds) / (mbit * 1e6);
      // A busy machine may be late with packets, and makes up for it by a burst.
      expect(ratio).toBeLessThan(1.06);
      expect(ratio).toBeGreaterThan(0.9);
    }
    await sent;
    api.close();
    expect((await shaper.stop()).code).toBe(0);
  });
});
