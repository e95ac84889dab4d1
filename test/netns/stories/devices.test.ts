/** Devices that packets do not show are refused with the name to use, and noticed while the program runs. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  describeNetns,
  type Finished,
  run,
  shaperCommand,
  udpTransfer,
  useLab,
  useShapers,
} from '../harness.ts';
import { ruleset } from '../rules-bed.ts';
import { addBridge, ROUTED, SWITCHED, setCalls } from '../rules-bridges.ts';

describeNetns('devices that packets do not show', () => {
  const world = useLab();
  const start = useShapers(world);

  function write(name: string, config: string): string {
    const file = join(world.lab.folder, name);
    writeFileSync(file, config);
    return file;
  }

  const shaper = (...args: string[]): Promise<Finished> =>
    world.lab.router.exec([...shaperCommand(), ...args], { check: false });

  it('a port that br_netfilter keeps from rules of iptables is refused, and check tells what passes by', async () => {
    const { router } = world.lab;
    await setCalls(world.lab, 0);
    await router.exec(['ip', 'link', 'add', 'port0', 'type', 'veth', 'peer', 'name', 'far0']);
    await router.exec(['ip', 'link', 'add', 'br0', 'type', 'bridge']);
    await router.exec(['ip', 'link', 'set', 'port0', 'master', 'br0']);
    const before = await ruleset(router);
    const file = write(
      'port.yaml',
      'links:\n  lan:\n    device: port0\n    up: 10mbit\nnfqueue: { backend: iptables }\n',
    );
    const refused = await shaper('run', file);
    expect(refused.code).toBe(3);
    expect(refused.stderr).toContain('link lan would shape nothing: port0 is a port of the bridge br0');
    expect(refused.stderr).toContain('sysctl -w net.bridge.bridge-nf-call-iptables=1');
    expect(await ruleset(router)).toBe(before);
    const checked = await shaper('check', file);
    expect(checked.code).toBe(0);
    expect(checked.stderr).toContain(`${file}:3:13: warning: device: port0 is a port of the bridge br0`);
    // Here /sys is that of the namespace in which the test runs.
    const command = ['nsenter', `--net=/run/netns/${router.ns}`, ...shaperCommand(), 'run', file];
    const elsewhere = await run(command, { check: false });
    expect([elsewhere.code, elsewhere.stderr]).toEqual([3, refused.stderr]);
  });

  it('check warns of missing devices in links and matchers, and of devices on top of others', async () => {
    const { router } = world.lab;
    await router.exec(['ip', 'link', 'add', 'mac0', 'link', 'wan0', 'type', 'macvlan']);
    const match = '{ iif: [lan0, lan9] }';
    const config = `links:
  wan: { device: wan0, up: { rate: 1mbit, classes: { a: { match: ${match} } } } }
  new: { device: wan1, up: 1mbit }
`;
    const file = write('missing.yaml', config);
    const { code, stderr } = await shaper('check', file);
    expect(code).toBe(0);
    const [onTop, matched, missing] = stderr.split('\n');
    expect(onTop).toContain(
      `${file}:2:18: warning: device: packets of the devices on top of wan0 do not show`,
    );
    expect(onTop).toMatch(/: mac0$/);
    expect(matched).toMatch(/yaml:2:\d+: warning: iif: this machine has no lan9 .*did you mean lan0\?$/);
    expect(missing).toMatch(/yaml:3:18: warning: device: this machine has no wan1 .*did you mean wan0\?$/);
    const refused = await shaper('run', file);
    expect(refused.code).toBe(3);
    expect(refused.stderr).toContain('device wan1 of link new does not exist');
    await router.exec(['ip', 'link', 'delete', 'mac0']);
  });

  it('what a bridge only switches passes unshaped, what is routed back into it is shaped', async () => {
    const { client, router, server } = world.lab;
    await addBridge(world.lab);
    // Where the kernel has br_netfilter, the rules for IP see what the bridge switches.
    await setCalls(world.lab, 1);
    const before = await ruleset(router);
    const instance = await start('links: { lan: { device: br8, up: 1mbit, down: 1mbit } }');
    const load = { port: 7001, seconds: 2, lengthBytes: 1000, rateBitsPerSec: 4e6 };
    const to = (v4: string): typeof server => ({ ...server, addresses: { ...server.addresses, v4 } });
    const switched = await udpTransfer(client, to(SWITCHED[0]), load);
    expect(switched.received.packets).toBe(switched.sent.packets);
    expect((await instance.status()).totals.received.packets).toBe(0);
    const routed = await udpTransfer(client, to(ROUTED), load);
    expect(routed.received.packets).toBeLessThan(routed.sent.packets / 2);
    expect((await instance.status()).totals.received.packets).toBe(routed.sent.packets);
    expect((await instance.stop()).code).toBe(0);
    expect(await ruleset(router)).toBe(before);
  });

  it('an instance says so when its device joins a bridge by which this host routes, and packets pass by', async () => {
    const { client, router, server } = world.lab;
    await setCalls(world.lab, 1);
    const instance = await start(
      'links: { wan: { device: wan0, up: 1mbit } }\nnfqueue: { backend: iptables }',
    );
    expect((await udpTransfer(client, server, { port: 7001, count: 10 })).received.packets).toBe(10);
    expect((await instance.status()).warnings).toEqual([]);
    const lines = [
      'link add br1 type bridge',
      'link set br1 up',
      'link set wan0 master br1',
      'addr flush dev wan0',
      'addr add 10.77.2.1/24 dev br1',
    ];
    await run(['ip', '-n', router.ns, '-batch', '-'], { input: lines.join('\n') });
    // Four times the limit: with nothing to shape it, all of it passes.
    const load = { port: 7001, seconds: 16, lengthBytes: 1000, rateBitsPerSec: 4e6 };
    const passing = udpTransfer(client, server, load);
    const line = await instance.logged('packets pass by unshaped', 60_000);
    const reason =
      'wan0 is a port of the bridge br1: what this host itself sends or routes by it passes unshaped';
    expect(line).toMatchObject({ path: 'wan/up', device: 'wan0', packets: 0 });
    expect(line.reason).toContain(reason);
    expect(instance.logs.map(({ msg }) => msg)).toContainEqual(
      expect.stringContaining('what this host sends or routes by wan0 shows br1 alone and passes unshaped'),
    );
    const { warnings } = await instance.status();
    expect(warnings).toEqual([expect.stringContaining(`0 came to be shaped; likely: ${reason}`)]);
    expect((await instance.cli(['status', '--socket', instance.socketPath])).stdout).toContain(
      `warning: ${warnings[0]}`,
    );
    const { sent, received } = await passing;
    expect(received.packets).toBeGreaterThan(sent.packets / 2);
    expect(instance.logs.filter(({ msg }) => msg === 'packets pass by unshaped')).toHaveLength(1);
    expect((await instance.stop()).code).toBe(0);
  });
});
