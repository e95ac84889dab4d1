/**
 * From the rules of one plan to those of another while packets wait, as one transaction. Rules, elements and
 * chains without a hook are edited. A chain with a hook is never deleted: the kernel would drop every held
 * packet of the network namespace.
 *
 *   before                        after                         transaction
 *   chain queue_0  (2 rules)      chain queue_0  (the same)
 *   chain queue_1  (2 rules)                                    nothing yet: leftoverLines() deletes it later
 *                                 chain queue_2  (2 rules)      add chain queue_2, its rules
 *   chain forward  (3 rules)      chain forward  (4 rules)      flush chain forward, its 4 rules
 *
 * Each chain is written as a whole. So the lines that lead back can follow whatever came of a transaction.
 */
import { invariant } from '../../base/assert.ts';

interface Piece {
  /** The line that makes the chain or set. */
  readonly made: string;
  /** The lines that fill it. */
  readonly filled: string[];
}

interface Table {
  readonly tables: Map<string, string>;
  /** They go on counting while rules change. */
  readonly counters: Map<string, string>;
  readonly sets: Map<string, Piece>;
  readonly chains: Map<string, Piece>;
}

const LINE = /^(add|create) (table|counter|set|chain|element|rule) (\S+ \S+)(?: (\S+))?/;

/** Reads the lines of render-nft.ts. */
function read(lines: readonly string[]): Table {
  const table: Table = { tables: new Map(), counters: new Map(), sets: new Map(), chains: new Map() };
  for (const line of lines) {
    if (line.startsWith('#')) continue;
    const [, , kind, of = '', name = ''] = LINE.exec(line) ?? [];
    const key = `${of} ${name}`;
    if (kind === 'table') table.tables.set(of, line.replace(/^create/, 'add'));
    else if (kind === 'counter') table.counters.set(key, line);
    else if (kind === 'set') table.sets.set(key, { made: line, filled: [] });
    else if (kind === 'chain') table.chains.set(key, { made: line, filled: [] });
    else {
      const piece = (kind === 'element' ? table.sets : table.chains).get(key);
      invariant(piece !== undefined, `${line} fills something that was made before`);
      piece.filled.push(line);
    }
  }
  return table;
}

/** The pieces of `to` that are not the same in `from`. */
function changedPieces(from: ReadonlyMap<string, Piece>, to: ReadonlyMap<string, Piece>): [string, Piece][] {
  return [...to].filter(([name, { filled }]) => from.get(name)?.filled.join('\n') !== filled.join('\n'));
}

/**
 * Commands that make rules `from` into rules `to`; none if they are the same. Pieces that neither has may be
 * left over from before.
 */
export function editLines(from: readonly string[], to: readonly string[]): string[] {
  const [before, after] = [read(from), read(to)];
  const sets = changedPieces(before.sets, after.sets);
  const chains = changedPieces(before.chains, after.chains);
  const newPieces = [
    ...sets.filter(([name]) => !before.sets.has(name)),
    ...chains.filter(([name]) => !before.chains.has(name)),
  ];
  return [
    ...[...after.tables].filter(([name]) => !before.tables.has(name)).map(([, line]) => line),
    ...[...after.counters].filter(([name]) => !before.counters.has(name)).map(([, line]) => line),
    // Every chain is there before a rule names it.
    ...newPieces.map(([, piece]) => piece.made),
    ...sets.map(([name]) => `flush set ${name}`),
    ...chains.map(([name]) => `flush chain ${name}`),
    ...[...sets, ...chains].flatMap(([, { filled }]) => filled),
  ];
}

/**
 * Commands that delete what of rules `from` is missing in `to`. Run them after the transaction of
 * editLines(): old kernels do not delete a chain in the transaction that takes out the last map with a jump
 * to it.
 */
export function leftoverLines(from: readonly string[], to: readonly string[]): string[] {
  const [before, after] = [read(from), read(to)];
  const gone = [...before.chains].filter(([name]) => !after.chains.has(name));
  // One with a hook that has come with a change stays empty when the change is taken back.
  const deleted = gone.filter(([, { made }]) => !made.includes(' hook '));
  const counters = [...before.counters.keys()].filter((name) => !after.counters.has(name));
  return [
    // A chain may jump to another one that goes as well.
    ...gone.map(([name]) => `flush chain ${name}`),
    ...deleted.map(([name]) => `delete chain ${name}`),
    ...counters.map((name) => `delete counter ${name}`),
  ];
}
