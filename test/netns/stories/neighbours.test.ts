/** Other programs that queue, mark and translate: none lets packets past the shaper, none is passed over. */
import { afterEach, expect, it } from 'vitest';
import {
  classOf,
  describeNetns,
  type Host,
  packetsUnaccounted,
  type RunningShaper,
  udpTransfer,
  until,
  useLab,
  useShapers,
} from '../harness.ts';
import { addUplink, SECOND_MARK, SERVER } from './second-uplink.ts';

const PORT = 7001;
const iptables = (host: Host, rule: string) => host.exec(['iptables-nft', ...rule.split(' ')]);
const loggedMark = (shaper: RunningShaper): unknown => shaper.logs.find(({ msg }) => msg === 'ready')?.mark;

/** Packets that a counting rule of the chain FORWARD of the table `security` has seen. */
async function countedBehind(host: Host): Promise<number> {
  const { stdout } = await host.exec(['iptables-nft', '-t', 'security', '-nvxL', 'FORWARD']);
  return Number(/^\s*(\d+)\s+\d+\s.*dpt:7001/m.exec(stdout)?.[1]);
}

/** How many of five pings at once are answered. */
async function pingsAtOnce(from: Host, to: string): Promise<number> {
  const { stdout } = await from.exec(['ping', '-q', '-c', '5', '-l', '5', '-W', '1', to], { check: false });
  return Number(/(\d+) received/.exec(stdout)?.[1]);
}

describeNetns('other programs', () => {
  const world = useLab();
  const start = useShapers(world);
  afterEach(async () => void (await world.lab.router.exec(['nft', 'flush', 'ruleset'])));

  it('that queue or accept in the same chain neither hide packets from us nor we from them', async () => {
    const { client, router, server } = world.lab;
    await iptables(router, '-t security -A FORWARD -j NFQUEUE --queue-num 50 --queue-bypass');
    await iptables(router, `-t security -I FORWARD -p udp --dport ${PORT}`);
    const police = `police: { rate: 400kbit, burst: 15kB }`;
    const shaper = await start(`
links: { wan: { device: wan0, up: { rate: 20mbit, classes: { policed: { match: { dport: ${PORT} }, ${police} } } } } }
nfqueue: { backend: iptables }
`);
    const load = { port: PORT, count: 200, lengthBytes: 500, rateBitsPerSec: 2e6 };
    const first = await udpTransfer(client, server, load);
    expect(first.received.packets).toBeLessThan(130);
    expect(await countedBehind(router)).toBe(first.received.packets);
    await iptables(router, '-t security -I FORWARD -j ACCEPT');
    await shaper.logged('somebody put rules before ours; moved');
    const second = await udpTransfer(client, server, load);
    expect(second.received.packets).toBeLessThan(130);
    const status = await shaper.status();
    expect(packetsUnaccounted(status)).toBe(0);
    const { sent, dropped } = classOf(status, 'wan/up/policed');
    expect([sent.packets, sent.packets + dropped.police]).toEqual([
      first.received.packets + second.received.packets,
      2 * load.count,
    ]);
    expect((await shaper.stop()).code).toBe(0);
  });

  it('keep their bits of the mark, two instances have bits of their own, and what comes later is told', async () => {
    const { client, router, server } = world.lab;
    await iptables(router, '-t mangle -A POSTROUTING -m mark ! --mark 0x40000000/0x40000000 -j RETURN');
    // At the same instant, when neither sees what the other chooses.
    const [first, second] = await Promise.all([
      start('links: { wan: { device: wan0, up: 20mbit, down: 20mbit } }'),
      start('links: { lan: { device: lan0, up: 20mbit } }\nnfqueue: { first: 200 }'),
    ]);
    const marks = [first, second].map((shaper) => String(loggedMark(shaper)));
    expect(marks.toSorted()).toEqual(['0x003fc000', '0x3fc00000']);
    const printed = await first.cli(['rules', '--conf', first.configPath]);
    expect(printed.stdout).toContain(`mark_mask { ${marks[0]} }`);
    expect(await pingsAtOnce(client, server.addresses.v4)).toBe(5);
    await router.exec(['nft', '-f', '-'], {
      input: `table inet n {
        chain post { type nat hook postrouting priority 100; oifname wan0 masquerade; }
        chain f { type filter hook forward priority 0; ct state invalid drop; }
        chain pre { type filter hook prerouting priority 0; meta mark set meta mark or 0x20008000; }
      }\n`,
    });
    const isTold = (): boolean => first.logs.some(({ msg }) => msg.includes('table inet n, chain pre'));
    await until('the collision is told', isTold, 90_000);
    await until(
      'both know that connections are tracked',
      async () => {
        const { stdout } = await router.exec(['nft', 'list', 'ruleset']);
        return stdout.split('icmp type echo-request ct status').length === 3;
      },
      90_000,
    );
    expect(await pingsAtOnce(client, server.addresses.v4)).toBe(5);
    expect(await pingsAtOnce(client, server.addresses.v6)).toBe(5);
    expect((await first.status()).warnings.join()).toContain('table inet n, chain pre');
    expect((await first.stop()).code).toBe(0);
    expect((await second.stop()).code).toBe(0);
  });

  it('that translate addresses do not cost pings, nor copy our bits to packets that they route', async () => {
    const { client, router, server } = world.lab;
    await addUplink(world.lab);
    for (const rule of [
      '-j CONNMARK --restore-mark',
      `-m mark --mark 0 -p udp --dport ${PORT} -j MARK --set-mark ${SECOND_MARK}`,
      '-j CONNMARK --save-mark',
    ]) {
      await iptables(router, `-t mangle -A PREROUTING -i lan0 ${rule}`);
    }
    await iptables(router, '-t nat -A POSTROUTING -j MASQUERADE');
    const up = 'up: { rate: 10gbit, classes: { slow: { ceil: 2mbit, match: { dport: 1 } } } }';
    const shaper = await start(`links: { one: { device: wan0, ${up} }, two: { device: wan1, ${up} } }`);
    expect(shaper.logs.some(({ msg }) => msg.startsWith('no connection marks here: another rule'))).toBe(
      true,
    );
    const remote: Host = { ...server, addresses: SERVER };
    await udpTransfer(client, remote, { port: PORT, count: 50, lengthBytes: 500, rateBitsPerSec: 1e6 });
    const status = await shaper.status();
    const [wrong, right] = ['one/up', 'two/up'].map((path) => classOf(status, path).sent.packets);
    expect([wrong, right]).toEqual([0, 50]);
    expect(await pingsAtOnce(client, server.addresses.v4)).toBe(5);
    expect((await shaper.stop()).code).toBe(0);
  });
});
