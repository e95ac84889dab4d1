import { describe, expect, it } from 'vitest';
import { ToldNeighbours } from '../../../src/live/told-neighbours.ts';
import { columnsOf, neighbour, STALE } from './host-rows.ts';

describe('neighbours that were told', () => {
  it('say something new by another MAC or device, and nothing by another state', () => {
    const told = new ToldNeighbours();
    const rows = [
      neighbour(1, 7),
      neighbour(1, 7, { state: STALE }),
      neighbour(1, 8),
      neighbour(1, 8),
      neighbour(1, 8, { ifIndex: 4 }),
      neighbour(1, 8, { ifIndex: 4, macHigh: 1 }),
      neighbour(1, 8, { ifIndex: 4, macHigh: 1 }),
    ];
    const columns = columnsOf(rows);
    expect(rows.map((_, r) => told.isNew(columns, r))).toEqual([true, false, true, false, true, true, false]);
    told.forget();
    expect([told.isNew(columns, 6), told.isNew(columns, 6)]).toEqual([true, false]);
  });

  it('of IPv4 and IPv6 are different ones', () => {
    const told = new ToldNeighbours();
    const columns = columnsOf([neighbour(1, 7), neighbour(1, 7, { family: 6 })]);
    expect([told.isNew(columns, 0), told.isNew(columns, 1)]).toEqual([true, true]);
  });

  it('are remembered by the hundred in one network', () => {
    const told = new ToldNeighbours();
    const rows = Array.from({ length: 500 }, (_, i) => neighbour(i, i));
    const columns = columnsOf(rows);
    for (let r = 0; r < rows.length; r++) expect(told.isNew(columns, r)).toBe(true);
    const again = rows.filter((_, r) => told.isNew(columns, r));
    // By chance, of 500 addresses about 4 pairs share a row of 32768.
    expect(again.length).toBeLessThan(50);
  });
});
