/**
 * A host that sends 40 Mbit/s through a line of 10 beside another host: the other one's flow below its share
 * comes through, and its TCP has its share.
 */
import { describe, expect, it } from 'vitest';
import {
  describeNetns,
  sendUdp,
  sleep,
  startSink,
  steadyBitsPerSec,
  tcpTransfer,
  type UdpSendOptions,
  udpTransfer,
  useLab,
  useShapers,
} from '../harness.ts';

const LINE_BITS_PER_SEC = 10e6;
const FLOOD_PORT = 9;
/** On a busy machine senders and the program stand still now and then, and long bursts come. */
const ATTEMPTS_MAX = 4;

/**
 * Each has more flows than it sends packets, but for the first. Addresses are of the quiet host's prefix.
 */
const FLOODS: readonly [string, Partial<UdpSendOptions>][] = [
  ['two thousand flows', { source: '10.77.1.3', flows: 2000 }],
  ['a new port with every packet', { source: '10.77.1.3', flows: 50_000 }],
  [
    'a new IPv6 address with every packet',
    { family: 6, source: 'fd77:1::1:0', flows: 50_000, hosts: 50_000 },
  ],
];

describeNetns('floods', () => {
  const world = useLab();
  const start = useShapers(world);

  describe.each(FLOODS)('%s', (_, flood) => {
    /** Runs `measure` in the middle of the flood. */
    async function beside<T>(seconds: number, measure: () => Promise<T>): Promise<T> {
      const { client, server } = world.lab;
      const shaper = await start(`links: { wan: { device: wan0, up: ${LINE_BITS_PER_SEC / 1e6}mbit } }`);
      const sink = await startSink(server, { port: FLOOD_PORT, hold: true });
      const sent = sendUdp(client, server, {
        ...flood,
        port: FLOOD_PORT,
        rateBitsPerSec: 4 * LINE_BITS_PER_SEC,
        lengthBytes: 1000,
        seconds: seconds + 1.5,
      });
      await sleep(500);
      const result = await measure();
      await sent;
      await Promise.all([sink.stop(), shaper.stop()]);
      return result;
    }

    it('a flow of 2 Mbit/s loses less than 2 %', async () => {
      const { client, server } = world.lab;
      const quiet = { port: 7001, rateBitsPerSec: 2e6, lengthBytes: 500, seconds: 2.5, ...familyOf(flood) };
      const ratios: number[] = [];
      do {
        const { sent, received } = await beside(2.5, () => udpTransfer(client, server, quiet));
        ratios.push(1 - received.packets / sent.packets);
      } while (Math.min(...ratios) >= 0.02 && ratios.length < ATTEMPTS_MAX);
      expect(Math.min(...ratios), `lost: ${ratios}`).toBeLessThan(0.02);
    });

    it('a TCP connection has 40 % of the line', async () => {
      const { client, server } = world.lab;
      const shares: number[] = [];
      do {
        const transfer = await beside(4, () =>
          tcpTransfer(client, server, { port: 7002, seconds: 4, ...familyOf(flood) }),
        );
        shares.push(steadyBitsPerSec(transfer, 1000, 200) / LINE_BITS_PER_SEC);
      } while (Math.max(...shares) <= 0.4 && shares.length < ATTEMPTS_MAX);
      expect(Math.max(...shares), `of the line: ${shares}`).toBeGreaterThan(0.4);
    });
  });
});

function familyOf({ family }: Partial<UdpSendOptions>): { family?: 4 | 6 } {
  return family === undefined ? {} : { family };
}
