/** The start: what is wrong is said at once and all of it, what is taken stays with its owner. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  classOf,
  describeNetns,
  ended,
  type Finished,
  packetsUnaccounted,
  sendUdp,
  shaperCommand,
  startSink,
  udpTransfer,
  until,
  useLab,
  useShapers,
} from '../harness.ts';
import { ruleset } from '../rules-bed.ts';

const PORT = 7001;
/**
 * After a stall of this machine CoDel would drop, and these stories are about what the other instance does.
 */
const fifo = (rate: string): string =>
  `{ rate: ${rate}, classes: { y: { queue: { discipline: fifo, limit: 1MB } } } }`;

describeNetns('the start', () => {
  const world = useLab();
  const start = useShapers(world);

  function write(name: string, config: string): string {
    const file = join(world.lab.folder, name);
    writeFileSync(file, config);
    return file;
  }

  const shaper = (args: readonly string[], wrapper: readonly string[] = []): Promise<Finished> =>
    world.lab.router.exec([...wrapper, ...shaperCommand(), ...args], { check: false });

  it('refuses a bad file with every problem and its place, before it looks at the machine', async () => {
    const before = await ruleset(world.lab.router);
    const file = write(
      'bad.yaml',
      `links:
  wan:
    device: no-such-device0
    up:
      rate: 20mbps
      classes:
        a: { match: { dport: 70000 }, polce: { rate: 1mbit } }
        b: { ceil: 30mbit, queue: { discipline: fifo, limit: 3 } }
`,
    );
    const problems = [
      [5, 13, 'mbps'],
      [7, 30, '70000'],
      [7, 39, 'police'],
      [8, 62, '3'],
    ] as const;
    for (const args of [
      ['--conf', file],
      ['run', '--conf', file],
      ['check', file],
      ['rules', '--conf', file],
    ]) {
      const { code, stderr } = await shaper(args);
      expect(code, args[0]).toBe(2);
      for (const [line, column, word] of problems) {
        const own = stderr.split('\n').find((text) => text.startsWith(`${file}:${line}:${column}: `));
        expect(own, `${args[0]}: ${line}:${column} in\n${stderr}`).toContain(word);
      }
    }
    expect(await ruleset(world.lab.router)).toBe(before);
  });

  it('says the first thing that is wrong: arguments, file, /proc, capability, device, folder of the socket', async () => {
    const before = await ruleset(world.lab.router);
    const noProc = ['unshare', '--mount', 'sh', '-c', 'umount -l /proc; exec "$@"', 'sh'];
    const noRight = ['setpriv', '--bounding-set=-net_admin', '--inh-caps=-net_admin'];
    const noRun = ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs -o ro none /run; exec "$@"', 'sh'];
    const fewFiles = (files: number): string[] => ['sh', '-c', `ulimit -n ${files}; exec "$@"`, 'sh'];
    const shaped = write('order.yaml', 'links: { wan: { device: wan0, up: 1mbit } }');
    const absent = write('order-absent.yaml', 'links: { wan: { device: no-such-device0, up: 1mbit } }');
    const bad = write('order-bad.yaml', 'links: { wan: { device: no-such-device0, up: 1mbps } }');
    const steps: readonly [readonly string[], readonly string[], number, string][] = [
      [[...noProc, ...noRight], ['run', '--no-such-option', bad], 2, "unknown option '--no-such-option'"],
      [[...noProc, ...noRight], ['run', bad], 2, `${bad}:1:`],
      [[...noProc, ...noRight], ['run', absent], 3, 'there is no /proc here'],
      [[...noRun, ...noRight], ['run', absent], 3, 'CAP_NET_ADMIN is missing'],
      [noRun, ['run', absent], 3, 'no-such-device0 of link wan does not exist'],
      [noRun, ['run', shaped], 3, '/run/shaper'],
      [noRight, ['clean'], 3, 'CAP_NET_ADMIN is missing'],
      [fewFiles(40), ['run', shaped], 3, 'too few files may be open here'],
      [fewFiles(48), ['run', shaped], 3, 'too few files may be open here'],
    ];
    for (const [wrapper, args, code, words] of steps) {
      const found = await shaper(args, wrapper);
      const what = `${wrapper.join(' ')} ${args.join(' ')}`;
      expect(found, what).toMatchObject({ code, stderr: expect.stringContaining(words) });
      expect(found.stderr, what).not.toMatch(/^\s+at /m);
      expect(found.stderr, what).not.toContain('cache initialization');
    }
    expect(await ruleset(world.lab.router)).toBe(before);
  });

  it('a second instance on the same queues refuses and loses the first one nothing', async () => {
    const { client, server } = world.lab;
    const first = await start(`links: { wan: { device: wan0, up: ${fifo('4mbit')} } }`);
    const sink = await startSink(server, { port: PORT });
    const sending = sendUdp(client, server, {
      port: PORT,
      seconds: 2.5,
      lengthBytes: 1000,
      rateBitsPerSec: 3.8e6,
    });
    const lan = 'links: { lan: { device: lan0, up: 1mbit } }';
    const socket = `control: { socket: ${join(world.lab.folder, 'second.sock')} }`;
    const { code, stderr } = await shaper(['--conf', write('second.yaml', `${lan}\n${socket}`)]);
    expect(code).toBe(3);
    expect(stderr).toContain('nfqueue.first 100');
    const { packets } = await sending;
    expect((await sink.finished()).packets).toBe(packets);
    const status = await first.status();
    expect(status.totals.received.packets).toBe(packets);
    expect(packetsUnaccounted(status)).toBe(0);
    expect((await first.stop()).code).toBe(0);
  });

  it('instances side by side each shape their own device, and end without touching the other', async () => {
    const { client, router, server } = world.lab;
    const before = await ruleset(router);
    const lan = await start(`links: { lan: { device: lan0, up: ${fifo('8mbit')} } }`);
    const wan = await start(`
links: { wan: { device: wan0, up: { rate: 2mbit, classes: { y: { queue: { discipline: fifo, limit: 50p } } } } } }
nfqueue: { first: 200, mark: 0x00ff0000 }
`);
    const load = { port: PORT, seconds: 1, lengthBytes: 1000, rateBitsPerSec: 6e6 };
    const [inner, outer] = await Promise.all([
      udpTransfer(router, client, load),
      udpTransfer(router, server, load),
    ]);
    expect(inner.received.packets).toBe(inner.sent.packets);
    expect((await lan.status()).totals.accepted.packets).toBe(inner.sent.packets);
    const { sent, dropped } = classOf(await wan.status(), 'wan/up/y');
    expect(sent.packets).toBe(outer.received.packets);
    expect(dropped.tail).toBe(outer.sent.packets - outer.received.packets);
    expect(dropped.tail).toBeGreaterThan(100);
    expect((await lan.stop()).code).toBe(0);
    const later = await udpTransfer(router, server, { port: PORT, count: 40, lengthBytes: 500 });
    expect(later.received.packets).toBe(40);
    expect((await wan.status()).totals.accepted.packets).toBe(outer.received.packets + 40);
    expect((await wan.stop()).code).toBe(0);
    expect(await ruleset(router)).toBe(before);
  });

  it('of two instances that start for one device at the same instant one refuses, and says who is there', async () => {
    const { router } = world.lab;
    const files = [0, 1].map((i) =>
      write(
        `twin${i}.yaml`,
        `links: { wan: { device: wan0, up: 1mbit } }
nfqueue: { first: ${300 + 100 * i}, mark: ${['0xff000000', '0x00ff0000'][i]} }
control: { socket: ${join(world.lab.folder, `twin${i}.sock`)} }
`,
      ),
    );
    for (let round = 0; round < 3; round++) {
      const twins = files.map((file) => router.spawn([...shaperCommand(), '--conf', file]));
      const output = twins.map((twin) => {
        const said = { out: '', err: '' };
        twin.stdout?.on('data', (text: Buffer) => {
          said.out += text;
        });
        twin.stderr?.on('data', (text: Buffer) => {
          said.err += text;
        });
        return said;
      });
      const isReady = (i: number): boolean => output[i]!.out.includes('"msg":"ready"');
      const isDecided = (i: number): boolean => isReady(i) || twins[i]!.exitCode !== null;
      try {
        await until('both have decided', () => isDecided(0) && isDecided(1), 60_000);
        const loser = isReady(0) ? 1 : 0;
        expect([isReady(1 - loser), isReady(loser), twins[loser]!.exitCode]).toEqual([true, false, 3]);
        expect(output[loser]!.err).toContain(
          `device wan0 is shaped by the running instance with nfqueue.first ${[400, 300][loser]} (process ${twins[1 - loser]!.pid})`,
        );
      } finally {
        for (const twin of twins) twin.kill('SIGTERM');
        for (const twin of twins) await ended(twin, 30_000);
      }
    }
  });
});
