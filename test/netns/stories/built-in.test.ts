/** Built-in modules on real packets: what they are for, seen from behind. */
import { expect, it } from 'vitest';
import { type Segment, startCapture } from '../../../bench/lab/capture.ts';
import { FIN } from '../../../src/packet/tcp-header.ts';
import { describeNetns, type Lab, ping, tcpTransfer, udpTransfer, useLab, useShapers } from '../harness.ts';

const LINK = 'links: { wan: { device: wan0, up: 900mbit } }';
const THRESHOLD = 20;

const [UNKNOWN, SHORT, LONG] = [0, 4, 8];

/** What the listing of the paper makes of the packets of one direction, and what they came with. */
function listing(segments: readonly Segment[]): number[] {
  return segments.map(({ flags }, n) => {
    if (n === 0) return UNKNOWN;
    return n <= THRESHOLD + 1 || (flags & FIN) !== 0 ? SHORT : LONG;
  });
}

/** Packets of one connection each way, as they arrived. */
async function connection(lab: Lab, family: 4 | 6, port: number): Promise<Segment[][]> {
  const captures = await Promise.all(
    [lab.client, lab.server].map((host) => startCapture(host, 'eth0', lab.folder, 60_000)),
  );
  const bytes = 300_000;
  const { received } = await tcpTransfer(lab.client, lab.server, { port, family, bytes });
  expect(received.bytes).toBe(bytes);
  const [atClient, atServer] = await Promise.all(captures.map((capture) => capture.stop()));
  const to = `:${port}`;
  return [
    atServer!.filter((segment) => segment.to.endsWith(to)),
    atClient!.filter((segment) => segment.from.endsWith(to)),
  ];
}

describeNetns('size-aware marks', () => {
  // Single segments, so that a packet at the end is a packet at the module.
  const world = useLab({ offloads: false });
  const start = useShapers(world);

  it.each(['user', 'kernel'] as const)('%s-run: packet for packet as in the paper', async (run) => {
    const options = `{ threshold: ${THRESHOLD}, short: ${SHORT}, long: ${LONG} }`;
    const shaper = await start(`modules: [ { use: qosmod, run: ${run}, options: ${options} } ]\n${LINK}`);
    for (const [n, family] of ([4, 6] as const).entries()) {
      const ways = await connection(world.lab, family, 7300 + n);
      // The data is 200 segments and more. How many acknowledge them is up to the receiver.
      expect(ways[0]!.length).toBeGreaterThan(200);
      for (const segments of ways) {
        const differing = segments.filter(({ dscp }, at) => dscp !== listing(segments)[at]);
        expect(differing.map(({ dscp, flags, payloadBytes }) => ({ dscp, flags, payloadBytes }))).toEqual([]);
      }
    }
    expect((await shaper.stop()).code).toBe(0);
  });
});

describeNetns('superpackets', () => {
  const world = useLab();
  const start = useShapers(world);

  it.each(['user', 'kernel'] as const)('%s-run: count as their segments', async (run) => {
    const options = `{ threshold: ${THRESHOLD}, short: ${SHORT}, long: ${LONG} }`;
    const shaper = await start(`modules: [ { use: qosmod, run: ${run}, options: ${options} } ]\n${LINK}`);
    const [up] = await connection(world.lab, 4, 7310);
    let before = 0;
    let wrong = 0;
    let crossing = 1;
    for (const { dscp, flags, payloadBytes } of up!) {
      const wire = Math.max(1, Math.ceil(payloadBytes / 1448));
      const isFirst = before === 0;
      const isLast = (flags & FIN) !== 0;
      if (before < THRESHOLD + 2 && before + wire > THRESHOLD + 2) crossing = wire;
      for (let n = before; n < before + wire && !isFirst && !isLast; n++)
        if (dscp !== (n < THRESHOLD + 2 ? SHORT : LONG)) wrong++;
      before += wire;
    }
    // The superpacket that crosses the threshold has one mark. What comes to the server in user-run form was
    // cut.
    expect(wrong).toBeLessThanOrEqual(run === 'user' ? 0 : Math.max(4, crossing - 5) + 1);
    expect(before).toBeGreaterThan(200);
    expect((await shaper.stop()).code).toBe(0);
  });
});

describeNetns('impairments', () => {
  const world = useLab();
  const start = useShapers(world);
  const modules = (list: string): string => `modules: [ ${list} ]\n${LINK}`;

  it('delay: a round trip takes so much longer', async () => {
    const { client, server } = world.lab;
    const shaper = await start(modules('{ use: delay, options: { delay: 60ms, oif: wan0 } }'));
    for (const family of [4, 6] as const) {
      const { rttsMs } = await ping(client, server, { family, count: 20 });
      expect(rttsMs.length).toBe(20);
      // A busy machine may add to it, and never takes from it.
      expect(Math.min(...rttsMs)).toBeGreaterThanOrEqual(60);
      expect(Math.min(...rttsMs)).toBeLessThan(75);
    }
    expect((await shaper.stop()).code).toBe(0);
  });

  it('loss: its share is lost, and counted', async () => {
    const { client, server } = world.lab;
    const shaper = await start(modules('{ use: loss, options: { share: 0.3, oif: wan0, proto: udp } }'));
    const load = { port: 7001, family: 4, lengthBytes: 200, rateBitsPerSec: 4e6, seconds: 1 } as const;
    const { sent, received } = await udpTransfer(client, server, load);
    expect(sent.packets).toBeGreaterThan(2000);
    // Five standard deviations of 2500 packets.
    expect(Math.abs(received.packets / sent.packets - 0.7)).toBeLessThan(0.046);
    const list = ['module', 'list', '--json', '--socket', shaper.socketPath];
    const [module] = JSON.parse((await shaper.cli(list)).stdout);
    expect(module).toMatchObject({ label: 'loss', state: 'on', packets: sent.packets });
    expect(module.dropped).toBe(sent.packets - received.packets);
    expect((await shaper.stop()).code).toBe(0);
  });

  it('duplicate: every packet arrives twice', async () => {
    const { client, server } = world.lab;
    const shaper = await start(modules('{ use: duplicate, options: { share: 1, oif: wan0, proto: udp } }'));
    for (const [n, family] of ([4, 6] as const).entries()) {
      const load = { port: 7004 + n, family, lengthBytes: 400, rateBitsPerSec: 1e6, count: 300, seconds: 1 };
      const { sent, received } = await udpTransfer(client, server, load);
      expect(sent.packets).toBe(300);
      expect(received).toMatchObject({ packets: 600, foreign: 0 });
    }
    expect((await shaper.stop()).code).toBe(0);
  });

  it('reorder: packets are overtaken, none is lost', async () => {
    const { client, server } = world.lab;
    const given = '{ share: 0.1, distance: 3, oif: wan0, proto: udp }';
    const shaper = await start(modules(`{ use: reorder, options: ${given} }`));
    const load = {
      port: 7007,
      family: 4,
      lengthBytes: 400,
      rateBitsPerSec: 2e6,
      count: 500,
      seconds: 2,
    } as const;
    const { sent, received } = await udpTransfer(client, server, load);
    expect(received.packets).toBe(sent.packets);
    // Five standard deviations of a tenth of 500.
    expect(Math.abs(received.reordered - 50)).toBeLessThan(34);
    expect((await shaper.stop()).code).toBe(0);
  });
});
