import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../../src/config/config.ts';
import { configSchema, fieldTable } from '../../../../src/config/fields/docs.ts';
import { SECTIONS } from '../../../../src/config/fields/sections.ts';

const ROOT = new URL('../../../../', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, ROOT), 'utf8');

const isValue = (text: string): boolean =>
  /^(0x[\da-f]+|-?[\d.]+(k?B|ms)?|true|false|none|auto|info|drop|delay|fair|\/\S+)$/.test(text);

describe('the table of fields', () => {
  it('every field says what it takes, what it defaults to and what it does', () => {
    for (const section of Object.values(SECTIONS)) {
      for (const [key, field] of Object.entries(section)) {
        if (field.shape === 'refused') continue;
        expect(field.takes, key).not.toBe('');
        expect(field.default, key).not.toBe('');
        expect(field.help, key).toMatch(/^.{10,}[.…]$/);
      }
    }
  });

  it('a default written as a value is one that the field takes', () => {
    for (const section of Object.values(SECTIONS)) {
      for (const [key, field] of Object.entries(section)) {
        if (field.shape === 'scalar' && isValue(field.default))
          expect(() => field.read(field.default), key).not.toThrow();
      }
    }
  });

  it('docs/configuration.md has it (npm run docs writes it)', () => {
    expect(read('docs/configuration.md')).toContain(fieldTable().trim());
  });

  it("the editor's schema has it (npx vitest run -u writes it)", async () => {
    await expect(`${JSON.stringify(configSchema(), null, 2)}\n`).toMatchFileSnapshot(
      '../../../../shaper.schema.json',
    );
  });

  it('every reference of the schema has a definition', () => {
    const schema = configSchema() as { $defs: Record<string, unknown> };
    const references = [...JSON.stringify(schema).matchAll(/#\/\$defs\/(\w+)/g)].map(([, name]) => name!);
    expect(references.length).toBeGreaterThan(8);
    for (const name of references) expect(Object.keys(schema.$defs)).toContain(name);
  });
});

const NAMES = ['ping', 'voice', 'work', 'guests', 'bulk', 'default'];

describe('the example configuration', () => {
  it('is fine, and its last part repeats the defaults', () => {
    const text = read('shaper.yaml');
    const { spec, warnings, socketPath, logLevel } = loadConfig(text, 'shaper.yaml');
    expect(warnings).toEqual([]);
    const { up, down } = spec.links[0]!;
    expect(up!.children.map((c) => c.name)).toEqual(NAMES);
    expect(up!.children[3]!.children.map((c) => c.name)).toEqual(['web', 'default']);
    expect(down!.children.map((c) => c.name)).toEqual(['default']);
    const minimal = loadConfig('links: { wan: { device: eth0, up: 20mbit } }', 'minimal');
    expect(spec.nfqueue).toEqual(minimal.spec.nfqueue);
    expect({ socketPath, logLevel }).toEqual({ socketPath: minimal.socketPath, logLevel: minimal.logLevel });
  });

  it('of a line of 10 Mbit/s are fine, one queue each', () => {
    const files = readdirSync(new URL('examples/ten-megabit', ROOT));
    expect(files.length).toBeGreaterThan(5);
    for (const file of files) {
      const { spec, warnings } = loadConfig(read(`examples/ten-megabit/${file}`), file);
      expect(warnings).toEqual([]);
      expect(spec.links[0]!.up!.ceilBytesPerSec).toBe(1_250_000);
      expect(spec.links[0]!.up!.children.map((child) => child.name)).toEqual(['default']);
    }
  });

  it('of a house with 300 flats is fine as well', () => {
    const { spec, warnings } = loadConfig(read('examples/flats.yaml'), 'flats.yaml');
    expect(warnings).toEqual([]);
    const { up, down, linkLayer } = spec.links[0]!;
    expect(linkLayer).toEqual({ overheadBytes: 38, mpuBytes: 84, framing: 0 });
    const guarantees = (root: typeof up): number =>
      root!.children.reduce((sum, child) => sum + child.rateBytesPerSec, 0);
    expect(guarantees(up)).toBeLessThanOrEqual(up!.rateBytesPerSec);
    expect(guarantees(down)).toBeLessThanOrEqual(down!.rateBytesPerSec);
    const flats = up!.children.find((child) => child.name === 'flats')!;
    expect(flats.each).toMatchObject({ by: 'host', rateBytesPerSec: 6_250_000 });
    expect(flats.children.map((c) => c.queue!.isolation)).toEqual(['dual-src', 'dual-src']);
    expect(down!.children.at(-1)!.queue!.isolation).toBe('dual-dst');
  });
});
