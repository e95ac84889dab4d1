/** Who uses the line now, on real packets: what `flows` and `hosts` say of a transfer that runs. */
import { request } from 'node:http';
import { expect, it } from 'vitest';
import type { FlowReport, FlowsReport } from '../../../src/control/views/flows-view.ts';
import type { HostsReport } from '../../../src/control/views/hosts-view.ts';
import { describeNetns, sleep, tcpTransfer, useLab, useShapers } from '../harness.ts';

const RATE = 4e6;

/** All of an answer, or its beginning up to `wanted` if it has no end. */
function read(socketPath: string, path: string, headers: object, wanted: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, path, headers: { ...headers } }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        if (!wanted.test(text)) return;
        resolve(text);
        sent.destroy();
      });
      answer.once('end', () => resolve(text));
    });
    sent.once('error', reject).end();
  });
}

describeNetns('flows and hosts', () => {
  const world = useLab();
  const start = useShapers(world);

  it('show a transfer with its class, rate and round trip, and the host that sends it', async () => {
    const { client, server } = world.lab;
    const leaves = '{ bulk: { match: { dport: 6100 } } }';
    const shaper = await start(
      `links: { wan: { device: wan0, up: { rate: 4mbit, classes: ${leaves} }, down: { rate: 50mbit } } }\n`,
    );
    const ask = async <Report>(...args: string[]): Promise<Report> => {
      const { code, stdout, stderr } = await shaper.cli([...args, '--json', '--socket', shaper.socketPath]);
      expect(code, stderr).toBe(0);
      return JSON.parse(stdout) as Report;
    };
    const transfer = tcpTransfer(client, server, { port: 6100, seconds: 14 });
    transfer.catch(() => undefined); // awaited below
    const isSteady = ({ rates, rttMilliseconds }: FlowReport): boolean =>
      Math.abs(rates.over1s / RATE - 1) < 0.1 && rttMilliseconds !== null;
    let found: FlowReport | undefined;
    for (const endMs = Date.now() + 30_000; !(found && isSteady(found)) && Date.now() < endMs; ) {
      await sleep(500);
      const { flows } = await ask<FlowsReport>(
        'flows',
        '--class',
        'wan/up/bulk',
        '--host',
        client.addresses.v4,
      );
      found = flows[0];
    }
    expect(found).toMatchObject({
      ...{ protocol: 'tcp', src: client.addresses.v4, dst: server.addresses.v4, dport: 6100 },
      classes: ['wan/up/bulk'],
    });
    expect(found!.rates.over1s / RATE).toBeGreaterThan(0.9);
    expect(found!.rates.over1s / RATE).toBeLessThan(1.1);
    // What waits here is part of the round trip.
    expect(found!.rttMilliseconds).toBeGreaterThan(0.01);
    expect(found!.rttMilliseconds).toBeLessThan(5000);
    expect(found!.delayMilliseconds!.p50).toBeGreaterThan(0);
    await transfer;

    const sums = async () => {
      const { hosts } = await ask<HostsReport>('hosts');
      const { classes } = await shaper.status();
      const sent = (path: string): number => classes.find((one) => one.path === path)!.sent.bytes;
      const total = (side: 'up' | 'down'): number => hosts.reduce((sum, host) => sum + host[side].bytes, 0);
      return {
        addresses: hosts.flatMap(({ addresses }) => addresses),
        hosts: [total('up'), total('down')],
        classes: [sent('wan/up'), sent('wan/down')],
      };
    };
    let last = await sums();
    for (const endMs = Date.now() + 30_000; `${last.hosts}` !== `${last.classes}` && Date.now() < endMs; ) {
      await sleep(500);
      last = await sums();
    }
    expect(last.hosts).toEqual(last.classes);
    expect(last.addresses).toContain(client.addresses.v4);
    expect(last.addresses).not.toContain(server.addresses.v4);

    const told = /"type":"drops",.*"path":"wan\/up\/bulk","state":"began"/;
    expect(await read(shaper.socketPath, '/v1/events', { 'Last-Event-ID': '0' }, told)).toMatch(told);
    // They tell of the last sample, which is at most a second old.
    await sleep(2000);
    const metrics = await read(shaper.socketPath, '/v1/metrics', {}, /never/);
    expect(metrics).toContain(`shaper_class_sent_bytes_total{class="wan/up"} ${last.classes[0]}\n`);
    expect(metrics).toContain('shaper_hosts 1\n');
    expect((await shaper.stop()).code).toBe(0);
  }, 180_000);
});
