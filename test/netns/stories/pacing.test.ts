/** Pacing on real packets, where nothing shapes the direction of the acknowledgements. */
import { expect, it } from 'vitest';
import { violations } from '../../../bench/lab/windows.ts';
import { classOf, describeNetns, iperfTcp, useLab, useShapers } from '../harness.ts';
import { captureCrossings, cut } from './crossings.ts';

const LINE = 12e6;
const CONNECTIONS = 6;
const SECONDS = 4;
const PORT = 7430;

describeNetns('pacing with one direction shaped', () => {
  const world = useLab();
  const start = useShapers(world);

  it.for([
    ['forwarded, IPv4', 'client', 4, 'auto'],
    ['forwarded, IPv6, superpackets', 'client', 6, 'true'],
    ['from the router itself', 'router', 4, 'auto'],
  ] as const)('makes windows smaller: %s', async ([, from, family, gso]) => {
    const { lab } = world;
    const shaper = await start(
      `nfqueue: { gso: ${gso} }\nlinks: { wan: { device: wan0, up: { rate: 12mbit, tcp: { pace: true } } } }`,
    );
    const options = { port: PORT, seconds: SECONDS, parallel: CONNECTIONS, family };
    const crossings = from === 'client' ? await captureCrossings(lab, [PORT]) : null;
    const { receivedBytes } = await iperfTcp(lab[from], lab.server, options);
    const status = await shaper.status();
    expect(classOf(status, 'wan/up').paced?.rewritten).toBeGreaterThan(CONNECTIONS);
    expect(status.bounds.unmatched).toBe(0);
    // A busy machine may let the program stand still, and passes less than the rate.
    const ratio = (8 * receivedBytes) / SECONDS / LINE;
    expect(ratio).toBeGreaterThan(0.6);
    expect(ratio).toBeLessThan(1.1);
    if (crossings) {
      const { inward, outward } = await crossings();
      expect(cut(inward)).not.toHaveLength(0);
      expect(violations(inward, outward)).toEqual([]);
    }
    expect((await shaper.stop()).code).toBe(0);
  });
});
