/**
 * Hosts whose own packets never come by: what the kernel's neighbour table and DHCP leases say of them, on
 * real packets.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeNetns, type RunningShaper, sendUdp, sleep, useLab, useShapers } from '../harness.ts';

interface ShownHost {
  readonly id: string;
  readonly name: string | null;
  readonly macs: readonly string[];
  readonly addresses: readonly string[];
  readonly down: { readonly bytes: number };
}

async function hostsOf(shaper: RunningShaper): Promise<readonly ShownHost[]> {
  const { stdout } = await shaper.cli(['hosts', '--json', '--socket', shaper.socketPath]);
  return (JSON.parse(stdout) as { readonly hosts: readonly ShownHost[] }).hosts;
}

/** The events of the instance, up to those that are wanted. */
function eventsUntil(socketPath: string, wanted: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, path: '/v1/events', headers: { 'Last-Event-ID': '0' } }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        if (!wanted.test(text)) return;
        resolve(text);
        sent.destroy();
      });
      answer.once('end', () => reject(new Error(`never came: ${wanted}`)));
    });
    sent.once('error', reject).end();
  });
}

/** Asks until the answer is as wanted. Returns the last one. */
async function once<T>(ask: () => Promise<T>, isWanted: (answer: T) => boolean): Promise<T> {
  for (const endMs = Date.now() + 30_000; ; await sleep(200)) {
    const answer = await ask();
    if (isWanted(answer) || Date.now() > endMs) return answer;
  }
}

describeNetns('the neighbour table', () => {
  const world = useLab();
  const start = useShapers(world);

  it('makes one host of the addresses of a device that is only seen from outside, and leases name it', async () => {
    const { client, server, folder } = world.lab;
    const { stdout } = await client.exec(['cat', '/sys/class/net/eth0/address']);
    const mac = stdout.trim();
    const leases = join(folder, 'leases');
    writeFileSync(leases, '');
    const classes = `{ device: { match: { mac: "${mac}" } }, named: { match: { host: flat-12 } }, rest: {} }`;
    const shaper = await start(
      `hosts: { leases: ${leases} }\nlinks: { wan: { device: wan0, down: { rate: 50mbit, classes: ${classes} } } }\n`,
    );
    const send = () =>
      sendUdp(server, client, { port: 6200, rateBitsPerSec: 1e6, seconds: 1, lengthBytes: 1000 });
    const sendSix = () =>
      sendUdp(server, client, { port: 6201, rateBitsPerSec: 1e6, seconds: 1, lengthBytes: 1000, family: 6 });
    await Promise.all([send(), sendSix()]);
    const [host, ...others] = await once(
      () => hostsOf(shaper),
      (hosts) => hosts[0]?.addresses.length === 2,
    );
    expect(host).toMatchObject({ id: mac, macs: [mac] });
    expect([...host!.addresses].sort()).toEqual([client.addresses.v4, client.addresses.v6].sort());
    expect(others).toEqual([]);
    expect(host!.down.bytes).toBeGreaterThan(100_000);

    // Flows that ran before their MAC was known have changed their class.
    await Promise.all([send(), sendSix()]);
    const sent = async (path: string): Promise<number> =>
      (await shaper.status()).classes.find((one) => one.path === path)!.sent.packets;
    expect(await sent('wan/down/device')).toBeGreaterThan(200);

    // As DHCP servers do it, a new file takes the place of the old one.
    writeFileSync(`${leases}.new`, `1700000000 ${mac} ${client.addresses.v4} Flat-12 *\n`);
    renameSync(`${leases}.new`, leases);
    const named = await once(
      () => hostsOf(shaper),
      (hosts) => hosts.some(({ name }) => name === 'flat-12'),
    );
    expect(named.find(({ id }) => id === mac)).toMatchObject({ name: 'flat-12' });
  });

  it('and packets show two MACs that take turns at an address, as an event', async () => {
    const { client, server } = world.lab;
    const { stdout } = await client.exec(['cat', '/sys/class/net/eth0/address']);
    const own = stdout.trim();
    const other = '02:00:00:00:00:99';
    const shaper = await start('links: { wan: { device: wan0, up: { rate: 50mbit } } }\n');
    const told = eventsUntil(shaper.socketPath, /"taking-turns".*\n/);
    for (const mac of [own, other, own, other, own]) {
      await client.exec(['ip', 'link', 'set', 'eth0', 'address', mac]);
      await sendUdp(client, server, { port: 6300, rateBitsPerSec: 1e5, seconds: 2 });
    }
    expect(await told).toContain(`"macs":${JSON.stringify([own, other].sort())}`);
  });
});
