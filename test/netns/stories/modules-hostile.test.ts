/** Modules that throw, loop, leak or answer twice: they are ejected or bounded, and other traffic goes on. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { until as waitFor } from '../../../bench/lab/process.ts';
import { equal } from '../../../src/base/equal.ts';
import type { ModuleReport } from '../../../src/control/modules.ts';
import {
  describeNetns,
  packetsUnaccounted,
  type RunningShaper,
  sendUdp,
  sleep,
  startSink,
  until,
  useLab,
  useShapers,
} from '../harness.ts';
import { Api } from './live-api.ts';
import { arrived, countUdp, moduleCommand, moduleFile, modules } from './module-bed.ts';

const WAN = 'links: { wan: { device: wan0, up: 50mbit } }\n';
const PORT = 7510;
const OTHER_PORT = 7511;
const INTEREST = `hooks: ['forward'], interest: { proto: 'udp', dport: ${PORT} },`;
const body = (process: string, more = ''): string =>
  `${INTEREST} create(itm) { let n = 0; const held: Handle[] = []; ${more} return { process(p: Packet) { n++; ${process} } }; }`;

/** What is wrong with it begins with packet 100. */
const EJECTED = [
  {
    what: 'throws',
    text: body("if (n > 100) throw new Error('no luck'); return ACCEPT;"),
    reason: /no luck/,
  },
  { what: 'loops', text: body('if (n > 100) for (;;) n++; return ACCEPT;'), reason: /100 ms/ },
  {
    what: 'loops and catches everything',
    text: body(
      'if (n > 100) for (;;) { try { for (;;) n++; } catch {} finally { continue; } } return ACCEPT;',
    ),
    reason: /100 ms/,
  },
  {
    what: 'loops in a timer',
    text: body('return ACCEPT;', 'itm.every(10, () => { if (n > 100) for (;;) n++; });'),
    reason: /100 ms/,
  },
  {
    what: 'throws in a timer of Node',
    text: body('if (n === 100) setTimeout(() => { throw new Error("late"); }, 1); return ACCEPT;'),
    reason: /late/,
  },
  {
    what: 'lets a promise fail',
    text: body('if (n === 100) void Promise.reject(new Error("broken promise")); return ACCEPT;'),
    reason: /broken promise/,
  },
] as const;

describeNetns('a bad module', () => {
  const world = useLab();
  const start = useShapers(world);

  const lookAt = async (shaper: RunningShaper): Promise<ModuleReport> => {
    const { modules: found } = await new Api(shaper.socketPath).done('GET', 'modules');
    return (found as ModuleReport[])[0]!;
  };

  it.each(EJECTED.map((one) => [one.what, one] as const))(
    'that %s is ejected within 2 s, and no packet is lost',
    async (what, { text, reason }) => {
      const { client, server } = world.lab;
      const shaper = await start(WAN);
      const file = moduleFile(world.lab, 'bad', text);
      await moduleCommand(shaper, 'load', file);
      await countUdp(server, [PORT, OTHER_PORT], 0);
      const load = { seconds: 4, rateBitsPerSec: 0.5e6, lengthBytes: 300, family: 4 } as const;
      const sent = Promise.all([PORT, OTHER_PORT].map((port) => sendUdp(client, server, { port, ...load })));
      await waitFor('100 packets have come', async () => (await lookAt(shaper)).packets >= 100);
      const beganMs = performance.now();
      await until(
        `the module that ${what} is ejected`,
        async () => (await lookAt(shaper)).state === 'ejected',
      );
      expect(performance.now() - beganMs).toBeLessThan(2000);
      expect((await lookAt(shaper)).reason).toMatch(reason);
      const [bad, good] = await sent;
      // Counted in front of sockets, which lose packets themselves when many come at once.
      const all = [bad!.packets, bad!.packets, good!.packets, good!.packets];
      await until('all have arrived', async () => equal(await arrived(server), all));
      await server.exec(['nft', 'delete', 'table', 'inet', 'arrived']);
      const status = await shaper.status();
      expect(status.warnings).toContainEqual(expect.stringContaining('module bad was ejected'));
      expect(packetsUnaccounted(status)).toBe(0);
      expect(await shaper.logged('module ejected: its packets pass without it')).toMatchObject({
        module: 'bad',
      });
      // It comes back if somebody wants that.
      await moduleCommand(shaper, 'on', 'bad');
      expect((await shaper.status()).warnings).toEqual([]);
      expect((await shaper.stop()).code).toBe(0);
    },
  );

  it.each([
    ['throws at once in a timer of Node', "setTimeout(() => { throw new Error('at once'); }, 0);"],
    ['throws again and again in a timer of Node', "setInterval(() => { throw new Error('again'); }, 50);"],
    [
      'leaves the refusal of classes.set to nobody',
      "itm.every(50, () => void itm.classes.set('no/such', { ceil: '1mbit' }));",
    ],
    ['rejects with a text', "setInterval(() => void Promise.reject('only a text'), 50);"],
  ])('that %s is ejected, and the instance goes on', async (_, begins) => {
    const shaper = await start(WAN);
    await moduleCommand(shaper, 'load', moduleFile(world.lab, 'bad', body('return ACCEPT;', begins)));
    await until('it is ejected', async () => (await lookAt(shaper)).state === 'ejected');
    await moduleCommand(shaper, 'unload', 'bad');
    // Its timer of Node goes on.
    await sleep(500);
    expect((await shaper.status()).warnings).toEqual([]);
    expect((await shaper.stop()).code).toBe(0);
  });

  it('that leaks is bounded: it holds 10,000 packets and no more', async () => {
    const { client, server } = world.lab;
    const shaper = await start(WAN);
    await moduleCommand(
      shaper,
      'load',
      moduleFile(world.lab, 'leak', body('held.push(p.hold()); return STOLEN;')),
    );
    const sink = await startSink(server, { port: OTHER_PORT, waitMs: 20_000, idleMs: 1000 });
    const [, other] = await Promise.all([
      sendUdp(client, server, { port: PORT, count: 11_000, rateBitsPerSec: 20e6, lengthBytes: 100 }),
      sendUdp(client, server, { port: OTHER_PORT, count: 2000, rateBitsPerSec: 2e6, lengthBytes: 100 }),
    ]);
    expect((await sink.finished()).packets).toBe(other.packets);
    await until('it is ejected or bounded', async () => {
      const { heldPackets, state } = await lookAt(shaper);
      return state === 'ejected' || heldPackets === 10_000;
    });
    expect(packetsUnaccounted(await shaper.status())).toBe(0);
    expect((await shaper.stop()).code).toBe(0);
  });

  it('that answers twice is told so, and each packet gets one verdict', async () => {
    const { client, server } = world.lab;
    const shaper = await start(WAN);
    const text = body(
      'held.push(p.hold()); return STOLEN;',
      'itm.every(10, () => { for (const h of held.splice(0)) { itm.accept(h); itm.drop(h); } });',
    );
    await moduleCommand(shaper, 'load', moduleFile(world.lab, 'twice', text));
    const sink = await startSink(server, { port: PORT, waitMs: 20_000, idleMs: 1000 });
    await sendUdp(client, server, { port: PORT, count: 200, rateBitsPerSec: 2e6, lengthBytes: 300 });
    expect((await sink.finished()).packets).toBe(200);
    expect(await lookAt(shaper)).toMatchObject({ state: 'ejected', dropped: 0 });
    expect(packetsUnaccounted(await shaper.status())).toBe(0);
    expect((await shaper.stop()).code).toBe(0);
  });

  it('that takes too long for each packet is over its budget', async () => {
    const { client, server } = world.lab;
    const shaper = await start(WAN);
    const text = `budget: '20us', ${body('for (let i = 0; i < 200_000; i++) n += i % 3; return ACCEPT;')}`;
    await moduleCommand(shaper, 'load', moduleFile(world.lab, 'slow', text));
    await sendUdp(client, server, { port: PORT, seconds: 4, rateBitsPerSec: 5e6, lengthBytes: 300 });
    await until('it is ejected', async () => (await lookAt(shaper)).state === 'ejected');
    expect((await lookAt(shaper)).reason).toMatch(/budget/);
    expect((await shaper.stop()).code).toBe(0);
  });

  it.each([
    ['a syntax error', 'export default {', /bad\.ts:1:17/],
    ['no default export', 'export const x = 1;', /no default export/],
    ['a hook that there is not', body2("hooks: ['forwards'], create: () => ({})"), /hooks must be a list/],
    ['an import of what is not there', "import './none.ts';\nexport default 1;", /none\.ts/],
    [
      'create() that throws',
      body2("hooks: ['forward'], create() { throw new Error('no luck'); }"),
      /create\(\) throws: no luck/,
    ],
    [
      'create() that loops',
      body2("hooks: ['forward'], create() { for (;;); }"),
      /create\(\) has not returned/,
    ],
    ['statements that loop', 'for (;;);', /not ended/],
  ])('with %s is refused with exit code 2, and all is as before', async (_, text, message) => {
    const shaper = await start(WAN);
    const file = join(world.lab.folder, 'bad.ts');
    writeFileSync(file, text);
    const { code, stderr } = await shaper.cli(['module', 'load', file, '--socket', shaper.socketPath]);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(message) });
    expect(await modules(shaper)).toEqual([]);
    expect((await shaper.status()).warnings).toEqual([]);
    expect((await shaper.stop()).code).toBe(0);
  });
});

function body2(rest: string): string {
  return `import { defineModule } from 'nfqueue-shaper/module';\nexport default defineModule({ label: 'bad', ${rest} } as never);\n`;
}
