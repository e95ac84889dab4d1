import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bytesInTime,
  formatBitsPerSecShort,
  formatBytes,
  formatBytesShort,
  formatCountShort,
  formatMicrosecondsShort,
  formatRate,
  formatShare,
  formatTime,
  isUnlimited,
  parseBytes,
  parseRate,
  parseShare,
  parseSize,
  parseTime,
  toBitsPerSec,
  toBitsPerSecOrNull,
  UNLIMITED_BYTES_PER_SEC,
  UnitError,
} from '../../../src/base/units.ts';

describe('rates', () => {
  it.each([
    ['8bit', 1],
    ['64kbit', 8000],
    ['20mbit', 2_500_000],
    ['1gbit', 125_000_000],
    ['20 Mbit/s', 2_500_000],
    ['20 MBit/s', 2_500_000],
    ['20Mb', 2_500_000],
    ['20mb/s', 2_500_000],
    ['512K', 64_000],
    ['1M', 125_000],
    ['1G', 125_000_000],
    ['2.5MB/s', 2_500_000],
    ['2.5MB', 2_500_000],
    ['1kB/s', 1000],
    ['1KiB/s', 1024],
    ['8Kibit', 1024],
    ['1Mi', 131_072],
    ['2.3mbit', 287_500],
    ['0.1mbit', 12_500],
    [' 20mbit ', 2_500_000],
  ])('%s is %d bytes per second', (text, rateBytesPerSec) => {
    expect(parseRate(text)).toBe(rateBytesPerSec);
  });

  it.each(['20', '1e6', '0x10', '20bps', '20kbps', '20mbps', '20Mbps', '1.5gbps', '20kBps'])(
    '%s is refused and the accepted forms are listed',
    (text) => {
      expect(() => parseRate(text)).toThrow(UnitError);
      expect(() => parseRate(text)).toThrow('20mbit');
      expect(() => parseRate(text)).toThrow('2.5MB/s');
    },
  );

  it.each([
    '',
    'mbit',
    'fast',
    '20 mbit 3',
    '-1mbit',
    '1,5mbit',
    '20/s',
    '1M/s',
    '20mbits',
    '20  mbit',
    '1tbit',
  ])('%j is no rate', (text) => {
    expect(() => parseRate(text)).toThrow(UnitError);
  });

  it('says why a bare number and an abbreviation are refused', () => {
    expect(() => parseRate('20')).toThrow('has no unit');
    expect(() => parseRate('20mbps')).toThrow('may mean bits or bytes');
  });

  it('case decides: ten megabytes are eight times ten megabits', () => {
    expect(parseRate('10MB/s')).toBe(8 * parseRate('10Mb/s'));
  });

  it('format and parse are inverse for whole bits per second', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400_000_000_000 }), (bits) => {
        const rateBytesPerSec = bits / 8;
        expect(parseRate(formatRate(rateBytesPerSec))).toBe(rateBytesPerSec);
        expect(toBitsPerSec(rateBytesPerSec)).toBe(bits);
      }),
    );
  });

  it('formats like people write', () => {
    expect(formatRate(2_500_000)).toBe('20mbit');
    expect(formatRate(287_500)).toBe('2.3mbit');
    expect(formatRate(8000)).toBe('64kbit');
    expect(formatRate(1)).toBe('8bit');
    expect(formatRate(154_320.125)).toBe('1234.561kbit');
  });

  it('never throws anything but UnitError', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        for (const parse of [parseRate, parseBytes, parseSize, parseTime, parseShare]) {
          try {
            parse(text);
          } catch (error) {
            expect(error).toBeInstanceOf(UnitError);
          }
        }
      }),
    );
  });
});

describe('sizes', () => {
  it.each([
    ['1500B', 1500],
    ['30kB', 30_000],
    ['64KiB', 65_536],
    ['1MB', 1_000_000],
    ['1.5 kB', 1500],
  ])('%s is %d bytes', (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
    expect(parseSize(text)).toEqual({ kind: 'bytes', bytes });
  });

  it('packets and times are kept as such', () => {
    expect(parseSize('200p')).toEqual({ kind: 'packets', packets: 200 });
    expect(parseSize('50ms')).toEqual({ kind: 'time', ns: 50e6 });
    expect(parseSize('100us')).toEqual({ kind: 'time', ns: 100e3 });
    expect(parseSize('0.5s')).toEqual({ kind: 'time', ns: 0.5e9 });
  });

  it.each(['1500', '30kb', '64kbit', '30k', '1.5B', '1.5p', '5m', '2h', 'p', ''])('%j is no size', (text) => {
    expect(() => parseSize(text)).toThrow(UnitError);
  });

  it('tells bits from bytes', () => {
    expect(() => parseSize('30kb')).toThrow('capital B');
  });

  it('plain sizes take neither packets nor times', () => {
    expect(() => parseBytes('200p')).toThrow(UnitError);
    expect(() => parseBytes('50ms')).toThrow(UnitError);
  });

  it('format and parse are inverse', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e14 }), (bytes) => {
        expect(parseBytes(formatBytes(bytes))).toBe(bytes);
      }),
    );
  });

  it('formats like people write', () => {
    expect(formatBytes(30_000)).toBe('30kB');
    expect(formatBytes(1500)).toBe('1.5kB');
    expect(formatBytes(1499)).toBe('1499B');
    expect(formatBytes(2_500_000)).toBe('2.5MB');
    expect(formatBytes(3e9)).toBe('3GB');
    expect(formatBytes(1.5e12)).toBe('1.5TB');
    expect(parseBytes('1.5TB')).toBe(1.5e12);
    expect(parseBytes('2 TiB')).toBe(2 ** 41);
    expect(() => parseRate('1Tbit')).toThrow(UnitError);
  });

  it('a time becomes bytes at a rate, rounded up', () => {
    expect(bytesInTime(100e6, 2_500_000)).toBe(250_000);
    expect(bytesInTime(1e6, 125_000)).toBe(125);
    expect(bytesInTime(1e6, 12_345)).toBe(13);
  });
});

describe('no limit', () => {
  it('is a number for arithmetic, a word for people and null in JSON', () => {
    expect(formatRate(UNLIMITED_BYTES_PER_SEC)).toBe('unlimited');
    expect(toBitsPerSecOrNull(UNLIMITED_BYTES_PER_SEC)).toBeNull();
    expect(toBitsPerSecOrNull(parseRate('1000gbit'))).toBe(1e12);
    expect(formatBitsPerSecShort(null)).toBe('unlimited');
  });

  it('less what others leave it is still none; what is not known is no rate at all', () => {
    expect(isUnlimited(UNLIMITED_BYTES_PER_SEC - parseRate('1000gbit'))).toBe(true);
    expect(isUnlimited(parseRate('1000gbit'))).toBe(false);
    expect(isUnlimited(Number.POSITIVE_INFINITY)).toBe(false);
  });
});

describe('times and shares', () => {
  it.each([
    ['15ms', 15e6],
    ['2s', 2e9],
    ['30m', 1800e9],
    ['4h', 14_400e9],
    ['7d', 604_800e9],
    ['5y', 5 * 365 * 86_400e9],
    ['250us', 250e3],
    ['1.5 s', 1.5e9],
  ])('%s is %d ns', (text, ns) => {
    expect(parseTime(text)).toBe(ns);
  });

  it.each(['15', 'ms', '15sec', '-1s', '1e3s'])('%s is no time', (text) => {
    expect(() => parseTime(text)).toThrow(UnitError);
  });

  it('times: format and parse are inverse', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e15 }), (ns) => {
        expect(parseTime(formatTime(ns))).toBe(ns);
      }),
    );
  });

  it('shares', () => {
    expect(parseShare('80%')).toBe(0.8);
    expect(parseShare('12.5 %')).toBe(0.125);
    expect(parseShare('20mbit')).toBeNull();
    expect(() => parseShare('lots%')).toThrow(UnitError);
    expect(() => parseShare('-5%')).toThrow(UnitError);
    expect(formatShare(0.8)).toBe('80%');
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e6 }), (millionths) => {
        expect(parseShare(formatShare(millionths / 1e6))).toBeCloseTo(millionths / 1e6, 12);
      }),
    );
  });
});

describe('numbers for people', () => {
  it('three digits', () => {
    expect(formatBytesShort(0)).toBe('0 B');
    expect(formatBytesShort(999)).toBe('999 B');
    expect(formatBytesShort(1000)).toBe('1.00 kB');
    expect(formatBytesShort(12_345)).toBe('12.3 kB');
    expect(formatBytesShort(999_999)).toBe('1.00 MB');
    expect(formatMicrosecondsShort(0)).toBe('0 us');
    expect(formatMicrosecondsShort(51_234)).toBe('51.2 ms');
    expect(formatMicrosecondsShort(5e9)).toBe('5000 s');
  });
});

describe('formatCountShort', () => {
  it.each([
    [0, '0'],
    [7.4, '7'],
    [999.4, '999'],
    [999.6, '1.00k'],
    [60_017, '60.0k'],
    [17_930_000, '17.9M'],
    [1.5e18, '1500P'],
  ])('%d: %s', (count, text) => {
    expect(formatCountShort(count)).toBe(text);
  });
});
