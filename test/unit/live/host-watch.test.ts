import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { HostsUpdate } from '../../../src/core/hosts/update.ts';
import type { HostEvents } from '../../../src/io/nfqueue/host-listener.ts';
import { HostWatch } from '../../../src/live/host-watch.ts';
import type { HostsSpec } from '../../../src/spec/hosts.ts';
import { DEFAULT_HOSTS } from '../../../src/spec/hosts.ts';
import { columnsOf, type HostRow, neighbour, ownAddress } from './host-rows.ts';

type Told = ConstructorParameters<typeof HostWatch>[0]['engine']['told'];

/** Devices: 2 is wan0, the link's; 3 is eth1, 4 is eth2. */
function setUp(hosts: Partial<HostsSpec> = {}, refuses = false) {
  const indexes = new Map([
    ['wan0', 2],
    ['eth1', 3],
    ['eth2', 4],
  ]);
  const updates: HostsUpdate[] = [];
  const warnings: string[] = [];
  let asked = 0;
  let grants = true;
  let isClosed = false;
  let events: HostEvents | null = null;
  const told = (changed: Partial<HostsSpec>, bridge?: string): Told =>
    ({
      spec: { hosts: { ...DEFAULT_HOSTS, ...changed }, links: [{ device: 'wan0' }] },
      plan: { directions: [{ bridge }] },
    }) as unknown as Told;
  const engine = {
    told: told(hosts),
    updateHosts: (update: HostsUpdate) => void updates.push(update),
  };
  const watch = new HostWatch({
    engine,
    open: (handed) => {
      if (refuses) throw new Error('no');
      events = handed;
      return {
        ask: () => {
          asked++;
          return grants;
        },
        close: () => {
          isClosed = true;
        },
      };
    },
    indexOf: (device) => indexes.get(device) ?? null,
    isBridge: (ifIndex) => ifIndex === indexes.get('br0'),
    nowNs: () => 1,
    warn: (message) => warnings.push(message),
  });
  const tell = (...rows: HostRow[]): void => events!.onRows(columnsOf(rows), rows.length);
  return {
    ...{ watch, engine, indexes, updates, warnings, told, tell },
    complete: () => events!.onComplete(),
    lose: () => events!.onLost(),
    asked: () => asked,
    grant: (isGranted: boolean) => {
      grants = isGranted;
    },
    isClosed: () => isClosed,
  };
}

const known = (lastByte: number, low: number, ifIndex = 3) => ({
  ...{ family: 4, words: [0x0a000000 + lastByte, 0, 0, 0], mac: { high: 0x50, low } },
  ifIndex,
});
const v4 = (word: number, bits: number) => ({ family: 4, words: [word, 0, 0, 0], bits });

describe('the host watch', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('asks for the list at once, and tells MACs of the inside as one update a call', () => {
    const { tell, updates, asked } = setUp();
    expect(asked()).toBe(1);
    tell(neighbour(1, 7), neighbour(2, 8, { ifIndex: 4 }), neighbour(3, 9, { ifIndex: 2 }));
    expect(updates.splice(0)).toEqual([{ known: [known(1, 7), known(2, 8, 4)] }]);
    // Another state says nothing, another MAC does; the kernel's forgetting is not ours.
    tell(neighbour(1, 7, { state: 4 }), neighbour(2, 8, { ifIndex: 4, change: 29 }));
    expect(updates).toEqual([]);
    tell(neighbour(1, 11, { state: 0x10 }));
    expect(updates).toEqual([{ known: [known(1, 11)] }]);
  });

  it('passes over entries without a MAC that holds', () => {
    const { tell, updates } = setUp();
    tell(
      neighbour(1, 7, { state: 0x01 }),
      neighbour(2, 7, { state: 0x20 }),
      neighbour(3, 7, { state: 0x40 }),
      neighbour(4, 7, { flags: 0x08 }),
      neighbour(5, 7, { macHigh: 0x0150 }),
      neighbour(6, 0, { macHigh: 0 }),
    );
    expect(updates).toEqual([]);
    tell(neighbour(7, 7, { state: 0x80 }));
    expect(updates).toHaveLength(1);
  });

  it('tells own addresses and neighbours once the list is complete, then changes together', () => {
    const { tell, complete, updates } = setUp();
    tell(ownAddress(1, 24), ownAddress(200, 32, { ifIndex: 2 }));
    vi.advanceTimersByTime(1000);
    expect(updates).toEqual([]);
    complete();
    const own = [v4(0x0a000001, 32), v4(0x0a0000c8, 32)];
    expect(updates.splice(0)).toEqual([{ own, onLink: [v4(0x0a000000, 24)] }]);
    tell(ownAddress(1, 24));
    vi.advanceTimersByTime(1000);
    expect(updates).toEqual([]);

    tell(ownAddress(1, 24, { change: 21 }));
    tell(ownAddress(200, 32, { change: 21, ifIndex: 2 }));
    expect(updates).toEqual([]);
    vi.advanceTimersByTime(1000);
    // Nothing behind the inside: whoever comes is a neighbour.
    expect(updates).toEqual([{ own: [], onLink: null }]);
  });

  it('tells networks of neighbours beyond those of own addresses', () => {
    const { tell, complete, updates } = setUp();
    tell(ownAddress(1, 24), neighbour(9, 7), neighbour(0, 7, { word0: 0x0a630001 }));
    complete();
    const first = [v4(0x0a000000, 24), v4(0x0a630001, 32)];
    expect(updates.splice(0).slice(1)).toMatchObject([{ onLink: first }]);
    tell(neighbour(0, 7, { word0: 0x0a630002 }), neighbour(8, 7));
    vi.advanceTimersByTime(1000);
    expect(updates.slice(1)).toMatchObject([{ onLink: [...first, v4(0x0a630002, 32)] }]);
  });

  it('takes everybody for a neighbour where links are ports of bridges', () => {
    const { watch, engine, told, tell, complete, updates, asked } = setUp();
    tell(ownAddress(1, 24));
    complete();
    expect(updates.splice(0)).toMatchObject([{ onLink: [v4(0x0a000000, 24)] }]);
    engine.told = told({}, 'br0');
    watch.look();
    vi.advanceTimersByTime(1000);
    expect(updates).toMatchObject([{ onLink: null }]);
    expect(asked()).toBe(2);
  });

  it('goes by hosts.lan, after a reload too, and lists again what it passed over', () => {
    const { watch, engine, told, tell, updates, asked } = setUp({ lan: ['eth2'] });
    tell(neighbour(1, 7), neighbour(2, 8, { ifIndex: 4 }));
    expect(updates.splice(0)).toEqual([{ known: [known(2, 8, 4)] }]);
    watch.look();
    expect(asked()).toBe(1);
    engine.told = told({ lan: ['eth1', 'wan0'] });
    watch.look();
    expect(asked()).toBe(2);
    tell(neighbour(1, 7), neighbour(2, 8, { ifIndex: 4 }), neighbour(3, 9, { ifIndex: 2 }));
    expect(updates).toEqual([{ known: [known(1, 7), known(3, 9, 2)] }]);
  });

  it('does not know behind which port of a bridge a neighbour is', () => {
    const { watch, indexes, tell, updates } = setUp();
    indexes.set('br0', 7);
    tell(neighbour(1, 7, { ifIndex: 7 }));
    expect(updates.splice(0)).toEqual([{ known: [known(1, 7, 0)] }]);
    // Another device has the index now.
    indexes.delete('br0');
    watch.look();
    tell(neighbour(1, 8, { ifIndex: 7 }));
    expect(updates).toEqual([{ known: [known(1, 8, 7)] }]);
  });

  it('follows devices of the inside that come later', () => {
    const { watch, indexes, tell, updates, asked } = setUp({ lan: ['eth9'] });
    tell(neighbour(1, 7, { ifIndex: 9 }));
    expect(updates).toEqual([]);
    indexes.set('eth9', 9);
    watch.look();
    expect(asked()).toBe(2);
    tell(neighbour(1, 7, { ifIndex: 9 }));
    expect(updates).toEqual([{ known: [known(1, 7, 9)] }]);
  });

  it('with identify: address tells no MACs, but addresses', () => {
    const { tell, complete, updates } = setUp({ identify: 'address' });
    tell(neighbour(1, 7), ownAddress(1, 24));
    complete();
    expect(updates).toEqual([{ own: [v4(0x0a000001, 32)], onLink: [v4(0x0a000000, 24)] }]);
  });

  it('lists again after lost messages, once a second at most, and tells what is in the list', () => {
    const { tell, complete, lose, updates, asked } = setUp();
    tell(neighbour(1, 7), ownAddress(1, 24), ownAddress(2, 24));
    complete();
    updates.length = 0;
    lose();
    lose();
    vi.advanceTimersByTime(999);
    expect(asked()).toBe(1);
    vi.advanceTimersByTime(1);
    expect(asked()).toBe(2);
    // An address went unseen, and a neighbour is told although it is as before.
    tell(neighbour(1, 7), ownAddress(2, 24));
    complete();
    expect(updates.slice(0, 2)).toEqual([
      { known: [known(1, 7)] },
      { own: [v4(0x0a000002, 32)], onLink: [v4(0x0a000000, 24)] },
    ]);
    lose();
    vi.advanceTimersByTime(1000);
    expect(asked()).toBe(3);
  });

  it('asks again where the kernel refuses the list, and goes on without it where there is no socket', () => {
    const refused = setUp();
    refused.grant(false);
    refused.lose();
    vi.advanceTimersByTime(3000);
    expect(refused.asked()).toBe(4);
    refused.watch.close();
    vi.advanceTimersByTime(3000);
    expect([refused.asked(), refused.isClosed()]).toEqual([4, true]);

    const without = setUp({}, true);
    expect(without.warnings).toHaveLength(1);
    without.watch.look();
    without.watch.close();
  });
});
