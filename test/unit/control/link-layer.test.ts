import { describe, expect, it } from 'vitest';
import { LINK_LAYERS, RAW, wireBytes } from '../../../src/control/link-layer.ts';
import type { LinkLayerSpec } from '../../../src/core/spec.ts';
import { load, problemsOf } from './helpers.ts';

const linkWith = (overhead: string): string =>
  `links: { wan: { device: eth0, overhead: ${overhead}, up: 1mbit } }`;
const layerOf = (overhead: string): LinkLayerSpec => load(linkWith(overhead)).spec.links[0]!.linkLayer;

describe('overhead', () => {
  it.each([
    ['0', 0, 0, 'none'],
    ['-64', -64, 0, 'none'],
    ['256', 256, 0, 'none'],
    ['raw', 0, 0, 'none'],
    ['conservative', 48, 0, 'atm'],
    ['pppoa-vcmux', 10, 0, 'atm'],
    ['pppoa-llc', 14, 0, 'atm'],
    ['pppoe-vcmux', 32, 0, 'atm'],
    ['pppoe-llcsnap', 40, 0, 'atm'],
    ['bridged-vcmux', 24, 0, 'atm'],
    ['bridged-llcsnap', 32, 0, 'atm'],
    ['ipoa-vcmux', 8, 0, 'atm'],
    ['ipoa-llcsnap', 16, 0, 'atm'],
    ['pppoe-ptm', 30, 0, 'ptm'],
    ['bridged-ptm', 22, 0, 'ptm'],
    ['docsis', 18, 64, 'none'],
    ['ethernet', 38, 84, 'none'],
    ['{ bytes: 42, mpu: 84 }', 42, 84, 'none'],
    ['{ bytes: -8, framing: atm }', -8, 0, 'atm'],
    ['{ framing: ptm }', 0, 0, 'ptm'],
    ['{}', 0, 0, 'none'],
  ])('%s', (text, overheadBytes, mpuBytes, framing) => {
    expect(layerOf(text)).toEqual({ overheadBytes, mpuBytes, framing });
  });

  it('left out is raw; every preset is tested above', () => {
    expect(load('links: { wan: { device: eth0, up: 1mbit } }').spec.links[0]!.linkLayer).toEqual(RAW);
    expect(Object.keys(LINK_LAYERS)).toHaveLength(14);
  });

  it.each([
    ['257', "overhead: '257' is neither a whole number from -64 to 256 nor a preset"],
    ['-65', "overhead: '-65' is neither"],
    ['1.5', "overhead: '1.5' is neither"],
    ['20B', "overhead: '20B' is neither"],
    ['docsi', "did you mean 'docsis'?"],
    ['toString', "'toString' is neither"],
    ['[1]', 'overhead must be a map'],
    ['{ bytes: 257 }', "bytes: '257' is not a whole number from -64 to 256"],
    ['{ mpu: -1 }', "mpu: '-1' is not a whole number from 0 to 256"],
    ['{ framing: cells }', "framing: 'cells' is not one of: none, atm, ptm"],
    ['{ byte: 1 }', "unknown key 'byte' in overhead; did you mean 'bytes'?"],
  ])('%s is refused', (text, message) => {
    expect(problemsOf(linkWith(text)).join('\n')).toContain(message);
  });
});

describe('length on the wire', () => {
  it.each([
    // Worked examples of the reference: 40 bytes and ATM cells; an Ethernet frame of the smallest size.
    ['pppoe-llcsnap', 1500, 1749],
    ['pppoe-llcsnap', 40, 106],
    ['ethernet', 28, 84],
    ['ethernet', 1500, 1538],
    ['docsis', 40, 64],
    ['pppoe-ptm', 1500, 1554],
    ['raw', 1500, 1500],
  ] as const)('%s: %d bytes are %d', (preset, ipBytes, bytes) => {
    expect(wireBytes(LINK_LAYERS[preset]!, ipBytes)).toBe(bytes);
  });

  it('a negative overhead leaves at least a byte', () => {
    expect(wireBytes({ overheadBytes: -64, mpuBytes: 0, framing: 'none' }, 20)).toBe(1);
  });
});
