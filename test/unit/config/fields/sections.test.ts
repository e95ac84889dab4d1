import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../../src/config/config.ts';
import type { Section } from '../../../../src/config/fields/kinds.ts';
import { SECTIONS } from '../../../../src/config/fields/sections.ts';
import type { Block } from '../../../../src/config/write/block.ts';
import { writeLink } from '../../../../src/config/write/links.ts';

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

  it('a default written as a value is the one in force', () => {
    const all = 'queue: { aqm: { pie: {} } }, police: { rate: 1mbit }, each: { by: src, rate: 1mbit }';
    const one = `a: { ${all}, tcp: { pace: {} }, match: { port: 1 }, meter: { type: srtcm, cir: 1mbit } }`;
    const two =
      'b: { match: { port: 2 }, queue: { aqm: red } }, c: { queue: { discipline: short-first, aqm: wred } }';
    const { spec } = loadConfig(
      `links: { w: { device: e, up: { rate: 1gbit, classes: { ${one}, ${two} } } } }`,
      'f',
    );
    const up = writeLink(spec.links[0]!, 'all').up as Block;
    const { a, b, c } = up.classes as Record<string, Block>;
    const [queue, red, wred] = [a, b, c].map((node) => node!.queue as Block) as [Block, Block, Block];
    const compared: [Section, Block][] = [
      [SECTIONS.class, a!],
      [SECTIONS.police, a!.police as Block],
      [SECTIONS.each, a!.each as Block],
      [SECTIONS.meter, a!.meter as Block],
      [SECTIONS.queue, queue],
      [SECTIONS.pace, (a!.tcp as Block).pace as Block],
      [SECTIONS.queue, { short: wred.short! }],
      [SECTIONS.pie, (queue.aqm as Block).pie as Block],
      [SECTIONS.red, (red.aqm as Block).red as Block],
      [SECTIONS.wred, (wred.aqm as Block).wred as Block],
    ];
    let count = 0;
    for (const [section, block] of compared) {
      for (const [key, field] of Object.entries(section)) {
        const text = block[key];
        if (field.shape !== 'scalar' || typeof text !== 'string' || !isValue(field.default)) continue;
        expect(field.read(text), key).toEqual(field.read(field.default));
        count++;
      }
    }
    expect(count).toBeGreaterThan(20);
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

  it('of pacing is fine: one class by defaults, one with the same values written, one that adjusts', () => {
    const { spec, warnings } = loadConfig(read('examples/paced.yaml'), 'paced.yaml');
    expect(warnings).toEqual([]);
    const [mail, web, rest] = spec.links[0]!.down!.children;
    expect([mail!.ceilBytesPerSec, web!.ceilBytesPerSec]).toEqual([64_000, 1_000_000]);
    expect(mail!.pace).toEqual({ activeBytesPerSec: 2000, ageNs: 1e9, delayNs: 100e6 });
    expect(web!.pace).toEqual(mail!.pace);
    expect([mail!.adjust, web!.adjust, rest!.adjust]).toEqual([false, false, true]);
    expect(rest!.ceilBytesPerSec).toBe(spec.links[0]!.down!.ceilBytesPerSec);
  });

  it('of a dial-up line and a tunnel that come later is fine without either', () => {
    const { spec, warnings } = loadConfig(read('examples/dial-up.yaml'), 'dial-up.yaml', new Map());
    expect(warnings).toEqual([]);
    expect(spec.links.map(({ device, wait }) => [device, wait])).toEqual([
      ['ppp0', true],
      ['wg0', true],
    ]);
  });
});
