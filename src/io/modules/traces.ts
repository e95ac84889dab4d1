/**
 * Stacks of errors name lines of the files of modules, not lines of what was bundled from them. V8 asks one
 * function of the program for the text of a stack. Ours changes the places in modules, and leaves other
 * stacks to the function that was there before.
 */
import { SourceMap } from 'node:module';
import { resolve } from 'node:path';

interface Mapped {
  readonly map: SourceMap;
  readonly folder: string;
}

/** By the name under which the text runs. */
const mapped = new Map<string, Mapped>();

/** By file or package: the names of its last texts. An instance of the one before may still be ending. */
const namesOf = new Map<string, string[]>();
const TEXTS_KEPT = 2;
let loads = 0;
/** Names of all texts that have ever run. */
const texts = new Set<string>();
/** Which of them the stack of an error shows. */
const shownBy = new WeakMap<Error, readonly string[]>();

/**
 * The name under which a text made from `source` is to run. From then on places in it are told by `map`, a
 * source map as JSON, whose paths count from `folder`.
 */
export function nameOfText(source: string, map: string, folder: string): string {
  install();
  const name = `${source}#${++loads}`;
  texts.add(name);
  mapped.set(name, { map: new SourceMap(JSON.parse(map)), folder });
  const names = [...(namesOf.get(source) ?? []), name];
  while (names.length > TEXTS_KEPT) mapped.delete(names.shift()!);
  namesOf.set(source, names);
  return name;
}

let previous: typeof Error.prepareStackTrace | null = null;

function install(): void {
  const before = Error.prepareStackTrace;
  if (before === ownStack) return;
  previous = before ?? null;
  Error.prepareStackTrace = ownStack;
}

function ownStack(error: Error, sites: NodeJS.CallSite[]): unknown {
  const shown = sites.map((site) => site.getFileName() ?? '').filter((name) => texts.has(name));
  if (shown.length > 0) shownBy.set(error, shown);
  if (previous && !sites.some((site) => mapped.has(site.getFileName() ?? ''))) return previous(error, sites);
  return [headOf(error), ...sites.map((site) => `    at ${textOf(site)}`)].join('\n');
}

function headOf(error: Error): string {
  try {
    return String(error);
  } catch (fault) {
    return `Error without a text (${typeof fault})`;
  }
}

function textOf(site: NodeJS.CallSite): string {
  const place = placeOf(site);
  if (place === null) return String(site);
  const name = site.getFunctionName() ?? site.getMethodName();
  return name === null || name === '' ? place : `${name} (${place})`;
}

/** `FILE:LINE:COL` in a file of a module; null if it is none. */
function placeOf(site: NodeJS.CallSite): string | null {
  const known = mapped.get(site.getFileName() ?? '');
  if (!known) return null;
  const found = known.map.findEntry((site.getLineNumber() ?? 1) - 1, (site.getColumnNumber() ?? 1) - 1);
  if (!('originalSource' in found)) return null;
  return `${resolve(known.folder, found.originalSource)}:${found.originalLine + 1}:${found.originalColumn + 1}`;
}

/** Names of the texts (nameOfText) that the stack of an error shows, the innermost first. */
export function textsOf(error: unknown): readonly string[] {
  // V8 asks for the text of a stack when somebody wants it first.
  return error instanceof Error && String(error.stack) !== '' ? (shownBy.get(error) ?? []) : [];
}

/** The first place in a file of a module that the stack of an error names, as `FILE:LINE:COL`; null: none. */
export function firstPlaceOf(error: unknown): string | null {
  const stack = error instanceof Error ? String(error.stack) : '';
  const folders = [...mapped.values()].map(({ folder }) => folder);
  const places = [...stack.matchAll(/^ {4}at .*?(\/[^()\n]+:\d+:\d+)\)?$/gm)].map(([, place]) => place!);
  return places.find((place) => folders.some((folder) => place.startsWith(folder))) ?? null;
}
