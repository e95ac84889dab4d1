/**
 * House rules as functions from sources to problems, one line each. tidy.test.ts runs them on this
 * repository.
 */
import { posix } from 'node:path';
import type { SourceFile } from './source.ts';

const CODE_LINES_MAX = 300;
const LINES_MAX = 400;
const COMMENT_COLUMNS_MAX = 110;

/**
 * Ranks by folder ("core/") or file ("limits.ts") of src, from the table in ARCHITECTURE.md headed "rank".
 */
export function parseRanks(markdown: string): Map<string, number> {
  const ranks = new Map<string, number>();
  const [, table = ''] = markdown.split(/^\| rank \|.*\n/m);
  const [rows = ''] = table.split('\n\n');
  for (const [, rank, units] of rows.matchAll(/^\| (\d) \| ([^|]+) \|/gm)) {
    for (const unit of (units as string).split(',')) ranks.set(unit.replaceAll('`', '').trim(), Number(rank));
  }
  return ranks;
}

/** Paths of the repository that a document names in backticks and that are not there. */
export function checkPaths(document: string, markdown: string, exists: (path: string) => boolean): string[] {
  const named = markdown.matchAll(/`((?:src|test|bench|native|scripts)\/[\w./*-]*)`/g);
  return [...new Set([...named].map((match) => match[1] as string))]
    .filter((path) => !exists(path))
    .map((path) => `${document} names ${path}, which does not exist`);
}

/**
 * Floors of the rooms of `core/`, from the table in ARCHITECTURE.md headed "floor"; files of no room stand
 * above all.
 */
export function parseFloors(markdown: string): Map<string, number> {
  return parseRanks(markdown.replace(/^\| rank \|/gm, '| no rank |').replace(/^\| floor \|/gm, '| rank |'));
}

/** Folder or file directly under src that `path` belongs to. */
function unitOf(path: string): string {
  const [, unit, inside] = path.split('/');
  return inside === undefined ? (unit as string) : `${unit}/`;
}

/** Folder inside a folder of src that `path` belongs to; empty for a file that stands in no such room. */
function roomOf(path: string): string {
  const [, , room, inside] = path.split('/');
  return inside === undefined ? '' : `${room}/`;
}

const isSource = (file: SourceFile): boolean => file.path.startsWith('src/');
const isTypeScript = (file: SourceFile): boolean => file.path.endsWith('.ts');

/** Everything a file imports, as written. */
export function importsOf(file: SourceFile): string[] {
  const statement = /\b(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g;
  return [...file.code.matchAll(statement)].map((match) => match[1] as string);
}

export function checkRanks(files: readonly SourceFile[], ranks: ReadonlyMap<string, number>): string[] {
  const problems: string[] = [];
  const sources = files.filter((file) => isSource(file) && isTypeScript(file));
  const units = new Set(sources.map((file) => unitOf(file.path)));
  for (const unit of units) if (!ranks.has(unit)) problems.push(`${unit} has no rank in ARCHITECTURE.md`);
  for (const unit of ranks.keys())
    if (!units.has(unit)) problems.push(`${unit} has a rank but does not exist`);
  for (const file of sources) {
    for (const name of importsOf(file).filter((wanted) => wanted.startsWith('.'))) {
      const target = posix.join(posix.dirname(file.path), name);
      const from = unitOf(file.path);
      const to = unitOf(target);
      if (!target.startsWith('src/')) problems.push(`${file.path} imports ${name}, outside src`);
      else if (from !== to && !((ranks.get(to) ?? 99) < (ranks.get(from) ?? -1))) {
        problems.push(`${file.path} imports ${to}, which is not of a lower rank`);
      }
    }
  }
  return problems;
}

/** Imports between files of one folder of src, by that folder. */
function importsWithin(files: readonly SourceFile[]): Map<string, { from: string; to: string }[]> {
  const within = new Map<string, { from: string; to: string }[]>();
  for (const file of files.filter((source) => isSource(source) && isTypeScript(source))) {
    for (const name of importsOf(file).filter((wanted) => wanted.startsWith('.'))) {
      const to = posix.join(posix.dirname(file.path), name);
      const unit = unitOf(file.path);
      if (unitOf(to) === unit) within.set(unit, [...(within.get(unit) ?? []), { from: file.path, to }]);
    }
  }
  return within;
}

/** Rooms of core/ import from lower floors only. */
export function checkFloors(files: readonly SourceFile[], floors: ReadonlyMap<string, number>): string[] {
  const rooms = new Set(
    files.filter(({ path }) => path.startsWith('src/core/')).map(({ path }) => roomOf(path)),
  );
  rooms.delete('');
  const unplaced = [...rooms].filter((room) => !floors.has(room)).map((room) => `core/${room} has no floor`);
  const gone = [...floors.keys()]
    .filter((room) => !rooms.has(room))
    .map((room) => `core/${room} does not exist`);
  const floorOf = (room: string): number => (room === '' ? 99 : (floors.get(room) ?? 99));
  const upwards = (importsWithin(files).get('core/') ?? [])
    .filter(({ from, to }) => roomOf(from) !== roomOf(to) && floorOf(roomOf(to)) >= floorOf(roomOf(from)))
    .map(({ from, to }) => `${from} imports ${to}, which is not on a lower floor`);
  return [...unplaced, ...gone, ...upwards];
}

/** Names that reach themselves along the arrows. */
function circles(arrows: readonly (readonly [from: string, to: string])[]): string[] {
  const targets = new Map<string, Set<string>>();
  for (const [from, to] of arrows) targets.set(from, (targets.get(from) ?? new Set()).add(to));
  const reaches = (from: string, to: string, seen: Set<string>): boolean =>
    [...(targets.get(from) ?? [])].some(
      (next) => next === to || (!seen.has(next) && reaches(next, to, seen.add(next))),
    );
  return [...targets.keys()].filter((name) => reaches(name, name, new Set()));
}

/**
 * The rooms of every folder of src import each other in one direction. A file outside all rooms counts as a
 * room.
 */
export function checkRoomCircles(files: readonly SourceFile[]): string[] {
  return [...importsWithin(files)].flatMap(([unit, imports]) => {
    const arrows = imports.map(({ from, to }) => [roomOf(from) || from, roomOf(to) || to] as const);
    const between = arrows.filter(([from, to]) => from !== to);
    return circles(between).map((room) => `src/${unit}: ${room} is in a circle of imports`);
  });
}

/** Files of bench and test import each other in one direction. */
export function checkFileCircles(files: readonly SourceFile[]): string[] {
  const arrows = files
    .filter((file) => isTypeScript(file) && !isSource(file))
    .flatMap((file) =>
      importsOf(file)
        .filter((name) => name.startsWith('.'))
        .map((name) => [file.path, posix.join(posix.dirname(file.path), name)] as const),
    );
  return circles(arrows).map((path) => `${path} is in a circle of imports`);
}

const PURE = /^src\/(?:limits\.ts|(?:base|packet|algo|spec|core|sim|charts)\/)/;
const IMPURE_NAMES = [
  ...['Date', 'performance', 'process', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'],
  ...['fetch', 'console', 'require', 'globalThis', 'crypto', 'Buffer', 'Atomics\\.wait', 'Worker'],
];
const IMPURE = new RegExp(`(?<![.\\w$'"])(?:${IMPURE_NAMES.join('|')})(?![\\w$:?])|\\bMath\\.random\\b`, 'g');

/** The first invariant: these folders are told the time and everything else, and import no package. */
export function checkPurity(files: readonly SourceFile[]): string[] {
  return files
    .filter((file) => PURE.test(file.path))
    .flatMap((file) => [
      ...importsOf(file)
        .filter((name) => !name.startsWith('.'))
        .map((name) => `${file.path} imports ${name}`),
      ...[...file.bare.matchAll(IMPURE)].map((match) => `${file.path} uses ${match[0]}`),
    ]);
}

/** Only src/shaper.ts ends the process. */
export function checkExit(files: readonly SourceFile[]): string[] {
  return files
    .filter((file) => isSource(file) && file.path !== 'src/shaper.ts')
    .filter((file) => /\bprocess\s*\.\s*(?:exit|exitCode|abort|kill|reallyExit)\b/.test(file.bare))
    .map((file) => `${file.path} ends the process`);
}

/**
 * Columns of the statistics, as src/core/packets/stats.ts names them, and the files of core that may write
 * them.
 */
const LEDGER = 'src/core/packets/ledger.ts';
const COUNTS = 'totals|sentPackets|sentBytes|dropTail|dropEarly|dropPolice|dropAqm|marked|delay|lateness';
const MAY_WRITE_STATS = [LEDGER, 'src/core/packets/backlog.ts', 'src/core/packets/stats.ts'];
const WRITES_STATS = new RegExp(
  `\\b(?:${COUNTS}|backlogPackets|backlogBytes|stats\\.flows)\\[[^\\n;]*?\\]\\s*(?:[-+*/|&]?=(?!=)|\\+\\+|--)`,
);

/** In core only the ledger counts, and nobody else has the columns to do it. */
export function checkLedger(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path }) => path.startsWith('src/core/') && !MAY_WRITE_STATS.includes(path))
    .flatMap((file) => {
      const hasColumns = /^import (?!type )[^;]*\/stats\.ts'/m.test(file.code);
      const problems = hasColumns ? [`${file.path} imports statistics that only the ledger writes`] : [];
      return WRITES_STATS.test(file.bare) ? [...problems, `${file.path} writes statistics`] : problems;
    });
}

/** A file is read in one sitting: 300 lines of code in src, 400 lines with comments anywhere. */
export function checkLength(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const lines = file.text.split('\n').length - 1;
    const codeLines = file.code.split('\n').filter((line) => line.trim() !== '').length;
    if (isSource(file) && codeLines > CODE_LINES_MAX) return [`${file.path} has ${codeLines} lines of code`];
    return lines > LINES_MAX ? [`${file.path} has ${lines} lines`] : [];
  });
}

/** The formatter wraps code; comments must be wrapped by whoever writes them. */
export function checkCommentWidth(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const code = file.code.split('\n');
    return file.text.split('\n').flatMap((line, i) => {
      const isComment = file.path.endsWith('.sh') ? /^\s*#/.test(line) : line !== code[i];
      const isLong = isComment && line.length > COMMENT_COLUMNS_MAX;
      return isLong ? [`${file.path}:${i + 1} has a comment that ends in column ${line.length}`] : [];
    });
  });
}

/** tc writes bytes as bps, others bits: no name here says so. */
export function checkUnits(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const names = file.bare.match(/[A-Za-z_$][\w$]*/g) ?? [];
    const words = (name: string): string[] => name.replace(/([a-z])([A-Z])/g, '$1_$2').split('_');
    const wrong = names.filter((name) => words(name).some((word) => /^[kmgt]?bps$/i.test(word)));
    return [...new Set(wrong)].map((name) => `${file.path}: ${name} does not say whether bits or bytes`);
  });
}

/**
 * Files that no other file names are dead; tests and the program itself are started from outside. A file of
 * src must be named in src or by a script: one that only tests import is not part of the program.
 */
export function checkUnreferenced(files: readonly SourceFile[]): string[] {
  const named = new Set<string>();
  for (const file of files.filter(isTypeScript)) {
    const names = [...file.code.matchAll(/['"](\.{1,2}\/[^'"]+)\.[tj]s['"]|`(\.{1,2}\/[\w./-]+)\$\{/g)];
    for (const [, whole, beginning] of names) {
      const target = `${posix.join(posix.dirname(file.path), (whole ?? beginning) as string)}.ts`;
      if (isSource(file) || file.path.startsWith('scripts/') || !target.startsWith('src/')) named.add(target);
    }
  }
  const started = /^src\/shaper\.ts$|\.test\.ts$|^bench\/|^scripts\//;
  /** Threads and programs of tests are started by name, from the same folder. */
  const isStartedByName = (path: string): boolean => {
    const name = new RegExp(`['"]${posix.basename(path, '.ts')}(?:\\.ts)?['"]`);
    return files.some((file) => posix.dirname(file.path) === posix.dirname(path) && name.test(file.code));
  };
  return files
    .filter((file) => isTypeScript(file) && !started.test(file.path) && !named.has(file.path))
    .filter((file) => !isStartedByName(file.path))
    .map((file) => `${file.path} is imported by nobody`);
}

/** Every algorithm says where it comes from before it says anything else. */
export function checkReferences(files: readonly SourceFile[]): string[] {
  return files
    .filter((file) => file.path.startsWith('src/algo/'))
    .filter((file) => !/^\/\*\*(?:(?!\*\/)[\s\S])*\bReference:/.test(file.text))
    .map((file) => `${file.path} has no "Reference:" in its header`);
}

const MARKERS = new RegExp(
  ['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'].map((m) => `\\b${m}\\b`).join('|'),
);
const SWALLOWED = /\bcatch\s*(?:\([^)]*\))?\s*\{\s*\}|@ts-(?:ignore|nocheck)|\bdebugger\b/;
const FOCUSED = /\b(?:test|it|describe)\.only\b/;

/** What was meant to be mended later, errors that vanish, tests that hide the others. */
export function checkLeftovers(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const problems: string[] = [];
    if (MARKERS.test(file.text)) problems.push(`${file.path} has a marker for later`);
    if (SWALLOWED.test(isTypeScript(file) ? file.bare : '') || /@ts-(?:ignore|nocheck)/.test(file.text)) {
      problems.push(`${file.path} swallows errors or types`);
    }
    if (FOCUSED.test(file.bare)) problems.push(`${file.path} runs only some of its tests`);
    return problems;
  });
}

/** The lock file must not tie users to the registry that it was made with. */
export function checkLock(lock: string): string[] {
  return /"resolved"\s*:/.test(lock) ? ['package-lock.json records download addresses'] : [];
}
