/** Paced connections beside a flood, behind NAT, both ways at once, and while pacing comes and goes. */
import { afterEach, expect, it } from 'vitest';
import { type Crossing, violations } from '../../../bench/lab/windows.ts';
import {
  classOf,
  describeNetns,
  type IperfResult,
  iperfTcp,
  sendUdp,
  sleep,
  useLab,
  useShapers,
} from '../harness.ts';
import { captureCrossings, cut } from './crossings.ts';
import { Api } from './live-api.ts';

const LINE = 12e6;
const CONNECTIONS = 6;
const SECONDS = 3;
const PORT = 7450;
const OTHER_PORT = 7451;
const FLOOD_PORT = 7452;
const PACED = '{ rate: 12mbit, tcp: { pace: true } }';
/** A busy machine may let the program stand still, and passes less than the rate. */
const LEAST = 0.6;

const isOf =
  (port: number) =>
  ({ before: { from, to } }: Crossing): boolean =>
    [from, to].some((end) => end.endsWith(`:${port}`));

describeNetns('pacing', () => {
  const world = useLab();
  const start = useShapers(world);
  const transfer = (port: number, more: object): Promise<IperfResult> =>
    iperfTcp(world.lab.client, world.lab.server, { port, seconds: SECONDS, ...more });
  const ratioOf = ({ receivedBytes }: IperfResult): number => (8 * receivedBytes) / SECONDS / LINE;

  afterEach(async () => {
    await world.lab.router.exec(['nft', 'delete', 'table', 'ip', 'nat'], { check: false });
  });

  it('beside a flood of UDP in the same class: the class keeps its ceiling', async () => {
    const { lab } = world;
    const shaper = await start(`links: { wan: { device: wan0, up: ${PACED} } }`);
    const api = new Api(shaper.socketPath);
    const crossings = await captureCrossings(lab, [PORT]);
    const used = async (): Promise<{ bits: number; seconds: number }> => {
      const status = await api.status();
      return { bits: 8 * classOf(status, 'wan/up').sent.bytes, seconds: status.uptimeSeconds };
    };
    const options = { port: FLOOD_PORT, lengthBytes: 1000, rateBitsPerSec: 2 * LINE };
    const flood = sendUdp(lab.client, lab.server, { ...options, seconds: SECONDS + 2 });
    await sleep(500);
    const from = await used();
    const tcp = await transfer(PORT, { parallel: CONNECTIONS });
    const to = await used();
    await flood;
    const { inward, outward } = await crossings();
    const ratio = (to.bits - from.bits) / (to.seconds - from.seconds) / LINE;
    expect(ratio).toBeGreaterThan(LEAST);
    expect(ratio).toBeLessThan(1.06);
    // Of seven flows that share alike six are TCP: 0.82 of the line as payload.
    expect(ratioOf(tcp)).toBeGreaterThan(LEAST * 0.8);
    expect(cut(inward).length).toBeGreaterThan(CONNECTIONS);
    expect(violations(inward, outward)).toEqual([]);
    api.close();
    expect((await shaper.stop()).code).toBe(0);
  });

  it('behind NAT', async () => {
    const { lab } = world;
    const nat = [
      'add table ip nat',
      'add chain ip nat post { type nat hook postrouting priority 100; policy accept; }',
      'add rule ip nat post oifname "wan0" masquerade',
    ];
    await lab.router.exec(['nft', '-f', '-'], { input: `${nat.join('\n')}\n` });
    const shaper = await start(`links: { wan: { device: wan0, up: ${PACED} } }`);
    const crossings = await captureCrossings(lab, [PORT]);
    const ratio = ratioOf(await transfer(PORT, {}));
    const { inward, outward } = await crossings();
    expect(outward.every(({ before, behind }) => before.from !== behind.from)).toBe(true);
    expect(ratio).toBeGreaterThan(LEAST);
    expect(ratio).toBeLessThan(1.1);
    expect(cut(inward)).not.toHaveLength(0);
    expect(violations(inward, outward)).toEqual([]);
    expect((await shaper.stop()).code).toBe(0);
  });

  it('both ways at once', async () => {
    const { lab } = world;
    const shaper = await start(`links: { wan: { device: wan0, up: ${PACED}, down: ${PACED} } }`);
    const crossings = await captureCrossings(lab, [PORT, OTHER_PORT]);
    const transfers = await Promise.all([
      transfer(PORT, { parallel: 3 }),
      transfer(OTHER_PORT, { parallel: 3, reverse: true }),
    ]);
    const { inward, outward } = await crossings();
    for (const ratio of transfers.map(ratioOf)) {
      expect(ratio).toBeGreaterThan(LEAST);
      expect(ratio).toBeLessThan(1.1);
    }
    expect(cut(inward).filter(isOf(PORT))).not.toHaveLength(0);
    expect(cut(outward).filter(isOf(OTHER_PORT))).not.toHaveLength(0);
    expect(violations(inward, outward)).toEqual([]);
    expect((await shaper.stop()).code).toBe(0);
  });

  it('leaves connections alone that ran before it came, and lets go of its own when it goes', async () => {
    const shaper = await start('links: { wan: { device: wan0, up: { rate: 12mbit } } }');
    const crossings = await captureCrossings(world.lab, [PORT, OTHER_PORT]);
    const api = new Api(shaper.socketPath);
    const pacedNow = async () => classOf(await api.status(), 'wan/up').paced;
    const old = transfer(PORT, { parallel: 2, seconds: SECONDS + 2 });
    await sleep(1000);
    await api.done('PATCH', 'classes/wan/up', { tcp: { pace: true } });
    const young = transfer(OTHER_PORT, { parallel: 2 });
    await sleep(2000);
    const paced = await pacedNow();
    await api.done('PATCH', 'classes/wan/up', { tcp: null });
    const goneNs = Date.now() * 1e6;
    await Promise.all([old, young]);
    expect([(paced?.rewritten ?? 0) > 0, await pacedNow()]).toEqual([true, null]);
    const { inward, outward } = await crossings();
    const late = inward.filter(isOf(OTHER_PORT)).filter(({ before }) => before.ns > goneNs);
    expect(late).not.toHaveLength(0);
    expect(cut(late)).toEqual([]);
    expect(cut(inward).filter(isOf(PORT))).toEqual([]);
    expect(violations(inward, outward)).toEqual([]);
    api.close();
    expect((await shaper.stop()).code).toBe(0);
  });

  it('goes on after gaps as receivers have promised meanwhile', async () => {
    const { lab } = world;
    const shaper = await start(`links: { wan: { device: wan0, up: ${PACED} } }`);
    const set = (value: string) =>
      shaper.cli(['set', 'wan/up', `tcp.pace=${value}`, '--socket', shaper.socketPath]);
    const crossings = await captureCrossings(lab, [PORT]);
    const sending = transfer(PORT, { parallel: CONNECTIONS, seconds: 6 });
    await sleep(1500);
    await set('false');
    await sleep(500);
    await set('true');
    await sleep(1500);
    // Without effect where rules of nft queue.
    await lab.router.exec(['iptables', '-t', 'security', '-F'], { check: false });
    await sending;
    const { inward, outward } = await crossings();
    expect(cut(inward).length).toBeGreaterThan(CONNECTIONS);
    expect(violations(inward, outward)).toEqual([]);
    expect((await shaper.stop()).code).toBe(0);
  });
});
