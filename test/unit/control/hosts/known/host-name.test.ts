import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cleanHostName } from '../../../../../src/control/hosts/known/host-name.ts';
import { runs } from '../../../../effort.ts';

describe('the name that a device chose', () => {
  it.each([
    ['flat-12', 'flat-12'],
    ['Laptop.LAN.', 'laptop.lan'],
    ["Anna's iPhone", 'anna-s-iphone'],
    ['Kühlschrank', 'kuhlschrank'],
    ['<script>alert(1)</script>', 'script-alert-1-script'],
    ['a\u001b[31m\u0000b\u202e', 'a-31m-b'],
    ['x'.repeat(100), 'x'.repeat(63)],
    ['_ldap.tcp', '_ldap.tcp'],
    ['-.-', null],
    ['', null],
    ['日本', null],
    // Nobody is to be taken for an address or a MAC.
    ['10.0.0.1', null],
    ['00:50:8d:68:50:75', null],
    ['0050.8d68.5075', null],
    ['00508d685075', null],
    ['fd00::1', 'fd00-1'],
  ])('%j is %j', (text, name) => {
    expect(cleanHostName(text)).toBe(name);
  });

  it('has no letter that means something elsewhere, whatever it was, and cleaning it again changes nothing', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(0x10ffff), { maxLength: 300 }), (codes) => {
        const text = String.fromCodePoint(...codes);
        const name = cleanHostName(text);
        if (name === null) return;
        expect(name).toMatch(/^[a-z\d_]([a-z\d_.-]{0,61}[a-z\d_])?$/);
        expect(cleanHostName(name)).toBe(name);
      }),
      { numRuns: runs(200) },
    );
  });
});
