/** Flows of one host in its bucket of `each`, on real packets. */
import { expect, it } from 'vitest';
import { describeNetns, ping, sleep, steadyBitsPerSec, tcpTransfer, useLab, useShapers } from '../harness.ts';

describeNetns('a bucket of each', () => {
  const world = useLab();
  const start = useShapers(world);

  it('lets pings beside four downloads of the same host through at once, and TCP has the rest', async () => {
    const { client, server } = world.lab;
    const flats = '{ each: { by: host, rate: 2mbit } }';
    await start(`links: { wan: { device: wan0, down: { rate: 100mbit, classes: { flats: ${flats} } } } }\n`);
    const downloads = [6001, 6002, 6003, 6004].map((port) =>
      tcpTransfer(server, client, { port, seconds: 5 }),
    );
    await sleep(1500);
    const pings = await ping(client, server, { count: 150, intervalMs: 20 });
    const rates = (await Promise.all(downloads)).map((one) => steadyBitsPerSec(one, 1500, 500));
    expect(pings.received).toBe(pings.sent);
    // A full-sized packet takes 6 ms. A FIFO of this bucket has hundreds of milliseconds.
    expect(pings.medianMs).toBeLessThan(10);
    expect(pings.rttsMs.toSorted((a, b) => a - b)[Math.floor(0.9 * pings.sent)]).toBeLessThan(40);
    expect(rates.reduce((sum, rate) => sum + rate, 0)).toBeGreaterThan(0.9 * 2e6);
  });
});
