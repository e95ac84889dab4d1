/** The picture of paced connections on real packets: as data and as a page. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { TcpState } from '../../../src/control/tcp/report.ts';
import { describeNetns, iperfTcp, useLab, useShapers } from '../harness.ts';

const LINE = 12e6;
const PORT = 7450;
/** The transfer goes on while the command starts and asks. */
const SECONDS = 3;
const TRANSFER_SECONDS = 6;
const CONNECTIONS = 2;

interface Segment {
  readonly kind: string;
  readonly connection: number;
  readonly half: 0 | 1;
  readonly payloadBytes: number;
  readonly flags: string;
  readonly windowBefore: number | null;
  readonly windowAfter: number | null;
  readonly flightBytes: number | null;
  readonly roundTripMilliseconds: number | null;
}

type Json = Omit<TcpState, 'type' | 'atSeconds'> & {
  readonly flows: readonly (readonly [string, string])[];
  readonly segments: readonly Segment[];
};

const known = (values: readonly (number | null)[]): number[] => values.filter((value) => value !== null);

describeNetns('the picture of a paced class', () => {
  const world = useLab();
  const start = useShapers(world);

  it('has both halves of each connection, the windows before and after, and the share', async () => {
    const { lab } = world;
    const shaper = await start('links: { wan: { device: wan0, up: { rate: 12mbit, tcp: { pace: true } } } }');
    const page = join(lab.folder, 'picture.html');
    const at = ['--socket', shaper.socketPath];
    const options = { port: PORT, seconds: TRANSFER_SECONDS, parallel: CONNECTIONS, family: 4 } as const;
    const transfer = iperfTcp(lab.client, lab.server, options);
    const asked = shaper.cli([
      'tcp',
      'wan/up',
      '--seconds',
      String(SECONDS),
      '--json',
      '--html',
      page,
      ...at,
    ]);
    const { code, stdout, stderr } = await asked;
    const { receivedBytes } = await transfer;
    expect(stderr).toBe(`shaper: wrote ${page}\n`);
    expect(code).toBe(0);
    const json = JSON.parse(stdout) as Json;
    const { segments, connections, total } = json;
    expect(total).toMatchObject({ missed: 0, untold: 0 });
    // iperf3 has one more for control, which may be idle.
    expect(total.connections).toBeGreaterThanOrEqual(CONNECTIONS);
    const data = connections.slice(0, CONNECTIONS);
    for (const { connection, flow, dataSeen, acksSeen, roundTripMilliseconds } of data) {
      expect({ dataSeen, acksSeen }).toEqual({ dataSeen: true, acksSeen: true });
      const own = segments.filter((segment) => segment.connection === connection);
      const dataHalf = json.flows[connection]!.indexOf(flow);
      expect(own.filter(({ half, kind }) => half === dataHalf && kind === 'data').length).toBeGreaterThan(50);
      const acks = own.filter(({ half, flags }) => half !== dataHalf && flags === '.');
      expect(acks.filter(({ windowAfter, windowBefore }) => windowAfter! > windowBefore!)).toEqual([]);
      expect(acks.filter(({ windowAfter, windowBefore }) => windowAfter! < windowBefore!)).not.toEqual([]);
      expect(Math.max(...known(own.map(({ flightBytes }) => flightBytes)))).toBeGreaterThan(1448);
      // Hosts are on one machine: what there is of it are queues.
      expect(roundTripMilliseconds).toBeGreaterThan(0);
      expect(roundTripMilliseconds).toBeLessThan(500);
      expect(known(own.map((segment) => segment.roundTripMilliseconds))).not.toEqual([]);
    }
    // Payload of the same connections, of which the receiver has counted some seconds more.
    const goodput = data.reduce((sum, { goodputBitsPerSecond }) => sum + goodputBitsPerSecond, 0);
    const received = (8 * receivedBytes) / TRANSFER_SECONDS;
    expect(goodput / received).toBeGreaterThan(0.85);
    expect(goodput / received).toBeLessThan(1.15);
    // A busy machine may let the program stand still, and passes less than the rate.
    expect(goodput / LINE).toBeGreaterThan(0.6);
    expect(goodput / LINE).toBeLessThan(1.01);
    expect(json.shareBitsPerSecond! / (LINE / CONNECTIONS)).toBeCloseTo(1, 1);
    expect(json.limitedBy).toMatchObject({ kind: 'window', where: 'wan/up' });
    expect(json.line).toContain(json.limitedBy!.sentence);
    const html = readFileSync(page, 'utf8');
    expect(html).not.toMatch(/(?:src|href)="?(?:https?:)?\/\/|@import|url\(/);
    expect(html.match(/<svg /g)!.length).toBeGreaterThanOrEqual(1 + 2 * CONNECTIONS);
    const text = await shaper.cli(['tcp', 'tcp', '10.1.0.9', '10.2.0.9', '--seconds', '1', ...at]);
    expect(text).toMatchObject({ code: 0, stdout: expect.stringContaining('no segment of it came') });
    expect((await shaper.stop()).code).toBe(0);
  });
});
