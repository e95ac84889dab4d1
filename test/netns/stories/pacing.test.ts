/** Pacing on real packets, where nothing shapes the direction of the acknowledgements. */
import { expect, it } from 'vitest';
import { type Capture, type Segment, startCapture } from '../../../bench/lab/capture.ts';
import { pair, violations } from '../../../bench/lab/windows.ts';
import { classOf, describeNetns, iperfTcp, useLab, useShapers } from '../harness.ts';

const LINE = 12e6;
const CONNECTIONS = 6;
const SECONDS = 4;
const PORT = 7430;
const CAPTURE_MS = 60_000;

/** The segments of the receiver, which acknowledge, and those of the senders. */
function split(segments: readonly Segment[]): { acks: Segment[]; data: Segment[] } {
  const isReceivers = ({ from }: Segment): boolean => from.endsWith(`:${PORT}`);
  return {
    acks: segments.filter(isReceivers),
    data: segments.filter((segment) => !isReceivers(segment)),
  };
}

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
    const captured = (device: string): Promise<Capture> =>
      startCapture(lab.router, device, lab.folder, CAPTURE_MS);
    const captures = from === 'client' ? await Promise.all([captured('lan0'), captured('wan0')]) : [];
    const { receivedBytes } = await iperfTcp(lab[from], lab.server, options);
    const status = await shaper.status();
    expect(classOf(status, 'wan/up').paced?.rewritten).toBeGreaterThan(CONNECTIONS);
    expect(status.bounds.unmatched).toBe(0);
    // A busy machine may let the program stand still, and passes less than the rate.
    const ratio = (8 * receivedBytes) / SECONDS / LINE;
    expect(ratio).toBeGreaterThan(0.6);
    expect(ratio).toBeLessThan(1.1);
    if (captures.length > 0) {
      const [inside, outside] = (await Promise.all(captures.map((capture) => capture.stop()))).map(split);
      const acks = pair(outside!.acks, inside!.acks).crossings;
      const data = pair(inside!.data, outside!.data).crossings;
      expect(acks.filter(({ before, behind }) => behind.window < before.window)).not.toHaveLength(0);
      expect(violations(acks, data)).toEqual([]);
    }
    expect((await shaper.stop()).code).toBe(0);
  });
});
