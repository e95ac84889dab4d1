import { describe, expect, it } from 'vitest';
import {
  hostName,
  mac,
  macOrAddress,
  prefixOrName,
  whyNoName,
} from '../../../../src/config/fields/host-names.ts';

const DEVICE = { high: 0x0050, low: 0x8d686875 };

describe('a MAC', () => {
  it.each([
    '00:50:8d:68:68:75',
    '0:50:8D:68:68:75',
    '00-50-8d-68-68-75',
    '0050.8d68.6875',
    '00508D686875',
    ' 00:50:8d:68:68:75 ',
  ])('%s is read, and written in one way', (text) => {
    expect(mac.read(text)).toEqual(DEVICE);
    expect(mac.write(mac.read(text))).toBe('00:50:8d:68:68:75');
  });

  it('keeps all its bits', () => {
    const text = 'fe:ff:ff:ff:ff:ff';
    expect(mac.read(text)).toEqual({ high: 0xfeff, low: 0xffffffff });
    expect(mac.write(mac.read(text))).toBe(text);
  });

  it.each([
    ['00:50:8d:68:68', /is not a MAC; write 00:50:8d:68:50:75, /],
    ['00:50:8d:68:68:75:1', /is not a MAC/],
    ['00:50:8d:68:68:7g', /is not a MAC/],
    ['0050.8d68', /is not a MAC/],
    ['ff:ff:ff:ff:ff:ff', /is the MAC of a group/],
    ['01:00:5e:00:00:01', /is the MAC of a group/],
    ['00:00:00:00:00:00', /is the MAC of no device/],
  ])('%s is none', (text, message) => expect(() => mac.read(text)).toThrow(message));
});

describe('what a name stands for', () => {
  it('a MAC or a whole address', () => {
    expect(macOrAddress.read('0050.8d68.6875')).toEqual({ mac: DEVICE, address: null });
    expect(macOrAddress.read('10.0.0.5')).toEqual({
      mac: null,
      address: { family: 4, words: [0x0a000005, 0, 0, 0], bits: 32 },
    });
    for (const text of ['00:50:8d:68:68:75', '10.0.0.5', 'fd00::5'])
      expect(macOrAddress.write(macOrAddress.read(text))).toBe(text);
  });

  it.each([
    ['10.0.0.0/24', /is a network; a name is that of one address/],
    ['fd00::/64', /is a network/],
    ['10.0.0.300', /is not an address/],
    ['nas', /'nas' is neither a MAC .* nor an address/],
  ])('%s is neither', (text, message) => expect(() => macOrAddress.read(text)).toThrow(message));
});

describe('a name', () => {
  it.each(['nas', 'flat-12', 'Anna-iPhone', 'a.b_c', '3com', 'fd00'])('%s', (text) => {
    expect(hostName.read(text)).toBe(text.toLowerCase());
    expect(whyNoName(text)).toBeNull();
  });

  it.each([
    ['10.0.0.1', 'an address'],
    ['10.0.0', 'an address'],
    ['12', 'an address'],
    ['fd00::1', 'an address'],
    ['10.0.0.0/8', 'an address'],
    ['00508d686875', 'a MAC'],
    ['0050.8d68.6875', 'a MAC'],
  ])('%s is none, but %s', (text, what) => {
    expect(whyNoName(text)).toBe(what);
    expect(() => hostName.read(text)).toThrow(`'${text}' is ${what}, not a name`);
  });

  it.each(['-nas', 'nas-', 'two words', 'grün', '', 'a'.repeat(254)])('%s is none', (text) =>
    expect(() => hostName.read(text)).toThrow(/is not a name of a host/),
  );
});

describe('beside addresses', () => {
  it('a name is what cannot be an address', () => {
    expect(prefixOrName.read('NAS')).toEqual({ name: 'nas' });
    expect(prefixOrName.read('10.0.0.0/8')).toMatchObject({ prefix: { bits: 8 } });
    expect(prefixOrName.write(prefixOrName.read('fd00::/64'))).toBe('fd00::/64');
    expect(() => prefixOrName.read('10.0.0.256')).toThrow(/is not an address/);
    expect(() => prefixOrName.read('00-50-8d-68-68-75')).toThrow(/is a MAC; write mac: 00:50:8d:68:68:75/);
  });
});
