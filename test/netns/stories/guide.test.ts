/** The guide of docs/modules.md, step by step, on real packets. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  describeNetns,
  iperfTcp,
  ping,
  type RunningShaper,
  udpTransfer,
  until,
  useLab,
  useShapers,
} from '../harness.ts';

const ROOT = join(import.meta.dirname, '../../..');
const BLUE = join(ROOT, 'examples/modules/blue.ts');
const LINE = 'queue: { discipline: fifo, limit: 100kB, aqm: none }';

async function command(shaper: RunningShaper, ...words: string[]): Promise<string> {
  return (await shaper.cli(['module', ...words, '--socket', shaper.socketPath])).stdout;
}

interface Listed {
  readonly label: string;
  readonly state: string;
  readonly packets: number;
  readonly dropped: number;
}

async function listed(shaper: RunningShaper): Promise<Listed[]> {
  return JSON.parse(await command(shaper, 'list', '--json')) as Listed[];
}

describeNetns('the first module', () => {
  const world = useLab();
  const start = useShapers(world);

  it('is a file that a running instance takes as it is', async () => {
    const { router, server, folder } = world.lab;
    const [, text = ''] =
      /^```ts\n([\s\S]*?)^```/m.exec(readFileSync(join(ROOT, 'docs/modules.md'), 'utf8')) ?? [];
    const file = join(folder, 'count.ts');
    writeFileSync(file, text);
    const shaper = await start('links: { wan: { device: wan0, up: 900mbit } }');
    await command(shaper, 'load', file);
    expect((await ping(router, server, { count: 3 })).rttsMs.length).toBe(3);
    await until('it says so', () =>
      shaper.logs.some(({ msg, packets }) => msg === 'pings so far' && packets === 3),
    );
    expect(await listed(shaper)).toMatchObject([{ label: 'count', state: 'on', packets: 3, dropped: 0 }]);
    await command(shaper, 'unload', 'count');
    expect(await listed(shaper)).toEqual([]);
    expect((await shaper.stop()).code).toBe(0);
  });

  it('BLUE drops before a queue that overflows', async () => {
    const { client, server } = world.lab;
    const shaper = await start(
      `links: { wan: { device: wan0, up: { rate: 10mbit, classes: { default: { ${LINE} } } } } }`,
    );
    const options = ['device=wan0', 'class=wan/up', 'freeze=20ms', 'increase=0.005', 'limit=50kB'];
    await command(shaper, 'load', BLUE, ...options);
    await iperfTcp(client, server, { port: 5201, seconds: 4, parallel: 4 });
    const [blue] = await listed(shaper);
    expect(blue).toMatchObject({ label: 'blue', state: 'on' });
    expect(blue!.packets).toBeGreaterThan(1000);
    expect(blue!.dropped).toBeGreaterThan(10);
    expect((await shaper.stop()).code).toBe(0);
  });

  it('and in the kernel, with the probability that it is given', async () => {
    const { client, server } = world.lab;
    const options = '{ device: wan0, class: wan/up, fixed: 0.5 }';
    const shaper = await start(
      `modules: [ { use: ${BLUE}, run: kernel, options: ${options} } ]\nlinks: { wan: { device: wan0, up: 900mbit } }`,
    );
    const load = { port: 7460, family: 4, lengthBytes: 200, rateBitsPerSec: 4e6, seconds: 1 } as const;
    const { sent, received } = await udpTransfer(client, server, load);
    expect(sent.packets).toBeGreaterThan(2000);
    // Five standard deviations of 2500 packets.
    expect(Math.abs(received.packets / sent.packets - 0.5)).toBeLessThan(0.05);
    const [blue] = await listed(shaper);
    expect(blue!.dropped).toBe(sent.packets - received.packets);
    expect((await shaper.stop()).code).toBe(0);
  });
});
