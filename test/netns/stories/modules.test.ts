/** Modules as users write them, on real packets: loaded, switched and unloaded while traffic flows. */
import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, it } from 'vitest';
import {
  classOf,
  describeNetns,
  packetsUnaccounted,
  sendUdp,
  startSink,
  udpTransfer,
  until,
  useLab,
  useShapers,
} from '../harness.ts';
import { Api } from './live-api.ts';
import { arrived, countUdp, moduleCommand, moduleFile, moduleOf, modules } from './module-bed.ts';

const WAN =
  'links: { wan: { device: wan0, up: { rate: 50mbit, classes: { a: { match: { dport: 1 } } } } } }\n';
const PORT = 7500;
const OTHER_PORT = 7501;
const DSCP = 46;

describeNetns('modules', () => {
  const world = useLab();
  const start = useShapers(world);

  it('a file counts, drops and marks packets of its interest, and leaves others alone', async () => {
    const { client, router, server } = world.lab;
    const shaper = await start(WAN);
    const file = moduleFile(
      world.lab,
      'third',
      `hooks: ['forward'], interest: { proto: 'udp', dport: ${PORT} },
       options: { every: { type: 'integer', default: 2, help: 'which packet is dropped' } },
       create(itm, { every }: { every: number }) {
         let n = 0;
         itm.log.info({ every }, 'here I am');
         return { process(p) { p.dscp = ${DSCP}; return ++n % every === 0 ? DROP : ACCEPT; } };
       }`,
    );
    await countUdp(server, [PORT, OTHER_PORT], DSCP);
    // As a user would write it, from where he is.
    const named = relative(process.cwd(), file);
    expect(await moduleCommand(shaper, 'load', named, 'every=3')).toBe('third: on\n');
    expect(await shaper.logged('here I am')).toMatchObject({ module: 'third', every: 3 });
    const load = { count: 300, rateBitsPerSec: 2e6, lengthBytes: 300, family: 4 } as const;
    await Promise.all([
      sendUdp(client, server, { port: PORT, ...load }),
      sendUdp(client, server, { port: OTHER_PORT, ...load }),
    ]);
    await until('all have passed', async () => (await shaper.status()).totals.held.packets === 0);
    expect(await arrived(server)).toEqual([200, 200, 300, 0]);
    expect(await moduleOf(shaper, 'third')).toMatchObject({
      ...{ label: 'third', enabled: true, priority: 100, hooks: ['forward'], packets: 300, dropped: 100 },
      ...{ stolen: 0, errors: 0, state: 'on' },
    });
    const status = await shaper.status();
    // Each packet is charged once, whether a module has met it or not.
    expect(classOf(status, 'wan/up').sent.packets).toBe(500);
    expect(status.totals.dropped.packets).toBe(100);
    expect(packetsUnaccounted(status)).toBe(0);
    expect(await moduleCommand(shaper, 'unload', 'third')).toBe('third: unloaded\n');
    await sendUdp(client, server, { port: PORT, ...load });
    await until('all have passed', async () => (await arrived(server))[0] === 500);
    expect(await modules(shaper)).toEqual([]);
    expect((await shaper.stop()).code).toBe(0);
    await server.exec(['nft', 'delete', 'table', 'inet', 'arrived']);
    const { stdout } = await router.exec(['nft', 'list', 'tables']);
    expect(stdout).not.toContain('shaper');
  });

  it('come and go under traffic that loses nothing', async () => {
    const { client, server } = world.lab;
    const shaper = await start(WAN);
    const file = moduleFile(
      world.lab,
      'pass',
      `hooks: ['prerouting', 'forward', 'postrouting'], interest: { proto: 'udp' },
       create() { return { process() { return ACCEPT; } }; }`,
    );
    const sink = await startSink(server, { port: PORT, waitMs: 20_000, idleMs: 1500 });
    let isOver = false;
    const sent = sendUdp(client, server, {
      port: PORT,
      seconds: 12,
      lengthBytes: 200,
      rateBitsPerSec: 0.6e6,
    });
    void sent.finally(() => {
      isOver = true;
    });
    await moduleCommand(shaper, 'load', file);
    for (let round = 0; !isOver && round < 6; round++) {
      await moduleCommand(shaper, 'off', 'pass');
      await moduleCommand(shaper, 'on', 'pass');
      await moduleCommand(shaper, 'reload', 'pass');
      await moduleCommand(shaper, 'load', file, '--priority', '5');
      await moduleCommand(shaper, 'unload', 'pass-2');
    }
    const { packets } = await sent;
    const received = await sink.finished();
    expect(received.packets).toBe(packets);
    // A packet that waits for its verdict in prerouting is overtaken by the next one when the module goes
    // there: at most one each time.
    expect(received.reordered).toBeLessThan(30);
    expect((await moduleOf(shaper, 'pass')).packets).toBeGreaterThan(100);
    expect(packetsUnaccounted(await shaper.status())).toBe(0);
    expect((await shaper.stop()).code).toBe(0);
  });

  it('hold packets in queues of their own, and time releases them', async () => {
    const { client, server } = world.lab;
    const shaper = await start(WAN);
    const file = moduleFile(
      world.lab,
      'later',
      `hooks: ['forward'], interest: { proto: 'udp', dport: ${PORT} },
       create(itm) {
         const waiting: { h: Handle; dueNs: number }[] = [];
         itm.every(5, () => {
           while (waiting.length > 0 && waiting[0]!.dueNs <= itm.now()) itm.accept(waiting.shift()!.h);
         });
         return {
           process(p: Packet) {
             waiting.push({ h: p.hold(), dueNs: itm.now() + 100e6 });
             return STOLEN;
           },
         };
       }`,
    );
    await moduleCommand(shaper, 'load', file);
    const load = { count: 200, rateBitsPerSec: 1e6, lengthBytes: 300 };
    const [held, others] = await Promise.all([
      udpTransfer(client, server, { port: PORT, ...load }),
      udpTransfer(client, server, { port: OTHER_PORT, ...load }),
    ]);
    expect(held.received).toMatchObject({ packets: 200, reordered: 0 });
    expect(held.received.delayNs!.min).toBeGreaterThan(99e6);
    expect(others.received.delayNs!.p50).toBeLessThan(90e6);
    expect(await moduleOf(shaper, 'later')).toMatchObject({ stolen: 200, heldPackets: 0, errors: 0 });
    expect((await shaper.stop()).code).toBe(0);
  });

  it('steer classes by their counters, through the command path', async () => {
    const { client, server } = world.lab;
    const shaper = await start(WAN);
    const file = moduleFile(
      world.lab,
      'steer',
      `hooks: ['forward'], interest: { proto: 'udp', dport: ${PORT} },
       create(itm) {
         let isDone = false;
         itm.every(20, () => {
           const counters = itm.classes.get('wan/up');
           if (isDone || counters === null || counters.sentPackets < 50) return;
           isDone = true;
           itm.classes.set('wan/up/a', { ceil: '3mbit' }).then(
             () => itm.log.info({ ceil: itm.classes.get('wan/up/a')!.ceilBytesPerSec }, 'set'),
             (error: Error) => itm.log.error({ error: error.message }, 'refused'),
           );
           itm.classes.set('wan/up/none', { ceil: '3mbit' }).catch((error: Error) =>
             itm.log.info({ error: error.message }, 'refused'));
         });
         return {};
       }`,
    );
    await moduleCommand(shaper, 'load', file);
    await sendUdp(client, server, { port: PORT, count: 100, rateBitsPerSec: 1e6, lengthBytes: 300 });
    expect(await shaper.logged('set')).toMatchObject({ ceil: 375_000, module: 'steer' });
    expect((await shaper.logged('refused')).error).toContain('wan/up/none');
    const { changes } = await new Api(shaper.socketPath).done('GET', 'diff');
    expect(changes).toMatchObject([
      { path: '', key: 'modules', old: null },
      { path: 'wan/up/a', key: 'ceil', new: '3mbit' },
    ]);
    expect((await shaper.stop()).code).toBe(0);
  });

  it('stand in the configuration, and a reload with other ones loads and unloads', async () => {
    const { client, server } = world.lab;
    moduleFile(
      world.lab,
      'counted',
      `hooks: ['forward'], interest: { proto: 'udp', dport: ${PORT} },
       options: { dscp: { type: 'integer', default: 0, help: 'the code point of its packets' } },
       create(itm, { dscp }: { dscp: number }) { return { process(p) { p.dscp = dscp; return ACCEPT; } }; }`,
    );
    const fileOf = (list: string): string => `${WAN}modules: [ ${list} ]\n`;
    const shaper = await start(fileOf(`{ use: ./counted.ts, options: { dscp: ${DSCP} } }`));
    await countUdp(server, [PORT], DSCP);
    const load = { port: PORT, count: 100, rateBitsPerSec: 2e6, lengthBytes: 300, family: 4 } as const;
    await sendUdp(client, server, load);
    await until('they are there', async () => (await arrived(server))[0] === 100);
    expect(await arrived(server)).toEqual([100, 100]);
    const api = new Api(shaper.socketPath);
    const reload = async (list: string): Promise<void> => {
      const text = `${fileOf(list)}control: { socket: ${shaper.socketPath} }\n`;
      writeFileSync(shaper.configPath, text);
      await api.done('POST', 'reload');
    };
    await reload('{ use: ./counted.ts, options: { dscp: 8 }, priority: 3 }');
    await sendUdp(client, server, load);
    await until('they are there', async () => (await arrived(server))[0] === 200);
    expect(await arrived(server)).toEqual([200, 100]);
    expect(await modules(shaper)).toMatchObject([{ label: 'counted', priority: 3, packets: 200 }]);
    await reload('');
    expect(await modules(shaper)).toEqual([]);
    writeFileSync(join(world.lab.folder, 'broken.ts'), 'export default 7;\n');
    const answer = await api.call('POST', 'reload', {
      ...{
        file: shaper.configPath,
        text: `${fileOf('{ use: ./broken.ts }')}control: { socket: ${shaper.socketPath} }\n`,
      },
    });
    expect(answer.status).toBe(400);
    expect(JSON.stringify(answer.body)).toContain('broken.ts');
    api.close();
    expect((await shaper.stop()).code).toBe(0);
    await server.exec(['nft', 'delete', 'table', 'inet', 'arrived']);
  });

  it('that hold packets at the end of the instance let them go', async () => {
    const { client, server } = world.lab;
    const shaper = await start(WAN);
    const file = moduleFile(
      world.lab,
      'keep',
      `hooks: ['forward', 'prerouting'], interest: { proto: 'udp', dport: ${PORT} },
       create(itm) { return { process(p) { p.hold(); return STOLEN; }, stop() { itm.log.info({}, 'stopped in time'); } }; }`,
    );
    await moduleCommand(shaper, 'load', file);
    const sink = await startSink(server, { port: PORT, waitMs: 20_000 });
    await sendUdp(client, server, { port: PORT, count: 50, rateBitsPerSec: 2e6, lengthBytes: 300 });
    await until('all are held', async () => (await moduleOf(shaper, 'keep')).heldPackets === 50);
    expect((await shaper.stop()).code).toBe(0);
    expect((await sink.finished()).packets).toBe(50);
    expect(shaper.logs.map(({ msg }) => msg)).toContain('stopped in time');
  });

  it('run in the kernel as rules, which are checked before they are loaded', async () => {
    const { client, server } = world.lab;
    const shaper = await start(WAN);
    await countUdp(server, [PORT, OTHER_PORT], DSCP);
    const kernel = (rules: string): string =>
      `hooks: ['forward'], kernel() { return { forward: [${rules}] }; }`;
    const marks = `'meta l4proto udp udp dport ${PORT} ip dscp set ${DSCP}'`;
    const file = moduleFile(world.lab, 'marks', kernel(marks));
    await moduleCommand(shaper, 'load', file);
    const load = { count: 100, rateBitsPerSec: 2e6, lengthBytes: 300, family: 4 } as const;
    const send = (port: number) => sendUdp(client, server, { port, ...load });
    await Promise.all([send(PORT), send(OTHER_PORT)]);
    await until('all are there', async () => (await arrived(server))[2] === 100);
    expect(await arrived(server)).toEqual([100, 100, 100, 0]);
    const report = await moduleOf(shaper, 'marks');
    expect(report).toMatchObject({ run: 'kernel', state: 'on', dropped: 0, nanosecondsPerPacket: 0 });
    expect(report.packets).toBeGreaterThanOrEqual(200);
    await moduleCommand(shaper, 'off', 'marks');
    await send(PORT);
    await until('all are there', async () => (await arrived(server))[0] === 200);
    expect(await arrived(server)).toEqual([200, 100, 100, 0]);
    expect((await moduleOf(shaper, 'marks')).packets).toBe(report.packets);
    const bad = moduleFile(world.lab, 'wrong', kernel("'udp dport 5 frobnicate'"));
    const { code, stderr } = await shaper.cli(['module', 'load', bad, '--socket', shaper.socketPath]);
    expect(code).not.toBe(0);
    for (const word of ['wrong', 'forward', 'frobnicate']) expect(stderr).toContain(word);
    expect((await modules(shaper)).map(({ label }) => label)).toEqual(['marks']);
    // `check` asks nft as well, which is installed and may be asked here.
    const config = join(world.lab.folder, 'wrong.yaml');
    writeFileSync(config, `modules: [ { use: ${file} }, { use: ${bad} } ]\n${WAN}`);
    const checked = await shaper.cli(['check', config]);
    expect(checked.code).toBe(2);
    expect(checked.stderr).toMatch(
      /wrong\.yaml:1:\d+: module wrong, hook forward, rule 1, .*frobnicate.*nft says/,
    );
    expect(checked.stderr).not.toContain('marks');
    expect((await shaper.stop()).code).toBe(0);
    await server.exec(['nft', 'delete', 'table', 'inet', 'arrived']);
  });

  it('meet a packet at several hooks, of which classes see one', async () => {
    const { client, server } = world.lab;
    const shaper = await start(WAN);
    const file = moduleFile(
      world.lab,
      'everywhere',
      `hooks: ['prerouting', 'forward', 'postrouting'], interest: { proto: 'udp', dport: ${PORT} },
       create(itm) {
         const seen = new Map<string, number>();
         itm.every(50, () => itm.log.info(Object.fromEntries(seen), 'so far'));
         return { process(p) { seen.set(p.hook, (seen.get(p.hook) ?? 0) + 1); return ACCEPT; } };
       }`,
    );
    await moduleCommand(shaper, 'load', file);
    const { received } = await udpTransfer(client, server, {
      ...{ port: PORT, count: 150, rateBitsPerSec: 2e6, lengthBytes: 300 },
    });
    expect(received.packets).toBe(150);
    const all = { prerouting: 150, forward: 150, postrouting: 150 };
    await until('it has seen all', () =>
      shaper.logs.some(({ msg, ...seen }) => msg === 'so far' && seen.postrouting === 150),
    );
    expect(shaper.logs.filter(({ msg }) => msg === 'so far').at(-1)).toMatchObject(all);
    expect(classOf(await shaper.status(), 'wan/up').sent.packets).toBe(150);
    expect((await shaper.stop()).code).toBe(0);
  });

  it('are told by quotas how hosts stand', async () => {
    const { client, server } = world.lab;
    moduleFile(
      world.lab,
      'punish',
      `hooks: ['forward'], interest: { proto: 'udp', dport: ${PORT} },
       create(itm) {
         const states = new Set<string>();
         return {
           onQuota(host, quota, state) {
             states.add(state);
             itm.log.info({ quota, state, addresses: host.addresses }, 'told');
           },
           process() { return states.has('limited') || states.has('stopped') ? DROP : ACCEPT; },
         };
       }`,
    );
    const shaper = await start(`links: { wan: { device: wan0, up: 50mbit, down: 50mbit } }
modules: [ { use: ./punish.ts } ]
quotas:
  small: { windows: { over: 600s, up: 100kB }, warn: 50%, then: [ { module: ./punish.ts } ] }
`);
    await countUdp(server, [PORT], DSCP);
    const load = { port: PORT, rateBitsPerSec: 1e6, lengthBytes: 500, family: 4 } as const;
    await sendUdp(client, server, { ...load, count: 300 });
    await until('the module was told', () =>
      shaper.logs.some(({ msg, state }) => msg === 'told' && (state === 'limited' || state === 'stopped')),
    );
    const told = shaper.logs.filter(({ msg }) => msg === 'told');
    expect(told[0]).toMatchObject({ quota: 'small', module: 'punish' });
    expect(JSON.stringify(told[0]!.addresses)).toContain(client.addresses.v4);
    const before = (await arrived(server))[0]!;
    await sendUdp(client, server, { ...load, count: 50 });
    await until('all have come', async () => (await moduleOf(shaper, 'punish')).packets === 350);
    expect((await arrived(server))[0]).toBe(before);
    expect((await shaper.stop()).code).toBe(0);
    await server.exec(['nft', 'delete', 'table', 'inet', 'arrived']);
  });

  it('send packets of their own', async () => {
    const { client, server } = world.lab;
    const shaper = await start(WAN);
    // An IPv4 packet with UDP and no checksum, which UDP allows.
    const file = moduleFile(
      world.lab,
      'speak',
      `hooks: ['forward'], interest: { proto: 'udp', dport: ${PORT} },
       create(itm) {
         const bytes = Buffer.from('4500002000010000401100000a4d02010a4d02021f40${OTHER_PORT.toString(16)}000c0000abcdef01', 'hex');
         let sum = 0;
         for (let i = 0; i < 20; i += 2) sum += bytes.readUInt16BE(i);
         while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
         bytes.writeUInt16BE(~sum & 0xffff, 10);
         return { process() { itm.inject(bytes); return ACCEPT; } };
       }`,
    );
    await moduleCommand(shaper, 'load', file);
    await countUdp(server, [OTHER_PORT], DSCP);
    await sendUdp(client, server, { port: PORT, count: 20, rateBitsPerSec: 1e6, lengthBytes: 300 });
    await until('all are there', async () => (await arrived(server))[0] === 20);
    expect(await moduleOf(shaper, 'speak')).toMatchObject({ packets: 20, state: 'on' });
    expect((await shaper.stop()).code).toBe(0);
    await server.exec(['nft', 'delete', 'table', 'inet', 'arrived']);
  });
});
