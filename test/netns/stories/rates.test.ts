/** The short form of `npm run bench -- accuracy`: the tolerances are for busy machines, the bench is for the limits. */
import { expect, it } from 'vitest';
import { describeNetns, steadyBitsPerSec, tcpTransfer, udpTransfer, useLab, useShapers } from '../harness.ts';

describeNetns('rates', () => {
  const world = useLab();
  const start = useShapers(world);

  it('TCP gets the payload of its rate', async () => {
    const { client, server } = world.lab;
    const shaper = await start('links: { wan: { device: wan0, up: 20mbit } }');
    const transfer = await tcpTransfer(client, server, { port: 5001, seconds: 2.5 });
    const goodput = steadyBitsPerSec(transfer, 700, 200) / (20e6 * (1448 / 1500));
    expect(goodput).toBeGreaterThan(0.95);
    expect(goodput).toBeLessThan(1.03);
    expect((await shaper.stop()).code).toBe(0);
  });

  it('UDP offered at three times the rate passes at the rate', async () => {
    const { client, server } = world.lab;
    const shaper = await start('links: { wan: { device: wan0, up: { rate: 10mbit, burst: 15kB } } }');
    const { received } = await udpTransfer(client, server, {
      port: 7001,
      seconds: 1.5,
      lengthBytes: 1500,
      rateBitsPerSec: 30e6,
    });
    // What passed above the burst took the time from the first packet to the last.
    const passed = ((received.bytes - 15_000) * 8e9) / (received.lastNs - received.firstNs) / 10e6;
    expect(passed).toBeGreaterThan(0.96);
    expect(passed).toBeLessThan(1.02);
    expect((await shaper.stop()).code).toBe(0);
  });
});
