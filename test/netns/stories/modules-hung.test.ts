/** Modules in which the event loop hangs, where nothing can end it: the program starts anew without them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { LogLine } from '../../../bench/lab/shaper.ts';
import { mountAt, OUR_TYPE } from '../../../src/files/fuse/mounts.ts';
import { parseProcessStat } from '../../../src/io/proc/process.ts';
import {
  describeNetns,
  type RunningShaper,
  sendUdp,
  startSink,
  until,
  useLab,
  useShapers,
} from '../harness.ts';
import { hasTable, queueRules, ruleset } from '../rules-bed.ts';
import { arrived, countUdp, moduleCommand, moduleFile, modules } from './module-bed.ts';

const WAN = 'links: { wan: { device: wan0, up: 50mbit } }\n';
const PORT = 7520;
/** The guard waits for 0.4 s, then the program starts. A busy machine takes longer. */
const AGAIN_MS_MAX = 60_000;

/** A module that does `hang` when its hundredth packet comes. */
const text = (hang: string, more = ''): string =>
  `hooks: ['forward'], interest: { proto: 'udp', dport: ${PORT} },
   create(itm) {
     let n = 0;
     const hangs = (): void => itm.log.info({}, 'hangs now');
     ${more}
     return { process() { if (++n === 100) { ${hang} } return ACCEPT; } };
   }`;

const CHILD = "import { execSync } from 'node:child_process';";

const HANGS = [
  {
    what: 'loops in a promise',
    body: text('void Promise.resolve().then(() => { hangs(); for (;;); });'),
    reason: /computed for \d+ ms.*outside of its functions/,
  },
  {
    what: 'loops in a timer of Node',
    body: text('setTimeout(() => { hangs(); for (;;); }, 1);'),
    reason: /computed for \d+ ms.*outside of its functions/,
  },
  {
    what: 'loops in a callback of a socket',
    body: text(
      "socket.send('x', socket.address().port, '127.0.0.1');",
      "const socket = createSocket('udp4').bind(0, '127.0.0.1').on('message', () => { hangs(); for (;;); });",
    ),
    before: "import { createSocket } from 'node:dgram';",
    reason: /computed for \d+ ms.*outside of its functions/,
  },
  {
    what: 'waits for a child in process()',
    body: text("hangs(); execSync('sleep 30');"),
    before: CHILD,
    reason: /^it waited for \d+ ms in a call that blocks$/,
  },
  {
    what: 'waits for a child in a timer of Node',
    body: text("setTimeout(() => { hangs(); execSync('sleep 30'); }, 1);"),
    before: CHILD,
    reason: /waited for \d+ ms.*outside of its functions/,
  },
] as const;

describeNetns('a module in which the event loop hangs', () => {
  const world = useLab({ hasMounts: true });
  const start = useShapers(world);

  const ready = ({ logs }: RunningShaper): LogLine[] => logs.filter(({ msg }) => msg === 'ready');

  it.each(HANGS.map((one) => [one.what, one] as const))(
    '%s: the program goes on without it, in the same process',
    async (_, { body, reason, ...more }) => {
      const { client, server, router } = world.lab;
      const before = await ruleset(router);
      const shaper = await start(WAN);
      const { socketPath } = shaper;
      const set = await shaper.cli(['set', 'wan/up', 'rate=40mbit', '--socket', socketPath]);
      expect(set.code, set.stderr).toBe(0);
      await moduleCommand(shaper, 'load', 'qosmod', 'threshold=7');
      const imports = 'before' in more ? more.before : '';
      const file = moduleFile(world.lab, 'hung', body, imports);
      await moduleCommand(shaper, 'load', file, '--priority', '5');
      await countUdp(server, [PORT], 0);
      const load = { port: PORT, seconds: 6, rateBitsPerSec: 0.5e6, lengthBytes: 300, family: 4 } as const;
      const sent = sendUdp(client, server, load);
      await until('it is ready again', () => ready(shaper).length === 2, AGAIN_MS_MAX);
      // Some packets wait for the program when it begins to hang; all others pass.
      const { packets } = await sent;
      expect((await arrived(server))[0]! / packets).toBeGreaterThan(0.6);

      expect(await modules(shaper)).toMatchObject([
        { label: 'hung', state: 'ejected', priority: 5, reason: expect.stringMatching(reason), source: file },
        {
          label: 'qosmod',
          state: 'on',
          options: expect.arrayContaining([expect.objectContaining({ value: '7' })]),
        },
      ]);
      const status = await shaper.status();
      expect(status.warnings).toContainEqual(expect.stringContaining('module hung was ejected'));
      expect(status.classes[0]!.rateBitsPerSecond).toBe(40e6);
      expect(await shaper.logged('module ejected: its packets pass without it')).toMatchObject({
        module: 'hung',
      });
      // The same process: the child of this test has not ended.
      expect([shaper.child.exitCode, shaper.child.signalCode]).toEqual([null, null]);
      await until('no child of the program before is left', () => childrenOf(shaper.pid).every(isAlive));
      expect(
        childrenOf(shaper.pid)
          .map(({ name }) => name)
          .sort(),
      ).toEqual(['nft', 'shaper-watchdog']);
      expect(await ruleset(router)).not.toBe(before);
      await until('packets are shaped again', async () => {
        const received = (await shaper.status()).totals.received.packets;
        const sink = await startSink(server, { port: PORT, waitMs: 20_000, idleMs: 500 });
        await sendUdp(client, server, { port: PORT, count: 10, rateBitsPerSec: 1e6, lengthBytes: 300 });
        await sink.finished();
        return (await shaper.status()).totals.received.packets >= received + 10;
      });
      await server.exec(['nft', 'delete', 'table', 'inet', 'arrived']);

      const stopped = await shaper.cli(['stop', '--socket', socketPath]);
      expect(stopped.code, stopped.stderr).toBe(0);
      await until('the process has ended', () => shaper.child.exitCode !== null);
      expect(shaper.child.exitCode).toBe(0);
      expect(await ruleset(router)).toBe(before);
    },
  );

  it('comes back with rules of iptables, files and history, as often as it must, and ends when it is asked', async () => {
    const { client, server, router, folder } = world.lab;
    const net = join(folder, 'net');
    const bad = moduleFile(world.lab, 'bad', text('setTimeout(() => { hangs(); for (;;); }, 1);'));
    const good = moduleFile(world.lab, 'good', "hooks: ['forward'], create: () => ({})");
    const shaper = await start(`${WAN}files: ${net}
history: { file: ${join(folder, 'hung.db')} }
nfqueue: { backend: iptables }
modules: [ { use: ${bad} }, { use: qosmod }, { use: ${good} } ]
`);
    const { logs } = shaper;
    const count = (msg: string): number => logs.filter((line) => line.msg === msg).length;
    const serves = (times: number) => async () =>
      count('classes are shown as files') === times && isMounted(net);
    await until('files are there', serves(1), AGAIN_MS_MAX);
    const send = () =>
      sendUdp(client, server, { port: PORT, count: 300, rateBitsPerSec: 1e6, lengthBytes: 300 });

    await send();
    await until('it is ready again', () => ready(shaper).length === 2, AGAIN_MS_MAX);
    // Either may have done it.
    expect((await modules(shaper)).map(({ label, state }) => `${label} ${state}`)).toEqual([
      ...['bad ejected', 'qosmod on', 'good ejected'],
    ]);
    await until('files are there again', serves(2), AGAIN_MS_MAX);
    const rules = (await queueRules(router)).map(({ rule }) => rule);
    expect(rules).not.toEqual([]);
    // Once for IPv4, once for IPv6.
    expect(rules.length).toBe(2 * new Set(rules).size);
    expect(logs.filter(({ level }) => level === 'fatal')).toEqual([]);
    expect((await shaper.status()).warnings.filter((line) => !line.startsWith('module '))).toEqual([]);

    await moduleCommand(shaper, 'on', 'bad');
    await send();
    await until('it is ready once more', () => ready(shaper).length === 3, AGAIN_MS_MAX);
    const reason = (await modules(shaper)).map((module) => module.reason);
    expect(reason).toEqual([
      expect.stringMatching(/^it computed/),
      null,
      expect.stringMatching(/^one of bad, good/),
    ]);

    await moduleCommand(shaper, 'on', 'bad');
    const sent = send();
    await until('it hangs', () => count('hangs now') === 3);
    expect((await shaper.stop()).code).toBe(0);
    await sent;
    // Empty chains of iptables may stay.
    expect([await queueRules(router), await hasTable(router)]).toEqual([[], false]);
    expect(isMounted(net)).toBe(false);
  });
});

const isMounted = (folder: string): boolean => mountAt(folder)?.type === OUR_TYPE;

interface Child {
  readonly name: string;
  readonly isAlive: boolean;
}

const isAlive = (child: Child): boolean => child.isAlive;

function childrenOf(parent: number): Child[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
        return Number(fields[1]) === parent ? [{ name, isAlive: parseProcessStat(stat).isAlive }] : [];
      } catch {
        return [];
      }
    });
}
