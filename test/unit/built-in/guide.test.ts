/** The modules of docs/modules.md and of examples/modules load, and do what the texts say. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/config.ts';
import { readOptions } from '../../../src/config/modules/options.ts';
import { moduleSpecOf } from '../../../src/config/modules/spec.ts';
import { loadModule } from '../../../src/io/modules/loader.ts';
import type { AnyModule } from '../../../src/modules/definition.ts';
import { FakeHost } from './fake-host.ts';

const ROOT = join(import.meta.dirname, '../../..');
const EXAMPLES = join(ROOT, 'examples/modules');
const folder = mkdtempSync(join(tmpdir(), 'shaper-guide-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Whole modules among the blocks of the guide, by their labels. */
const guide = new Map(
  [...readFileSync(join(ROOT, 'docs/modules.md'), 'utf8').matchAll(/^```ts\n([\s\S]*?)^```/gm)]
    .map(([, text]) => text as string)
    .filter((text) => text.includes('export default'))
    .map((text) => [/label: '([\w-]+)'/.exec(text)?.[1] ?? '', text]),
);

async function fromGuide(label: string): Promise<AnyModule> {
  writeFileSync(join(folder, `${label}.ts`), guide.get(label) ?? '');
  return (await loadModule(`./${label}.ts`, folder)).definition;
}

const counters = { sentBytes: 0, sentPackets: 0, droppedPackets: 0, backlogBytes: 0, backlogPackets: 0 };
const CLASS = { ...counters, rateBytesPerSec: 1e6, ceilBytesPerSec: 1e6 };
const MS = 1e6;

describe('docs/modules.md', () => {
  test('has two whole modules', () => {
    expect([...guide.keys()]).toEqual(['count', 'keep-short']);
  });

  test('count counts', async () => {
    const host = new FakeHost(await fromGuide('count'), {});
    host.packet(1);
    host.packet(2);
    host.runTo(2500 * MS);
    expect(host.logged).toEqual([
      ['pings so far', { packets: 2 }],
      ['pings so far', { packets: 2 }],
    ]);
  });

  test('keep-short takes from the class while round trips are long, and gives it back', async () => {
    const definition = await fromGuide('keep-short');
    const options = readOptions(definition, { class: 'wan/up/bulk', ceil: '8mbit' });
    expect(options).toEqual({ class: 'wan/up/bulk', ceil: 1e6, floor: 62_500, target: 30 * MS });
    const host = new FakeHost(definition, options);
    host.classCounters.set('wan/up/bulk', CLASS);
    const ping = (atMs: number, roundTripMs: number): void => {
      host.runTo(atMs * MS);
      host.packet(atMs, { hook: 'output', flow: 3 });
      host.runTo((atMs + roundTripMs) * MS);
      host.packet(atMs, { hook: 'input', flow: 3, direction: 1 });
    };
    ping(10, 100);
    ping(250, 100);
    host.runTo(2000 * MS);
    const rates = host.set.map(([, values]) => values.ceil);
    expect(host.set.every(([path]) => path === 'wan/up/bulk')).toBe(true);
    expect(rates.slice(0, 3)).toEqual(['6800000bit', '5780000bit', '6069000bit']);
    expect(rates.at(-1)).toBe('8000000bit');
  });
});

describe('examples/modules', () => {
  const blue = async (): Promise<AnyModule> => (await loadModule('./blue.ts', EXAMPLES)).definition;

  test('BLUE: losses raise the probability, a full queue does, idle times lower it, and it freezes', async () => {
    const definition = await blue();
    const given = { device: 'eth0', class: 'wan/up', increase: '0.25', decrease: '0.05' };
    const host = new FakeHost(definition, readOptions(definition, given));
    /** Share of 2000 packets that leave unmarked; those that know ECN are never dropped. */
    const passed = (): number => {
      const ecns = Array.from({ length: 2000 }, (_, n) => host.packet(n, { ecn: 2 })?.ecn);
      expect(ecns.every((ecn) => ecn === 2 || ecn === 3)).toBe(true);
      return ecns.filter((ecn) => ecn === 2).length / 2000;
    };
    const passedAfter = (queue: Partial<typeof CLASS>, steps: number): number => {
      host.classCounters.set('wan/up', { ...CLASS, ...queue });
      host.runTo(host.nowNs + steps * 100 * MS);
      return passed();
    };
    expect(passedAfter({ droppedPackets: 5, backlogBytes: 1000 }, 1)).toBe(1);
    // Standard deviation of a share of 2000: at most 0.011.
    expect(Math.abs(passedAfter({ droppedPackets: 6, backlogBytes: 1000 }, 3) - 0.75)).toBeLessThan(0.04);
    expect(Math.abs(passedAfter({ droppedPackets: 6, backlogBytes: 60_001 }, 1) - 0.5)).toBeLessThan(0.04);
    expect(Math.abs(passedAfter({ droppedPackets: 6, backlogBytes: 60_000 }, 9) - 0.5)).toBeLessThan(0.04);
    expect(Math.abs(passedAfter({ droppedPackets: 6 }, 5) - 0.75)).toBeLessThan(0.04);
    expect(passedAfter({ droppedPackets: 6 }, 20)).toBe(1);
    passedAfter({ droppedPackets: 7 }, 1);
    const dropped = Array.from({ length: 2000 }, (_, n) => host.packet(n, { ecn: 0 })).filter((p) => !p);
    expect(Math.abs(dropped.length / 2000 - 0.25)).toBeLessThan(0.04);
  });

  test.each(readdirSync(EXAMPLES).filter((name) => name.endsWith('.yaml')))(
    '%s: its modules and their options',
    async (name) => {
      const { modules } = loadConfig(readFileSync(join(EXAMPLES, name), 'utf8'), name);
      expect(modules.length).toBeGreaterThan(0);
      for (const use of modules) {
        const { definition } = await loadModule(use.use, EXAMPLES);
        const options = readOptions(definition, use.options);
        for (const run of ['user', 'kernel'] as const) {
          if (run === 'kernel' && !definition.kernel) continue;
          const world = { hosts: HOSTS, ownMarkMask: 0, accounts: null };
          const spec = moduleSpecOf(definition, definition.label, { ...use, run }, options, world);
          expect(spec.interest?.length).toBeGreaterThan(0);
        }
      }
    },
  );
});

const { hosts: HOSTS } = loadConfig('links: { wan: { device: eth0, up: 1mbit } }', 'plain.yaml').spec;
