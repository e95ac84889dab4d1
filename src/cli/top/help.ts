/** The page that explains keys and signs. */
import { fitted, type Line, span, wrap } from './cells.ts';

const KEYS: readonly (readonly [keys: string, meaning: string])[] = [
  ['Up Down k j', 'move; PageUp, PageDown, Home, End as well'],
  ['Tab, 1 to 5', 'classes, hosts, flows, leases, programs'],
  ['Enter', 'details of the row; Esc goes back'],
  ['s S', 'the next sort, the one before; the column has a *'],
  ['/', 'filter; of flows also by address, prefix, path of a class, program'],
  ['Esc', 'takes the filter away'],
  ['f', 'the flows of this class, host or program'],
  ['l', 'change a limit: a value, then for how long'],
  ['', '5mbit sets the ceil of a class, or the rate of a direction'],
  ['', 'each.rate=1mbit rate=2mbit sets other keys of the file'],
  ['x', 'end the lease of this row'],
  ['p Space', 'pause; again: go on'],
  ['r', 'ask now'],
  ['Ctrl-L', 'draw the screen anew'],
  ['Ctrl-Z', 'stop; fg goes on'],
  ['q Ctrl-C', 'quit'],
];

const SIGNS: readonly string[] = [
  'Rates are of the last second; delays and drops of the last 10 s.',
  'A bar shows the rate against the ceiling; | is the guaranteed rate.',
  'A limit such as 5.00M-20.0M is the guaranteed rate and the ceiling.',
  'A class with [L] has a change with an end, a lease.',
];

const KEY_CELLS = 14;

export function helpLines(cells: number): Line[] {
  const meaningCells = Math.max(8, cells - KEY_CELLS);
  const keys = KEYS.flatMap(([names, meaning]) =>
    wrap(meaning, meaningCells).map(
      (text, i): Line => [span(fitted(i === 0 ? names : '', KEY_CELLS), 'bold'), span(text)],
    ),
  );
  const signs = SIGNS.flatMap((sign) => wrap(sign, cells).map((text): Line => [span(text)]));
  return [[span('Keys', 'bold')], ...keys, [], ...signs];
}
