import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { prefix as prefixText } from '../../../../src/config/fields/addresses.ts';

const words = (text: string): readonly number[] => prefixText.read(text).prefix.words;

describe('prefixes', () => {
  it('IPv6 words are big-endian groups of 32 bits', () => {
    expect(words('2001:db8:1:2:3:4:5:6')).toEqual([0x20010db8, 0x00010002, 0x00030004, 0x00050006]);
    expect(words('ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff')).toEqual([
      0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff,
    ]);
  });

  it('IPv4-mapped IPv6 is the IPv4 address it stands for', () => {
    expect(prefixText.read('::ffff:10.0.0.1').prefix).toEqual({
      family: 4,
      words: [0x0a000001, 0, 0, 0],
      bits: 32,
    });
    expect(prefixText.read('::ffff:10.0.0.0/120').prefix).toEqual({
      family: 4,
      words: [0x0a000000, 0, 0, 0],
      bits: 24,
    });
    expect(prefixText.read('::/0').prefix).toEqual({ family: 6, words: [0, 0, 0, 0], bits: 0 });
    expect(prefixText.read('::ffff:0:0/95').prefix.family).toBe(6);
  });

  it('host bits are masked away and the prefix is told', () => {
    expect(prefixText.read('192.168.77.255/20')).toEqual({
      prefix: { family: 4, words: [0xc0a84000, 0, 0, 0], bits: 20 },
      corrected: '192.168.64.0/20',
    });
    expect(prefixText.read('2001:db8::ffff/33').corrected).toBe('2001:db8::/33');
  });

  it('any IPv4 prefix: exactly the leading bits are kept', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 0xffffffff }),
        fc.integer({ min: 0, max: 32 }),
        (address, bits) => {
          const text = [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
          const { prefix, corrected } = prefixText.read(`${text}/${bits}`);
          const expected = Number((BigInt(address) >> BigInt(32 - bits)) << BigInt(32 - bits));
          expect(prefix.words[0]).toBe(expected);
          expect(corrected === null).toBe(expected === address);
        },
      ),
    );
  });
});
