/**
 * A host that sends 40 Mbit/s through a line of 10 beside another host: the other one's flow below its share
 * comes through, and its TCP has the rest of its share.
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
const SECONDS = 4;
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
    /** What a host has in the middle of the flood that sends 2 Mbit/s of UDP, and as much TCP as goes. */
    async function beside(): Promise<Shares> {
      const { client, server } = world.lab;
      const shaper = await start(`links: { wan: { device: wan0, up: ${LINE_BITS_PER_SEC / 1e6}mbit } }`);
      const sink = await startSink(server, { port: FLOOD_PORT, hold: true });
      const sending = sendUdp(client, server, {
        ...flood,
        port: FLOOD_PORT,
        rateBitsPerSec: 4 * LINE_BITS_PER_SEC,
        lengthBytes: 1000,
        seconds: SECONDS + 1.5,
      });
      await sleep(500);
      const own = { seconds: SECONDS, ...familyOf(flood) };
      const [udp, tcp] = await Promise.all([
        udpTransfer(client, server, { port: 7001, rateBitsPerSec: 2e6, lengthBytes: 500, ...own }),
        tcpTransfer(client, server, { port: 7002, ...own }),
      ]);
      await sending;
      await Promise.all([sink.stop(), shaper.stop()]);
      return {
        udpLostRatio: 1 - udp.received.packets / udp.sent.packets,
        lineRatio: (udp.bitsPerSec + steadyBitsPerSec(tcp, 1000, 200)) / LINE_BITS_PER_SEC,
      };
    }

    it('a flow of 2 Mbit/s loses less than 2 %, and with a TCP connection it has 40 % of the line', async () => {
      const all: Shares[] = [];
      const isMet = ({ udpLostRatio, lineRatio }: Shares): boolean => udpLostRatio < 0.02 && lineRatio > 0.4;
      do all.push(await beside());
      while (!all.some(isMet) && all.length < ATTEMPTS_MAX);
      expect(all.some(isMet), JSON.stringify(all)).toBe(true);
    });
  });
});

interface Shares {
  readonly udpLostRatio: number;
  /** Of the line, UDP and TCP together. */
  readonly lineRatio: number;
}

function familyOf({ family }: Partial<UdpSendOptions>): { family?: 4 | 6 } {
  return family === undefined ? {} : { family };
}
