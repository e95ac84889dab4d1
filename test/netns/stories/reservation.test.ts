/** A class with `adjust` beside a call: its ceiling of now, as `status` tells it and packets keep it. */
import { expect, it } from 'vitest';
import { classOf, describeNetns, sendUdp, sleep, until, useLab, useShapers } from '../harness.ts';
import { Api } from './live-api.ts';

const CALL_PORT = 7420;
const BULK_PORT = 7421;
const [LINE, CALL] = [4e6, 1e6];
const CALL_SECONDS = 7;
const MEASURED_MS = 2000;

describeNetns('a reservation', () => {
  const world = useLab();
  const start = useShapers(world);

  it('moves the ceiling while a call talks, and gives it back when it is silent', async () => {
    const { client, server } = world.lab;
    const classes = `call: { match: { dport: ${CALL_PORT} }, ceil: 1mbit }, rest: { adjust: true, match: { dport: ${BULK_PORT} } }`;
    const shaper = await start(
      `links: { wan: { device: wan0, up: { rate: 4mbit, classes: { ${classes} } } } }`,
    );
    const api = new Api(shaper.socketPath);
    const restNow = async (): Promise<{ ceil: number; bits: number; seconds: number }> => {
      const status = await api.status();
      const { effectiveCeilBitsPerSecond: ceil, sent } = classOf(status, 'wan/up/rest');
      return { ceil: ceil!, bits: 8 * sent.bytes, seconds: status.uptimeSeconds };
    };
    expect((await restNow()).ceil).toBe(LINE);
    const send = (port: number, seconds: number, rateBitsPerSec: number) =>
      sendUdp(client, server, { port, seconds, lengthBytes: 1000, rateBitsPerSec });
    const sent = [send(CALL_PORT, CALL_SECONDS, 0.8 * CALL), send(BULK_PORT, CALL_SECONDS, 2 * LINE)];
    await until('all of the call is reserved', async () => (await restNow()).ceil === LINE - CALL);
    const from = await restNow();
    await sleep(MEASURED_MS);
    const to = await restNow();
    const ratio = (to.bits - from.bits) / (to.seconds - from.seconds) / (LINE - CALL);
    // A busy machine may be late with packets, and makes up for it by a burst.
    expect(ratio).toBeLessThan(1.06);
    expect(ratio).toBeGreaterThan(0.9);
    await Promise.all(sent);
    await until('nothing is reserved', async () => (await restNow()).ceil === LINE);
    api.close();
    expect((await shaper.stop()).code).toBe(0);
  });
});
