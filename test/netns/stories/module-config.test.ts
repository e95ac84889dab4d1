/** Modules of a configuration on real packets: loaded at the start, changed by a reload, told by quotas. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeNetns, sendUdp, until, useLab, useShapers } from '../harness.ts';
import { moduleFile, modules } from './module-bed.ts';

const PORT = 7600;

describeNetns('modules of a configuration', () => {
  const world = useLab();
  const start = useShapers(world);

  it('start with the instance, follow a reload, and are told of hosts by quotas', async () => {
    const { client, server, folder } = world.lab;
    const told = join(folder, 'told');
    writeFileSync(told, '');
    const punish = moduleFile(
      world.lab,
      'punish',
      `hooks: ['forward'], interest: { proto: 'udp', dport: ${PORT} },
       create() {
         const bad = new Set<string>();
         return {
           onQuota(host, quota, state) {
             appendFileSync('${told}', [host.addresses[0], quota, state].join(' ') + '\\n');
             if (state === 'limited') for (const address of host.addresses) bad.add(address);
             else bad.clear();
           },
           process(p) { return bad.has(p.src) ? DROP : ACCEPT; },
         };
       }`,
      `import { appendFileSync } from 'node:fs';`,
    );
    const nth = moduleFile(
      world.lab,
      'nth',
      `hooks: ['forward'], interest: { proto: 'udp', dport: ${PORT} },
       options: { n: { type: 'integer', min: 2, help: 'which packet is dropped' } },
       create(itm, { n }: { n: number }) { let i = 0; return { process: () => (++i % n === 0 ? DROP : ACCEPT) }; }`,
    );
    const config = `
links: { wan: { device: wan0, up: 50mbit, down: 50mbit } }
history: { file: none }
modules: [ { use: ${nth}, priority: 5, options: { n: 2 } } ]
quotas: { small: { windows: { over: 1h, up: 200kB }, warn: 50%, then: [ { module: ${punish} } ] } }
`;
    const shaper = await start(config);
    expect((await modules(shaper)).map(({ label, priority, state }) => [label, priority, state])).toEqual([
      ['nth', 5, 'on'],
      ['punish', 100, 'on'],
    ]);
    const load = { port: PORT, count: 100, rateBitsPerSec: 2e6, lengthBytes: 1000, family: 4 } as const;
    const counts = async (): Promise<number[]> =>
      (await modules(shaper)).flatMap(({ packets, dropped }) => [packets, dropped]);
    await sendUdp(client, server, load);
    await until('every second is dropped', async () => `${await counts()}` === '100,50,50,0');
    writeFileSync(shaper.configPath, readFileSync(shaper.configPath, 'utf8').replace('n: 2 }', 'n: 10 }'));
    const { code, stderr } = await shaper.cli(['reload', '--socket', shaper.socketPath]);
    expect(code, stderr).toBe(0);
    await sendUdp(client, server, load);
    // A module with other options begins anew; the other one stays.
    await until('every tenth is dropped', async () => (await counts())[1]! >= 10);
    const lines = (): string[] => readFileSync(told, 'utf8').split('\n').slice(0, -1);
    await until('the host is warned', async () => lines().length > 0);
    while (!lines().some((line) => line.endsWith('limited'))) await sendUdp(client, server, load);
    expect(lines()).toEqual([`${client.addresses.v4} small warned`, `${client.addresses.v4} small limited`]);
    const [, , before] = await counts();
    await sendUdp(client, server, load);
    await until('the host is punished', async () => {
      const [, , packets, dropped] = await counts();
      return packets! > before! && dropped! > 0;
    });
    // Another life of the module is told of it again.
    const reloaded = await shaper.cli(['module', 'reload', 'punish', '--socket', shaper.socketPath]);
    expect(reloaded.code, reloaded.stderr).toBe(0);
    await until('the module is told', async () => lines().length === 3);
    expect(lines()[2]).toBe(`${client.addresses.v4} small limited`);
    // What commands have done can be saved, and the file says what runs then.
    const run = async (...words: readonly string[]): Promise<string> => {
      const done = await shaper.cli([...words, '--socket', shaper.socketPath]);
      expect(done.code, done.stderr).toBe(0);
      return done.stdout;
    };
    await run('module', 'off', 'nth');
    await run('module', 'load', 'delay', 'delay=1ms', '--priority', '7');
    const states = async (): Promise<string> =>
      (await modules(shaper)).map(({ label, state, priority }) => `${label} ${state} ${priority}`).join();
    expect(await states()).toBe('nth off 5,delay on 7,punish on 100');
    expect(await run('diff')).toContain('use: delay');
    await run('save');
    const text = readFileSync(shaper.configPath, 'utf8');
    expect(text).toMatch(/options: \{ n: 10 \}, enabled: false/);
    expect(text).toContain('{ use: delay, priority: 7, options: { delay: 1ms } }');
    expect(await run('diff')).not.toContain('modules');
    await run('reload');
    expect(await states()).toBe('nth off 5,delay on 7,punish on 100');
    expect((await shaper.stop()).code).toBe(0);
  });
});
