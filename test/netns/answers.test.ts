/**
 * What the program asks the rules for, end to end: superpackets for fast classes only, CE instead of drops.
 */
import { expect, it } from 'vitest';
import { classOf, describeNetns, type Host, iperfTcp, until, useLab, useShapers } from './harness.ts';
import { addCounters, counters } from './rules-bed.ts';

const MTU = 1500;
const FAST_PORT = 5201;
const SLOW_PORT = 5202;

/** Counts data packets of either port in POSTROUTING: all, and those longer than the MTU. */
function countLengths(router: Host): Promise<void> {
  const names = ['fast', 'slow'].flatMap((kind) => [kind, `${kind}_long`]);
  const rules = [FAST_PORT, SLOW_PORT].flatMap((port, i) =>
    ['sport', 'dport'].flatMap((side) => [
      `tcp ${side} ${port} counter name ${names[2 * i]}`,
      `tcp ${side} ${port} meta length > ${MTU} counter name ${names[2 * i + 1]}`,
    ]),
  );
  return addCounters(router, { 'postrouting 0': rules });
}

describeNetns('superpackets', () => {
  const world = useLab();
  const start = useShapers(world);

  it('are for flows of fast classes only, both ways, and flows are not cut when they move', async () => {
    const { client, router, server } = world.lab;
    const tree = (side: string): string =>
      `{ rate: 20gbit, classes: { slow: { ceil: 2mbit, match: { ${side}: ${SLOW_PORT} } } } }`;
    const shaper = await start(
      `links: { wan: { device: wan0, up: ${tree('dport')}, down: ${tree('sport')} } }`,
    );
    await countLengths(router);
    for (const family of [4, 6] as const) {
      const there = await iperfTcp(client, server, { port: FAST_PORT, seconds: 1, family });
      const back = await iperfTcp(client, server, { port: FAST_PORT, seconds: 1, family, reverse: true });
      expect(there.receivedBytes).toBeGreaterThan(1e6);
      expect(back.receivedBytes).toBeGreaterThan(1e6);
      await iperfTcp(client, server, { port: SLOW_PORT, seconds: 2, family });
    }
    await iperfTcp(client, server, { port: SLOW_PORT, seconds: 2, reverse: true });
    const { fast, fast_long, slow, slow_long } = await counters(router);
    await iperfTcp(router, server, { port: FAST_PORT, seconds: 1 });
    const local = await counters(router);
    expect((local.fast_long! - fast_long!) / (local.fast! - fast!)).toBeGreaterThan(0.3);
    expect(fast_long! / fast!).toBeGreaterThan(0.3);
    expect(slow).toBeGreaterThan(300);
    expect(slow_long).toBe(0);
    const status = await shaper.status();
    const { sent } = classOf(status, 'wan/up/default');
    expect(sent.bytes / sent.packets).toBeGreaterThan(3 * MTU);
    const slowSent = classOf(status, 'wan/down/slow').sent;
    expect(slowSent.bytes / slowSent.packets).toBeLessThanOrEqual(MTU);
    expect((await shaper.stop()).code).toBe(0);
  });
});

describeNetns('ECN', () => {
  const world = useLab();
  const start = useShapers(world);

  /** Packets that came with CE, of both families. */
  async function receivedCe(host: Host): Promise<number> {
    const { stdout } = await host.exec(['nstat', '-asz', 'IpExtInCEPkts', 'Ip6InCEPkts']);
    return [...stdout.matchAll(/CEPkts\s+(\d+)/g)].reduce((sum, [, packets]) => sum + Number(packets), 0);
  }

  it.each([4, 6] as const)(
    'CoDel marks TCP that can carry it over IPv%i, and drops none of it',
    async (family) => {
      const { client, server } = world.lab;
      for (const host of [client, server]) await host.exec(['sysctl', '-q', '-w', 'net.ipv4.tcp_ecn=1']);
      const shaper = await start('links: { wan: { device: wan0, up: 5mbit } }');
      const before = await receivedCe(server);
      const { retransmits } = await iperfTcp(client, server, { port: FAST_PORT, seconds: 4, family });
      const up = () => shaper.status().then((status) => classOf(status, 'wan/up/default'));
      await until('nothing waits', async () => (await up()).backlog.packets === 0);
      const { marked, dropped } = await up();
      expect(marked).toBeGreaterThan(5);
      expect(dropped.aqm + dropped.early).toBe(0);
      expect((await receivedCe(server)) - before).toBe(marked);
      if (dropped.tail === 0) expect(retransmits).toBe(0);
      expect((await shaper.stop()).code).toBe(0);
    },
  );
});
