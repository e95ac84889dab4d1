/** A link whose device is a port of a bridge, between two hosts that the bridge joins. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import {
  classOf,
  describeNetns,
  type Finished,
  type Host,
  iperfTcp,
  packetsUnaccounted,
  run,
  shaperCommand,
  type UdpTransfer,
  udpTransfer,
  useLab,
  useShapers,
} from '../harness.ts';
import { ruleset } from '../rules-bed.ts';
import { addBridge, setCalls } from '../rules-bridges.ts';

/** By port8, to the client and from it. */
const UP = 3e6;
const DOWN = 2e6;
const CONFIG = `links: { lan: { device: port8, up: ${UP / 1e6}mbit, down: ${DOWN / 1e6}mbit } }`;

describeNetns('a port of a bridge', () => {
  const world = useLab();
  const start = useShapers(world);

  const at = (host: Host, v4: string, v6: string): Host => ({ ...host, addresses: { v4, v6 } });
  /** The hosts by their addresses on the bridge. */
  const bridged = (): { client: Host; router: Host; server: Host } => ({
    client: at(world.lab.client, '10.78.0.1', 'fd78::1'),
    router: at(world.lab.router, '10.78.0.254', 'fd78::254'),
    server: at(world.lab.server, '10.78.0.2', 'fd78::2'),
  });
  const batch = (lines: readonly string[]): Promise<Finished> =>
    run(['ip', '-n', world.lab.router.ns, '-batch', '-'], { input: lines.join('\n') });

  const load = (from: Host, to: Host, family: 4 | 6 = 4, seconds = 1): Promise<UdpTransfer> =>
    udpTransfer(from, to, { ...{ port: 7001, seconds, family }, lengthBytes: 1000, rateBitsPerSec: 8e6 });

  /** More than the rate never passes; less does while a busy machine lets the program stand still. */
  const expectShaped = (rate: number, { bitsPerSec }: { readonly bitsPerSec: number }): void => {
    expect(bitsPerSec / rate).toBeGreaterThan(0.8);
    expect(bitsPerSec / rate).toBeLessThan(1.05);
  };

  let bridgedLab: unknown;
  // A test that is repeated has a new lab.
  beforeEach(async () => {
    if (bridgedLab === world.lab) return;
    bridgedLab = world.lab;
    await addBridge(world.lab);
    await world.lab.router.exec(['modprobe', 'br_netfilter'], { check: false });
  });

  it('is refused where br_netfilter keeps its packets from rules of iptables', async () => {
    const { router, folder } = world.lab;
    await setCalls(world.lab, 0);
    const before = await ruleset(router);
    const file = join(folder, 'refused.yaml');
    writeFileSync(file, `${CONFIG}\nnfqueue: { backend: iptables }`);
    const refused = await router.exec([...shaperCommand(), 'run', file], { check: false });
    expect(refused.code).toBe(3);
    expect(refused.stderr).toContain('link lan would shape nothing: port8 is a port of the bridge br8');
    expect(refused.stderr).toContain('sysctl -w net.bridge.bridge-nf-call-iptables=1');
    expect(await ruleset(router)).toBe(before);
  });

  it('is shaped both ways, IPv4 and IPv6, and other ports are not', async () => {
    await setCalls(world.lab, 1);
    const before = await ruleset(world.lab.router);
    const { client, router, server } = bridged();
    const instance = await start(CONFIG);
    for (const family of [4, 6] as const) {
      expectShaped(DOWN, await load(client, server, family));
      expectShaped(UP, await load(server, client, family));
    }
    const { received } = (await instance.status()).totals;
    const other = await load(server, router, 4, 0.5);
    expect(other.received.packets).toBe(other.sent.packets);
    expect((await instance.status()).totals.received).toEqual(received);
    // The router stamps packets as they come, before they wait, so they are counted.
    const [own, far] = [await load(client, router), await load(client, server)];
    expect(own.received.packets / far.received.packets).toBeCloseTo(1, 0);
    expect(own.received.packets).toBeLessThan(own.sent.packets / 2);
    const tcp = await iperfTcp(client, server, { port: 5201, seconds: 2, omitSeconds: 1 });
    expectShaped(DOWN, tcp);
    const status = await instance.status();
    expect(status.warnings).toEqual([]);
    expect(packetsUnaccounted(status)).toBe(0);
    expect(classOf(status, 'lan/down').dropped.tail).toBeGreaterThan(0);
    expect((await instance.stop()).code).toBe(0);
    expect(await ruleset(world.lab.router)).toBe(before);
  });

  it('is shaped beside another port of the same bridge: a packet passes down of one and up of the other', async () => {
    await setCalls(world.lab, 1);
    const { client, server } = bridged();
    const instance = await start(
      'links: { near: { device: port8, down: 3mbit }, far: { device: port9, up: 1mbit, down: 2mbit } }',
    );
    expectShaped(1e6, await load(client, server));
    expectShaped(2e6, await load(server, client));
    const status = await instance.status();
    const sent = (path: string): number => classOf(status, path).sent.packets;
    const droppedIn = (path: string): number => {
      const { tail, early, police, aqm } = classOf(status, path).dropped;
      return tail + early + police + aqm;
    };
    // What leaves the one tree comes to the other.
    expect(sent('near/down')).toBe(sent('far/up') + droppedIn('far/up'));
    expect(packetsUnaccounted(status)).toBe(0);
    expect((await instance.stop()).code).toBe(0);
  });

  it('is paced: edited packets of a bridge arrive, and windows hold the senders back', async () => {
    await setCalls(world.lab, 1);
    const { client, server } = bridged();
    // Nothing shapes up, by which the acknowledgements leave.
    const instance = await start(
      'links: { lan: { device: port8, down: { rate: 6mbit, tcp: { pace: true } } } }',
    );
    const tcp = await iperfTcp(client, server, { port: 5202, seconds: 2, omitSeconds: 1, parallel: 2 });
    // How near pacing comes to the rate is the business of others. Of what is lost nothing would come back.
    expect(tcp.bitsPerSec / 6e6).toBeGreaterThan(0.3);
    expect(tcp.bitsPerSec / 6e6).toBeLessThan(1.05);
    const status = await instance.status();
    const { paced, dropped } = classOf(status, 'lan/down');
    expect(paced?.rewritten).toBeGreaterThan(20);
    expect(dropped.tail + dropped.aqm).toBe(0);
    expect(status.bounds.unmatched).toBe(0);
    expect((await instance.stop()).code).toBe(0);
  });

  it('is followed when it leaves the bridge and joins it again', async () => {
    const { client, server } = bridged();
    const shareNow = async (): Promise<number> => (await load(client, server, 4, 0.6)).bitsPerSec / DOWN;
    await batch(['link set port8 nomaster']);
    const before = await ruleset(world.lab.router);
    const instance = await start(CONFIG);
    await batch(['link set port8 master br8']);
    await instance.logged('the device is a port of br8 now', 30_000);
    await expect.poll(shareNow, { timeout: 20_000 }).toBeLessThan(1.05);
    const flowing = load(client, server, 4, 2);
    await batch(['link set port8 nomaster', 'link set port8 master br8']);
    await flowing;
    await expect.poll(shareNow, { timeout: 20_000 }).toBeLessThan(1.05);
    await setCalls(world.lab, 0);
    const off = 'net.bridge.bridge-nf-call-iptables and net.bridge.bridge-nf-call-ip6tables is 0';
    const warnings = async (): Promise<readonly string[]> => (await instance.status()).warnings;
    await expect.poll(warnings, { timeout: 30_000 }).toEqual([expect.stringContaining(off)]);
    const warned = instance.logs.filter(({ level, msg }) => level === 'warn' && msg.includes(off));
    expect(warned).toHaveLength(1);
    await setCalls(world.lab, 1);
    await expect.poll(warnings, { timeout: 30_000 }).toEqual([]);
    expectShaped(DOWN, await load(client, server, 4, 0.6));
    const status = await instance.status();
    expect(packetsUnaccounted(status)).toBe(0);
    expect((await instance.stop()).code).toBe(0);
    expect(await ruleset(world.lab.router)).toBe(before);
  });
});
