/**
 * The files of a class: what is read of each, and what a write of it changes. Values are written as in YAML;
 * `default` takes the key away. docs/files.md has the table.
 */
import { parseDocument } from 'yaml';
import { PARAMETER_FILES, type ParameterFile, REPORT_FILES, type ReportFile } from '../../spec/access.ts';
import { FileError } from '../fuse/filesystem.ts';
import type { ClassReport } from './instance.ts';

/** A value as JSON has it: all single values are texts. */
export type Value = string | null | readonly Value[] | { readonly [key: string]: Value };
export type Patch = { readonly [key: string]: Value };

/** Whatever is written so has its default from then on. */
const DEFAULT = 'default';

interface Parameter {
  /** Which classes have the file. */
  readonly of: 'all' | 'class' | 'leaf';
  read(report: ClassReport): string;
  patch(value: Value, report: ClassReport): Patch;
}

export function isDirection({ path }: ClassReport): boolean {
  return path.split('/').length === 2;
}

/** `none` is what is read while there is nothing; it may be written for that as well. */
function plain(of: Parameter['of'], name: string, absent: string = DEFAULT): Parameter {
  return {
    of,
    read: ({ values }) => values[name] ?? absent,
    patch: (value) => ({ [name]: value === absent ? null : value }),
  };
}

function queueKey(name: string): Parameter {
  return {
    of: 'leaf',
    read: ({ values }) => values[`queue.${name}`] ?? DEFAULT,
    patch: (value) => ({ queue: { [name]: value } }),
  };
}

const bandwidth: Parameter = {
  of: 'all',
  read: ({ values }) => values.ceil ?? values.rate ?? 'unlimited',
  // A direction has nothing to borrow: its ceil is its rate.
  patch: (value, report) => (isDirection(report) ? { rate: value, ceil: null } : { ceil: value }),
};

const DISCIPLINES = ['fair', 'fifo', 'short-first'];
const SHARINGS = ['wfq', 'pq', 'shape'];

/** Packets of a class wait in a queue, or in the classes inside, which share its rate. */
const mode: Parameter = {
  of: 'all',
  read: ({ values, isInner }) => values.mode ?? (isInner ? SHARINGS[0]! : values['queue.discipline']!),
  patch(value, report) {
    const isSharing = SHARINGS.includes(String(value));
    if (value !== null && !isSharing && !DISCIPLINES.includes(String(value))) {
      const known = report.isInner ? SHARINGS : [...DISCIPLINES, ...SHARINGS];
      throw new FileError('EINVAL', `mode: '${String(value)}' is not one of: ${known.join(', ')}`);
    }
    if (report.isInner) {
      if (value === null || isSharing) return { mode: value };
      const message = `mode: packets of ${report.path} wait in the classes inside`;
      throw new FileError('EINVAL', `${message}; their files mode take ${String(value)}`);
    }
    const discipline = value === 'shape' ? 'fifo' : isSharing ? null : value;
    const hasDiscipline = discipline !== null || report.written.includes('queue.discipline');
    return { mode: isSharing ? value : null, ...(hasDiscipline && { queue: { discipline } }) };
  },
};

const PARAMETERS: Readonly<Record<ParameterFile, Parameter>> = {
  bandwidth,
  rate: plain('all', 'rate', 'none'),
  weight: plain('class', 'weight'),
  priority: plain('class', 'priority'),
  mode,
  burst: plain('all', 'burst'),
  limit: queueKey('limit'),
  match: plain('class', 'match'),
  aqm: queueKey('aqm'),
  isolation: queueKey('isolation'),
  ackFilter: queueKey('ackFilter'),
  adjust: plain('class', 'adjust', 'false'),
  police: plain('all', 'police', 'none'),
  meter: plain('all', 'meter', 'none'),
  remark: plain('all', 'remark'),
  each: plain('all', 'each', 'none'),
  tcp: plain('all', 'tcp'),
  schedule: plain('all', 'schedule', 'none'),
};

export function isParameter(name: string): name is ParameterFile {
  return (PARAMETER_FILES as readonly string[]).includes(name);
}

export function isReport(name: string): name is ReportFile {
  return (REPORT_FILES as readonly string[]).includes(name);
}

/** Whether the directory of the class has the file. */
export function hasFile(report: ClassReport, name: string): boolean {
  if (isReport(name)) return true;
  if (!isParameter(name)) return false;
  const { of } = PARAMETERS[name];
  if (name === 'match' && report.path.endsWith('/default')) return false;
  return of === 'all' || (!isDirection(report) && (of === 'class' || !report.isInner));
}

export function filesOf(report: ClassReport): string[] {
  return [...PARAMETER_FILES, ...REPORT_FILES].filter((name) => hasFile(report, name));
}

export function readParameter(name: ParameterFile, report: ClassReport): string {
  return PARAMETERS[name].read(report);
}

/** The merge patch that a write is. Throws EINVAL. */
export function patchOf(name: ParameterFile, text: string, report: ClassReport): Patch {
  const value = parseValue(name, text);
  return PARAMETERS[name].patch(value === DEFAULT ? null : value, report);
}

/** One value of YAML. Single values stay texts, as they were written. */
function parseValue(name: string, text: string): Value {
  if (text.trim() === '')
    throw new FileError('EINVAL', `${name} has no value; ${DEFAULT} gives it its default`);
  checkDepth(name, text);
  const document = parseDocument(text, { prettyErrors: false, version: '1.2', schema: 'failsafe' });
  const [fault] = [...document.errors, ...document.warnings];
  if (fault) throw new FileError('EINVAL', `${name}: no value as in YAML: ${fault.message}`);
  const value = plainValue(name, document);
  return value === 'null' || value === '~' ? null : value;
}

function plainValue(name: string, document: ReturnType<typeof parseDocument>): Value {
  try {
    return document.toJS({ maxAliasCount: 0 }) as Value;
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    throw new FileError('EINVAL', `${name}: an alias (*name) is no value here; write the value itself`);
  }
}

/** Values of parameters are nested three deep. The parser would need a stack as deep as the text is long. */
const DEPTH_MAX = 16;
/** Entries of lists that stand in one another on one line. */
const NESTED_ENTRIES = new RegExp(`(?:[-?]\\s+){${DEPTH_MAX + 1}}`);

function checkDepth(name: string, text: string): void {
  let depth = 0;
  let deepest = NESTED_ENTRIES.test(text) ? DEPTH_MAX + 1 : 0;
  for (const character of text) {
    if (character === '[' || character === '{') deepest = Math.max(deepest, ++depth);
    else if (character === ']' || character === '}') depth -= 1;
  }
  if (deepest <= DEPTH_MAX) return;
  throw new FileError('EINVAL', `${name}: lists and maps stand in one another more than ${DEPTH_MAX} deep`);
}
