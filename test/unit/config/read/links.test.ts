import { describe, expect, it } from 'vitest';
import {
  FRAMING_ATM,
  FRAMING_NONE,
  FRAMING_PTM,
  LINK_LAYERS,
  type LinkLayer,
} from '../../../../src/algo/buckets/link-layer.ts';
import { load, problemsOf } from '../helpers.ts';

const linkWith = (overhead: string): string =>
  `links: { wan: { device: eth0, overhead: ${overhead}, up: 1mbit } }`;
const layerOf = (overhead: string): LinkLayer => load(linkWith(overhead)).spec.links[0]!.linkLayer;

describe('overhead', () => {
  it.each([
    ['0', 0, 0, FRAMING_NONE],
    ['-64', -64, 0, FRAMING_NONE],
    ['256', 256, 0, FRAMING_NONE],
    ['raw', 0, 0, FRAMING_NONE],
    ['conservative', 48, 0, FRAMING_ATM],
    ['pppoa-vcmux', 10, 0, FRAMING_ATM],
    ['pppoa-llc', 14, 0, FRAMING_ATM],
    ['pppoe-vcmux', 32, 0, FRAMING_ATM],
    ['pppoe-llcsnap', 40, 0, FRAMING_ATM],
    ['bridged-vcmux', 24, 0, FRAMING_ATM],
    ['bridged-llcsnap', 32, 0, FRAMING_ATM],
    ['ipoa-vcmux', 8, 0, FRAMING_ATM],
    ['ipoa-llcsnap', 16, 0, FRAMING_ATM],
    ['pppoe-ptm', 30, 0, FRAMING_PTM],
    ['bridged-ptm', 22, 0, FRAMING_PTM],
    ['docsis', 18, 64, FRAMING_NONE],
    ['ethernet', 38, 84, FRAMING_NONE],
    ['{ bytes: 42, mpu: 84 }', 42, 84, FRAMING_NONE],
    ['{ bytes: -8, framing: atm }', -8, 0, FRAMING_ATM],
    ['{ framing: ptm }', 0, 0, FRAMING_PTM],
    ['{}', 0, 0, FRAMING_NONE],
  ])('%s', (text, overheadBytes, mpuBytes, framing) => {
    expect(layerOf(text)).toEqual({ overheadBytes, mpuBytes, framing });
  });

  it('left out is raw; every preset is tested above', () => {
    expect(load('links: { wan: { device: eth0, up: 1mbit } }').spec.links[0]!.linkLayer).toEqual(
      LINK_LAYERS.raw,
    );
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
