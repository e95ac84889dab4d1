import { describe, expect, it } from 'vitest';
import type { Lease } from '../../../../../src/control/hosts/known/lease-formats.ts';
import { KnownNames, type NameableHost } from '../../../../../src/control/hosts/known/names.ts';
import type { NamedHostSpec } from '../../../../../src/spec/hosts.ts';
import type { PrefixSpec } from '../../../../../src/spec/spec.ts';

const mac = (low: number) => ({ high: 0x0050, low });
const v4 = (last: number): PrefixSpec => ({ family: 4, words: [0x0a000000 + last, 0, 0, 0], bits: 32 });
const v6 = (last: number): PrefixSpec => ({ family: 6, words: [0x20010db8, 0, 0, last], bits: 128 });
const macName = (name: string, low: number): NamedHostSpec => ({ name, mac: mac(low), address: null });
const addressName = (name: string, address: PrefixSpec): NamedHostSpec => ({ name, mac: null, address });
const lease = (name: string | null, low: number, address: PrefixSpec): Lease => {
  const client = `00:50:00:00:00:${low.toString(16).padStart(2, '0')}`;
  return { name, mac: mac(low), address, client };
};
const lease6 = (name: string, client: string, address: PrefixSpec): Lease => ({
  ...{ name, client, address },
  mac: null,
});
const host = (id: string, lows: number[], addresses: PrefixSpec[] = []): NameableHost => ({
  id,
  macs: lows.map(mac),
  addresses,
});

/** The shown one. */
const nameOf = (names: KnownNames, one: NameableHost): string | null => names.namesOf(one)[0] ?? null;

describe('names of hosts', () => {
  it('are those of the configuration, else of a lease, else of reverse DNS', () => {
    const names = new KnownNames((address) =>
      address.startsWith('10.0.0.') ? `dns-${address.slice(7)}` : null,
    );
    names.setConfigured([macName('flat-12', 1), addressName('nas', v4(5))]);
    names.setLeases([lease('laptop', 1, v4(1)), lease('phone', 2, v4(5)), lease(null, 3, v4(3))]);
    expect(nameOf(names, host('a', [1], [v4(1)]))).toBe('flat-12');
    // Its MAC says more than an address, which may move.
    expect(nameOf(names, host('b', [2], [v4(5)]))).toBe('phone');
    expect(names.namesOf(host('b', [2, 1], [v4(5), v4(1)]))).toEqual(['phone', 'flat-12', 'nas']);
    expect(nameOf(names, host('c', [9], [v4(5)]))).toBe('nas');
    expect(nameOf(names, host('d', [3], [v6(3), v4(3)]))).toBe('dns-3');
    expect(nameOf(names, host('e', [4], [v6(4)]))).toBeNull();
  });

  it('are never taken from the configuration or from who had them by what a device calls itself', () => {
    const names = new KnownNames(() => null);
    names.setConfigured([macName('nas', 1)]);
    names.setLeases([lease('nas', 0x66, v4(6)), lease('phone', 2, v4(2))]);
    expect(nameOf(names, host('f', [0x66]))).toBe('nas-0066');
    expect(names.meaning(['nas'])).toEqual([macName('nas', 1)]);

    // Another phone comes and stands first in the file; the first one keeps its name.
    const both = [lease('phone', 3, v4(3)), lease('phone', 2, v4(2))];
    names.setLeases(both);
    expect([2, 3].map((low) => nameOf(names, host('x', [low])))).toEqual(['phone', 'phone-0003']);
    names.setLeases([...both].reverse());
    expect([2, 3].map((low) => nameOf(names, host('x', [low])))).toEqual(['phone', 'phone-0003']);
    // It has gone; who has a name of its own keeps that, and a new one gets the free name.
    names.setLeases([lease('phone', 3, v4(3)), lease('phone', 4, v4(4))]);
    expect([3, 4].map((low) => nameOf(names, host('x', [low])))).toEqual(['phone-0003', 'phone']);
    // The configuration gives the name to somebody else.
    names.setConfigured([macName('phone', 9)]);
    expect([3, 4].map((low) => nameOf(names, host('x', [low])))).toEqual(['phone-0003', 'phone-0004']);
  });

  it('follow a device that calls itself another name, and all its addresses', () => {
    const names = new KnownNames(() => null);
    names.setLeases([lease('old', 2, v4(2))]);
    names.setLeases([lease('old', 2, v4(2)), lease('new', 2, v4(3))]);
    expect(nameOf(names, host('x', [2]))).toBe('new');
    expect(names.meaning(['old', 'new', 'nobody'])).toEqual([macName('new', 2)]);
  });

  it('of IPv6 leases stand for addresses, unless a device has the name by its MAC', () => {
    const names = new KnownNames(() => null);
    names.setLeases([
      lease6('laptop', '00:04:aa', v6(1)),
      lease6('thermostat', '00:04:bb', v6(2)),
      lease6('thermostat', '00:04:bb', v6(3)),
      lease('laptop', 2, v4(2)),
    ]);
    expect(names.meaning(['laptop', 'thermostat'])).toEqual([
      macName('laptop', 2),
      addressName('thermostat', v6(2)),
      addressName('thermostat', v6(3)),
    ]);
    expect(nameOf(names, host('a', [9], [v6(3)]))).toBe('thermostat');
    expect(nameOf(names, host('a', [9], [v6(1)]))).toBeNull();
  });

  it('of reverse DNS mean one host each', () => {
    const names = new KnownNames(() => 'pool');
    names.setConfigured([macName('nas', 1)]);
    const one = host('00:50:00:00:00:02', [2], [v4(2), v6(2)]);
    expect(nameOf(names, one)).toBe('pool');
    expect(nameOf(names, host('00:50:00:00:00:03', [3], [v4(3)]))).toBe('pool-0003');
    expect(nameOf(names, one)).toBe('pool');
    const liar = new KnownNames(() => 'nas');
    liar.setConfigured([macName('nas', 1)]);
    expect(nameOf(liar, host('10.0.0.7', [], [v4(7)]))).toBe('nas-0007');
  });
});
