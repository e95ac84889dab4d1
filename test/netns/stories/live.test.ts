/** Changes while packets flow, as users make them: by HTTP, by commands and by files. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { basename, join } from 'node:path';
import { expect, it } from 'vitest';
import {
  classOf,
  describeNetns,
  ended,
  type Finished,
  packetsUnaccounted,
  type RunningShaper,
  type Status,
  sendUdp,
  shaperCommand,
  startSink,
  until,
  useLab,
  useShapers,
} from '../harness.ts';
import { hasTable } from '../rules-bed.ts';
import { Api } from './live-api.ts';

const STEADY_PORT = 7400;
const BULK_PORT = 7401;
const RELOADS = 200;
const SETS_BY_HTTP = 390;
const SETS_BY_COMMAND = 10;
/** Of traffic. Changes may take longer where the machine is busy. */
const SECONDS = 18;

const steady = `steady: { rate: 3mbit, match: { dport: ${STEADY_PORT} } }`;
const bulk = `bulk: { match: { dport: ${BULK_PORT} }, queue: { discipline: fifo, limit: 200p } }`;
const web = 'web: { match: { dport: 80 } }';
const guests = (classes: string): string => `guests: { rate: 6mbit, classes: { ${classes} } }`;
const inner = (classes: string): string => guests(`inner: { rate: 4mbit, classes: { ${classes} } }`);
/** From each to the next one, classes come, go, or move into others and out of them. */
const TREES = [
  `${steady}, ${bulk}, ${guests(web)}`,
  `${bulk}, ${guests(`${steady}, ${web}`)}`,
  guests(`${steady}, ${bulk}`),
  guests(bulk),
  bulk,
  `${steady}, ${inner(bulk)}`,
  `${inner(steady)}, ${bulk}`,
];
const fileOf = (classes: string, more = ''): string =>
  `links: { wan: { device: wan0, up: { rate: 10mbit, classes: { ${classes} } }, down: 50mbit }${more} }\n`;
const NOTHING_LOST = { queueFull: 0, socketFull: 0, lost: 0 };

const ROOT = new URL('../../../', import.meta.url);
const EXAMPLES = ['shaper.yaml', 'examples/']
  .flatMap((name) =>
    name.endsWith('/')
      ? readdirSync(new URL(name, ROOT), { recursive: true, encoding: 'utf8' }).map((one) => name + one)
      : [name],
  )
  .filter((name) => name.endsWith('.yaml'));

const EXAMPLE_MODULES = readdirSync(new URL('examples/', ROOT), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => `examples/${name}`);

function pathsOf({ classes }: Status): string[] {
  return classes.map(({ path }) => path);
}

describeNetns('changes while packets flow', () => {
  const world = useLab();
  const start = useShapers(world);

  /** With the socket by which the instance answers already. */
  const named = (shaper: RunningShaper, text: string): string =>
    `${text}control: { socket: ${shaper.socketPath} }\n`;

  const done = ({ code, stdout, stderr }: Finished): string => {
    expect({ code, stderr }).toMatchObject({ code: 0 });
    return stdout;
  };

  it(`${SETS_BY_HTTP + SETS_BY_COMMAND} sets and ${RELOADS} reloads: a flow below every limit loses nothing and stays in order`, async () => {
    const { client, server } = world.lab;
    const shaper = await start(fileOf(TREES[0]!));
    const api = new Api(shaper.socketPath);
    const [sink, bulkSink] = await Promise.all(
      [STEADY_PORT, BULK_PORT].map((port) => startSink(server, { port, waitMs: 20_000, idleMs: 2000 })),
    );
    const flow = { seconds: SECONDS, lengthBytes: 200, rateBitsPerSec: 0.8e6 };
    const sent = sendUdp(client, server, { ...flow, port: STEADY_PORT });
    const tooMuch = sendUdp(client, server, {
      ...flow,
      port: BULK_PORT,
      lengthBytes: 1000,
      rateBitsPerSec: 16e6,
    });
    await until('packets wait', async () => (await api.status()).totals.held.packets > 50);

    const statuses: Status[] = [];
    const reload = async (): Promise<void> => {
      for (let i = 1; i <= RELOADS; i++) {
        const text = named(shaper, fileOf(TREES[i % TREES.length]!));
        await api.done('POST', 'reload', { file: shaper.configPath, text });
        if (i % 5 === 0) statuses.push(await api.status());
      }
    };
    const set = async (first: number, path: string, values: (i: number) => object): Promise<void> => {
      for (let i = first; i < SETS_BY_HTTP; i += 2) await api.done('PATCH', `classes/${path}`, values(i));
    };
    const command = async (): Promise<void> => {
      for (let i = 0; i < SETS_BY_COMMAND; i++)
        done(await shaper.cli(['set', 'wan/up/default', `weight=${1 + i}`, '--socket', shaper.socketPath]));
    };
    await Promise.all([
      reload(),
      set(0, 'wan/up', (i) => ({ rate: `${10 + (i % 5)}mbit` })),
      set(1, 'wan/up/default', (i) => ({ ceil: `${1 + (i % 9)}mbit` })),
      command(),
    ]);

    const [{ packets }] = await Promise.all([sent, tooMuch]);
    expect(await sink!.finished()).toMatchObject({ packets, lost: 0, reordered: 0 });
    expect(await bulkSink!.finished()).toMatchObject({ reordered: 0 });
    await until('nothing waits', async () => (await api.status()).totals.held.packets === 0);
    statuses.push(await api.status());
    expect(statuses.map(packetsUnaccounted)).toEqual(statuses.map(() => 0));
    expect(statuses.map(({ totals }) => totals.kernel)).toEqual(statuses.map(() => NOTHING_LOST));
    const last = statuses.at(-1)!;
    expect(last.totals.dropped.packets).toBeGreaterThan(0);
    // Each reload moves or adds something, so none of them shares its crossing with another.
    expect(last.generation).toBeGreaterThanOrEqual(RELOADS);
    api.close();
    expect((await shaper.stop()).code).toBe(0);
  });

  it('a lease on top of a reload ends once, with the value of the reload; an unconfirmed reload goes back', async () => {
    const shaper = await start(fileOf('guests: { ceil: 9mbit }'));
    const { cli, socketPath: socket, configPath } = shaper;
    const api = new Api(socket);
    const ceil = async (): Promise<number> =>
      classOf(await api.status(), 'wan/up/guests').ceilBitsPerSecond! / 1e6;
    done(await cli(['set', 'wan/up/guests', 'ceil=2mbit', '--for', '8s', '--socket', socket]));
    expect(await ceil()).toBe(2);
    writeFileSync(configPath, named(shaper, fileOf('guests: { ceil: 5mbit }')));
    const reloaded = await cli(['reload', '--conf', configPath]);
    expect(done(reloaded)).toBe('wan/up/guests ceil: 9mbit -> 5mbit\n');
    expect(reloaded.stderr).toMatch(/ceil is 2mbit for now: lease 1 holds until/);
    await until('the lease has ended', async () => (await ceil()) === 5);
    expect(done(await cli(['leases', '--socket', socket, '--json']))).toContain('"leases": []');

    writeFileSync(configPath, named(shaper, fileOf('guests: { ceil: 7mbit }, more: { rate: 1mbit }')));
    const tried = await cli(['reload', '--confirm', '5s', '--conf', configPath]);
    expect(done(tried)).toContain('wan/up/guests ceil: 5mbit -> 7mbit\n');
    expect(tried.stderr).toContain('unless: shaper confirm');
    await until('it has gone back', async () => (await ceil()) === 5);
    expect(pathsOf(await api.status())).not.toContain('wan/up/more');
    expect((await cli(['confirm', '--socket', socket])).code).toBe(2);
    // Neither of them ends a second time.
    const { generation, uptimeSeconds } = await api.status();
    await until('two more seconds', async () => (await api.status()).uptimeSeconds > uptimeSeconds + 2);
    expect((await api.status()).generation).toBe(generation);
    api.close();
    const messages = shaper.logs.map(({ msg }) => msg);
    expect(messages.filter((msg) => msg === 'lease ended')).toHaveLength(1);
    expect(messages.filter((msg) => msg === 'reload not confirmed in time: reverted')).toHaveLength(1);
    expect((await shaper.stop()).code).toBe(0);
  });

  it('save, then reload --dry-run: no difference, for every example', async () => {
    const { router } = world.lab;
    for (const device of ['eth0', 'eth1', 'ppp0', 'wg0'])
      await router.exec(['ip', 'link', 'add', device, 'type', 'veth', 'peer', 'name', `peer-${device}`], {
        check: false,
      });
    // Where history is stored cannot change while the program runs.
    const history = `history: { file: ${join(world.lab.folder, 'shaper.db')} }\n`;
    const shaper = await start(fileOf(TREES[0]!) + history);
    const { cli, socketPath: socket } = shaper;
    expect(EXAMPLES.length).toBeGreaterThan(8);
    const api = new Api(socket);
    // Files of modules are named from beside the configuration.
    for (const name of EXAMPLE_MODULES)
      copyFileSync(new URL(name, ROOT), join(world.lab.folder, basename(name)));
    for (const name of EXAMPLES) {
      const example = readFileSync(new URL(name, ROOT), 'utf8');
      const text = example.replace(/^(?:control|history):.*\n(?: .*\n)*/gm, '') + history;
      const file = join(world.lab.folder, 'example.yaml');
      await api.done('POST', 'reload', { file, text: named(shaper, text) });
      const [link] = pathsOf(await api.status());
      await api.done('POST', 'classes', { path: `${link}/extra`, weight: 2, match: { dport: 9 } });
      done(await cli(['save', '--socket', socket]));
      expect(readFileSync(file, 'utf8')).toContain('extra:');
      expect(done(await cli(['reload', '--dry-run', '--socket', socket])), name).toBe('');
    }
    api.close();
    expect((await shaper.stop()).code).toBe(0);
  });

  it('an invalid file, a full disk, a vanished device, a client that leaves: nothing half done', async () => {
    const { client, router, server, folder } = world.lab;
    const shaper = await start(fileOf(TREES[0]!));
    const { cli, socketPath: socket, configPath } = shaper;
    const api = new Api(socket);
    const sink = await startSink(server, { port: STEADY_PORT, waitMs: 20_000, idleMs: 2000 });
    const sent = sendUdp(client, server, {
      port: STEADY_PORT,
      seconds: 12,
      lengthBytes: 200,
      rateBitsPerSec: 0.8e6,
    });
    const before = pathsOf(await api.status());

    writeFileSync(configPath, named(shaper, fileOf('new: { rate: 1mbit }, wrong: { rat: 2mbit }')));
    const invalid = await cli(
      ['reload', '--conf', configPath, '--socket', socket].filter((_, i) => i !== 1 && i !== 2),
    );
    expect(invalid.code).toBe(2);
    expect(invalid.stderr).toMatch(new RegExp(`${configPath}:1:\\d+: .*rat`));
    expect(pathsOf(await api.status())).toEqual(before);
    expect((await api.status()).generation).toBe(0);
    writeFileSync(configPath, named(shaper, fileOf(TREES[0]!)));

    // A namespace of mounts of its own comes with each command, and the small disk goes with it.
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    const program = shaperCommand().join(' ');
    const steps = [
      `mount -t tmpfs -o size=16k none ${disk}`,
      `cd ${disk}`,
      'echo old >saved.yaml',
      '(cat /dev/zero >full 2>/dev/null; true)',
      `(${program} save saved.yaml --socket ${socket}; echo code $?)`,
      'cat saved.yaml',
      'ls',
    ];
    const full = await router.exec(['sh', '-c', steps.join(' && ')]);
    expect(full.stdout).toBe('code 1\nold\nfull\nsaved.yaml\n');
    expect(full.stderr).toContain('no space is left');

    for (let i = 0; i < 5; i++) {
      await router.exec(['ip', 'link', 'add', 'gone0', 'type', 'veth', 'peer', 'name', 'gone1']);
      const text = named(shaper, fileOf(TREES[0]!, ', gone: { device: gone0, up: 5mbit }'));
      const reloading = api.call('POST', 'reload', { text, file: configPath });
      await router.exec(['ip', 'link', 'delete', 'gone0']);
      const { status } = await reloading;
      expect([200, 503]).toContain(status);
      const paths = pathsOf(await api.status());
      expect(paths.filter((path) => !path.startsWith('gone/'))).toEqual(before);
      expect(paths.includes('gone/up')).toBe(status === 200);
      await api.done('POST', 'reload', {});
      expect(pathsOf(await api.status())).toEqual(before);
    }

    const body = '{"ceil":"7mbit"}';
    const head = `PATCH /v1/classes/wan/up/default HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
    for (const text of [head, head + body.slice(0, 5), head + body]) {
      const leaving = connect(socket, () => leaving.end(text, () => leaving.destroy()));
      await new Promise((resolve) => leaving.once('close', resolve));
    }
    const changed = await api.done('PATCH', 'classes/wan/up/default', { ceil: '6mbit' });
    expect(changed.changes).toMatchObject([{ path: 'wan/up/default', key: 'ceil', new: '6mbit' }]);

    const { packets } = await sent;
    expect(await sink.finished()).toMatchObject({ packets, lost: 0, reordered: 0 });
    const last = await api.status();
    expect(packetsUnaccounted(last)).toBe(0);
    expect(last.totals.kernel).toEqual(NOTHING_LOST);
    api.close();
    expect((await shaper.stop()).code).toBe(0);
  });

  it('reloads during a stop: done or refused, and the end is as in order as ever', async () => {
    const { router } = world.lab;
    const shaper = await start(fileOf(TREES[0]!));
    const api = new Api(shaper.socketPath);
    const answers = TREES.map((classes) =>
      api.call('POST', 'reload', { text: named(shaper, fileOf(classes)), file: shaper.configPath }),
    );
    const settled = Promise.allSettled(answers);
    await Promise.race(answers);
    shaper.child.kill('SIGTERM');
    for (const answer of await settled)
      if (answer.status === 'fulfilled') expect([200, 503]).toContain(answer.value.status);
    expect(await ended(shaper.child, 30_000)).toBe(true);
    expect(shaper.child.exitCode).toBe(0);
    expect(shaper.stderr()).toBe('');
    expect(await hasTable(router)).toBe(false);
    api.close();
  });
});
