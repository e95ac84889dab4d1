/** Pacing on real packets, where nothing shapes the direction of the acknowledgements. */
import { expect, it } from 'vitest';
import { type Crossing, violations } from '../../../bench/lab/windows.ts';
import { NFQUEUES_FILE } from '../../../src/io/proc/nfqueues.ts';
import { classOf, describeNetns, iperfTcp, useLab, useShapers } from '../harness.ts';
import { captureCrossings, cut } from './crossings.ts';

const LINE = 12e6;
const CONNECTIONS = 6;
const SECONDS = 4;
const PORT = 7430;
const OTHER_PORT = 7431;
/** NFQUEUEs of up and of down. */
const [UP, DOWN] = [900, 901];

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
    // Up to 1 MB, 0.67 s of the line, waits when the senders stop, and still arrives.
    expect(ratio).toBeLessThan(1.2);
    if (crossings) {
      const { inward, outward } = await crossings();
      expect(cut(inward)).not.toHaveLength(0);
      expect(violations(inward, outward)).toEqual([]);
    }
    expect((await shaper.stop()).code).toBe(0);
  });

  /** Packets that the kernel has given to an NFQUEUE. */
  async function packetsTo(nfqueue: number): Promise<number> {
    const { stdout } = await world.lab.router.exec(['cat', NFQUEUES_FILE]);
    const columns = stdout.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
    return columns.find(([number]) => number === nfqueue)![7]!;
  }

  it.for([
    ['up, forwarded, IPv4', 'client', 4, 'up', 'dport'],
    ['down, to the router itself, IPv6', 'router', 6, 'down', 'sport'],
  ] as const)('fetches only answers to the paced class: %s', async ([, from, family, direction, end]) => {
    const { lab } = world;
    const paced = `paced: { match: { ${end}: ${PORT} }, ceil: 6mbit, tcp: { pace: true } }`;
    const shaper = await start(
      `nfqueue: { first: ${UP}, count: 2, gso: false }\n` +
        `links: { wan: { device: wan0, ${direction}: { rate: 12mbit, classes: { ${paced} } } } }`,
    );
    const options = { family, parallel: CONNECTIONS, reverse: direction === 'down' };
    const transfer = (port: number) => iperfTcp(lab[from], lab.server, { port, seconds: 1, ...options });
    const crossings = from === 'client' ? await captureCrossings(lab, [PORT, OTHER_PORT]) : null;
    const answersFetched = () => packetsTo(direction === 'up' ? DOWN : UP);
    const before = await answersFetched();
    await transfer(OTHER_PORT);
    const others = await answersFetched();
    await transfer(PORT);
    const all = await answersFetched();
    const status = await shaper.status();
    // The SYN or SYN-ACK of each connection, and of iperf's own.
    expect(others - before).toBe(CONNECTIONS + 1);
    expect(all - others).toBeGreaterThan(100);
    expect(classOf(status, `wan/${direction}/paced`).paced?.rewritten).toBeGreaterThan(CONNECTIONS);
    expect(status.bounds.unmatched).toBe(0);
    if (crossings) {
      const { inward, outward } = await crossings();
      const isPaced = ({ before: { from: server } }: Crossing): boolean => server.endsWith(`:${PORT}`);
      expect(cut(inward).filter(isPaced)).not.toHaveLength(0);
      expect(cut(inward)).toEqual(cut(inward).filter(isPaced));
      expect(violations(inward, outward)).toEqual([]);
    }
    expect((await shaper.stop()).code).toBe(0);
  });
});
