/**
 * The tables of hosts against a twin of maps, over random packets, moves and what others tell; and in tables
 * that are too small, where rows make room, against what must hold of any table.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hashKeys } from '../../src/base/hash.ts';
import { NONE } from '../../src/base/none.ts';
import { KIND_ADDRESS, KIND_MAC, NOBODY } from '../../src/core/hosts/host-layout.ts';
import { createAddressRecord, createHostRecord, HostReader } from '../../src/core/hosts/host-reader.ts';
import { Hosts } from '../../src/core/hosts/hosts.ts';
import { DEFAULT_HOSTS, type IdentifyBy } from '../../src/spec/hosts.ts';
import { runs } from '../effort.ts';
import { type Counts, SlowHosts } from '../oracle/hosts.ts';

const SEED = Number(process.env.SEED ?? 1105);
const ADDRESSES = 6;
const MAC_HIGH = 0x0250;

type Step =
  | { readonly is: 'packet'; address: number; to: number; mac: number; port: number; bytes: number; end: End }
  | { readonly is: 'told'; address: number; mac: number; port: number }
  | { readonly is: 'identify'; by: IdentifyBy }
  | { readonly is: 'onLink' | 'own'; from: number };
/** What becomes of a packet; `later`: the kernel says that it was lost. */
type End = 'accepted' | 'dropped' | 'accepted, then lost' | 'dropped, then lost';

const address = fc.integer({ min: 1, max: ADDRESSES });
const number = fc.integer({ min: 0, max: 3 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      is: fc.constant('packet' as const),
      address,
      // 0: not inside.
      to: fc.integer({ min: 0, max: ADDRESSES }),
      mac: number,
      port: number,
      bytes: fc.integer({ min: 20, max: 1500 }),
      end: fc.constantFrom<End>(
        'accepted',
        'accepted',
        'dropped',
        'accepted, then lost',
        'dropped, then lost',
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ is: fc.constant('told' as const), address, mac: number, port: number }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      is: fc.constant('identify' as const),
      by: fc.constantFrom<IdentifyBy>('mac', 'address', 'port'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ is: fc.constantFrom('onLink', 'own'), from: address }) },
);

const prefixesFrom = (from: number) =>
  Array.from({ length: ADDRESSES + 1 - from }, (_, n) => ({
    family: 4 as const,
    words: [from + n, 0, 0, 0] as const,
    bits: 32,
  }));

/** The row of an address whose packet shows this MAC and port. */
function rowOf(hosts: Hosts, at: number, mac: number, port: number): number {
  const a = hosts.addressOf(4, at, 0, 0, 0, false);
  if (mac !== 0 || port !== 0) hosts.shows(a, mac === 0 ? 0 : MAC_HIGH, mac, port);
  return hosts.enter(a);
}

const lostOf = (bytes: number, isUp: boolean, wasAccepted: boolean): Counts =>
  !wasAccepted ? [0, 0, 0, 0, -1] : isUp ? [-bytes, -1, 0, 0, 0] : [0, 0, -bytes, -1, 0];

/** Counts one verdict. */
function count(hosts: Hosts, pair: number, passedBytes: number): void {
  hosts.counts.count(Int32Array.of(pair), Int32Array.of(passedBytes), 1);
}

function read(hosts: Hosts): Map<string, Counts> {
  hosts.begin(0);
  const reader = new HostReader(hosts.buffer);
  const seen = new Map<string, Counts>();
  const [host, at] = [createHostRecord(), createAddressRecord()];
  for (let row = reader.nextHost(NOBODY); row !== NOBODY; row = reader.nextHost(row)) {
    expect(reader.readHost(row, host)).toBe(true);
    if (host.kind === KIND_ADDRESS) expect(reader.readAddress(host.key0, at)).toBe(true);
    const name =
      host.kind === KIND_ADDRESS
        ? `address ${at.words[0]}`
        : `${host.kind === KIND_MAC ? 'mac' : 'port'} ${host.kind === KIND_MAC ? host.key1 : host.key0}`;
    expect(seen.has(name)).toBe(false);
    const dropped = host.upDropped + host.downDropped;
    seen.set(name, [host.upBytes, host.upPackets, host.downBytes, host.downPackets, dropped]);
  }
  return seen;
}

test('hosts have what the twin says', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const rooms = { hosts: 64, addresses: 64, news: 16 };
      const hosts = new Hosts(DEFAULT_HOSTS, (table) => hashKeys(1, table), true, rooms);
      const slow = new SlowHosts();
      let tag = 0;
      for (const one of steps) {
        if (one.is === 'packet') {
          const { address: from, to, mac, port, bytes, end } = one;
          const source = rowOf(hosts, from, mac, port);
          slow.packet(from, mac, port);
          const destination = to === 0 ? NOBODY : rowOf(hosts, to, 0, 0);
          if (to !== 0) slow.packet(to, 0, 0);
          const pair = hosts.pairOf(source, destination);
          const isAccepted = end.startsWith('accepted');
          count(hosts, pair, isAccepted ? bytes : NONE);
          const up = slow.count(from, isAccepted ? [bytes, 1, 0, 0, 0] : [0, 0, 0, 0, 1]);
          const down = to === 0 ? '' : slow.count(to, isAccepted ? [0, 0, bytes, 1, 0] : [0, 0, 0, 0, 1]);
          if (end.endsWith('lost')) {
            hosts.counts.lost(tag, bytes, isAccepted);
            slow.add(up, lostOf(bytes, true, isAccepted));
            slow.add(down, lostOf(bytes, false, isAccepted));
          }
          tag++;
        } else if (one.is === 'told') {
          const mac = one.mac === 0 ? null : { high: MAC_HIGH, low: one.mac };
          const known = [{ family: 4, words: [one.address], mac, ifIndex: one.port }];
          hosts.update({ known }, () => true, 0);
          slow.told(one.address, one.mac, one.port);
        } else if (one.is === 'identify') {
          hosts.useSpec({ ...DEFAULT_HOSTS, identify: one.by });
          slow.identify = one.by;
          slow.settleAll();
        } else {
          hosts.update({ [one.is]: prefixesFrom(one.from) }, () => true, 0);
          const isOf = (at: number): boolean => at >= one.from;
          if (one.is === 'own') slow.isOwn = isOf;
          else slow.isOnLink = isOf;
          slow.settleAll();
        }
      }
      expect(read(hosts)).toEqual(slow.hosts);
      expect(hosts.addresses.size).toBe(slow.addresses.size);
    }),
    { seed: SEED, numRuns: runs(2000) },
  );
});

test('in tables that are too small, every address in use has a host, and counts are of those that are there', () => {
  const arrival = fc.record({
    address: fc.integer({ min: 1, max: 200 }),
    mac: fc.integer({ min: 0, max: 60 }),
    gapNs: fc.constantFrom(0, 1e6, 2e9, 700e9),
  });
  fc.assert(
    fc.property(fc.array(arrival, { maxLength: 150 }), (arrivals) => {
      const rooms = { hosts: 16, addresses: 16, news: 16 };
      const hosts = new Hosts(DEFAULT_HOSTS, (table) => hashKeys(1, table), true, rooms);
      const [host, at] = [createHostRecord(), createAddressRecord()];
      let nowNs = 0;
      for (const [tag, one] of arrivals.entries()) {
        nowNs += one.gapNs;
        hosts.begin(nowNs);
        const a = rowOf(hosts, one.address, one.mac, 0);
        count(hosts, hosts.pairOf(a, NOBODY), 100);
        hosts.begin(nowNs);
        const reader = new HostReader(hosts.buffer);
        const addressesOf = new Map<number, number>();
        for (let row = reader.nextAddress(NOBODY); row !== NOBODY; row = reader.nextAddress(row)) {
          expect(reader.readAddress(row, at)).toBe(true);
          addressesOf.set(at.host, (addressesOf.get(at.host) ?? 0) + 1);
        }
        let bytes = 0;
        let known = 0;
        for (let row = reader.nextHost(NOBODY); row !== NOBODY; row = reader.nextHost(row)) {
          expect(reader.readHost(row, host)).toBe(true);
          expect(host.addresses).toBe(addressesOf.get(row) ?? 0);
          if (host.kind === KIND_ADDRESS) expect(host.addresses).toBe(1);
          addressesOf.delete(row);
          bytes += host.upBytes;
          known++;
        }
        expect([...addressesOf.keys()]).toEqual([]);
        expect(known).toBe(hosts.table.size);
        expect(bytes).toBeLessThanOrEqual(100 * (tag + 1));
        expect(hosts.addresses.size).toBeLessThan(rooms.addresses);
      }
    }),
    { seed: SEED, numRuns: runs(500) },
  );
});
