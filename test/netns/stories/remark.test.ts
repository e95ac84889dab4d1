/**
 * DSCPs that classes ask for, end to end: whole classes with superpackets, colours of a meter, local packets.
 */
import { expect, it } from 'vitest';
import { describeNetns, type Host, iperfTcp, udpTransfer, until, useLab, useShapers } from '../harness.ts';

const PORT = 5201;
const METERED_PORT = 7001;
const [CS1, AF11, AF12, AF13] = [8, 10, 12, 14];

/** Counts what arrives at a port by DSCP, behind everything. */
async function countPoints(host: Host, protocol: string, port: number): Promise<void> {
  const rules = [0, CS1, AF11, AF12, AF13].flatMap((point) =>
    ['ip', 'ip6'].map((ip) => `${protocol} dport ${port} ${ip} dscp ${point} counter name p${port}_${point}`),
  );
  const names = new Set(rules.map((rule) => rule.split(' ').at(-1)));
  const table = [
    `table inet points_${port} {`,
    ...[...names].map((name) => `counter ${name} { }`),
    'chain c {',
    'type filter hook input priority 0; policy accept;',
    ...rules,
    '}',
    '}',
    '',
  ];
  await host.exec(['nft', '-f', '-'], { input: table.join('\n') });
}

/** Bytes by DSCP, of those that came at all. */
async function points(host: Host, port: number): Promise<Record<string, number>> {
  const { stdout } = await host.exec(['nft', '-j', 'list', 'counters', 'table', 'inet', `points_${port}`]);
  const { nftables } = JSON.parse(stdout) as { nftables: { counter?: { name: string; bytes: number } }[] };
  const all = nftables.flatMap(({ counter }) =>
    counter && counter.bytes > 0 ? [[counter.name.replace(/.*_/, ''), counter.bytes]] : [],
  );
  return Object.fromEntries(all) as Record<string, number>;
}

describeNetns('remarking', () => {
  const world = useLab();
  const start = useShapers(world);

  it('reaches everything of a class, superpackets and local packets too', async () => {
    const { client, router, server } = world.lab;
    await countPoints(server, 'tcp', PORT);
    const classes = `{ bulk: { match: { dport: ${PORT} }, remark: cs1 }, slow: { ceil: 2mbit, match: { dport: 1 } } }`;
    const shaper = await start(`links: { wan: { device: wan0, up: { rate: 20gbit, classes: ${classes} } } }`);
    for (const family of [4, 6] as const) {
      const { receivedBytes } = await iperfTcp(client, server, { port: PORT, seconds: 1, family });
      expect(receivedBytes).toBeGreaterThan(1e6);
    }
    await iperfTcp(router, server, { port: PORT, seconds: 1 });
    expect(Object.keys(await points(server, PORT))).toEqual([String(CS1)]);
    expect((await shaper.stop()).code).toBe(0);
  });

  it('goes by the colours of a meter', async () => {
    const { client, server } = world.lab;
    await countPoints(server, 'udp', METERED_PORT);
    const meter = 'meter: { type: trtcm, cir: 1mbit, cbs: 100kB, pir: 2mbit, pbs: 100kB }';
    const remark = 'remark: { green: af11, yellow: af12, red: af13 }';
    const shaper = await start(
      `links: { wan: { device: wan0, up: { rate: 20mbit, classes: { default: { ${meter}, ${remark} } } } } }`,
    );
    const load = { seconds: 4, lengthBytes: 600, rateBitsPerSec: 4e6 };
    const { sent } = await udpTransfer(client, server, { port: METERED_PORT, family: 4, ...load });
    let by: Record<string, number> = {};
    await until('all have arrived', async () => {
      by = await points(server, METERED_PORT);
      return Object.values(by).reduce((sum, bytes) => sum + bytes, 0) >= sent.packets * load.lengthBytes;
    });
    const [green, yellow, red] = [by[AF11]!, by[AF12]!, by[AF13]!];
    // Four seconds and a burst within cir, as much within the peak above it without a burst, and the rest.
    // The bursts are long: while a busy machine lets nobody send, they take what comes of the rates.
    for (const [bytes, expected] of [
      [green, 600_000],
      [yellow, 500_000],
      [red, sent.packets * load.lengthBytes - 1_100_000],
    ] as const) {
      expect(Math.abs(bytes / expected - 1), `${bytes} B for ${expected} B`).toBeLessThan(0.1);
    }
    expect(by[0]).toBeUndefined();
    expect((await shaper.stop()).code).toBe(0);
  });
});
