/** What the comparison is asked to do, checked before a machine is started for it. */
import { parseArgs } from 'node:util';
import type { Task } from './guest.ts';
import { LOADS } from './loads.ts';
import { SHAPERS } from './shapers.ts';

export interface Options extends Task {
  readonly runs: number;
  readonly quick: boolean;
}

/** Wrong usage; the message says what would be right. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const WARM_SECONDS = { full: 5, quick: 0.5 };
/** Of `seconds`: more would not fit into the time that a machine has. */
const SECONDS_MAX = 120;
const RUNS_MAX = 20;
const FULL = { runs: '3', seconds: '15' };
const QUICK = { runs: '1', seconds: '1', shapers: 'cake,shaper', loads: 'tcp1' };

/** Throws UsageError. */
export function readOptions(args: readonly string[]): Options {
  const given = parse(args);
  const { quick = false } = given;
  if (quick && given.runs !== undefined) throw new UsageError('--quick measures once: leave --runs out');
  const few = quick ? QUICK : FULL;
  const all = (known: readonly { key: string }[]): string => known.map(({ key }) => key).join();
  return {
    quick,
    warmSeconds: quick ? WARM_SECONDS.quick : WARM_SECONDS.full,
    runs: numberOf('runs', given.runs ?? few.runs, RUNS_MAX, Number.isInteger),
    seconds: numberOf('seconds', given.seconds ?? few.seconds, SECONDS_MAX, Number.isFinite),
    shapers: keysOf('shapers', given.shapers ?? (quick ? QUICK.shapers : all(SHAPERS)), SHAPERS),
    loads: keysOf('loads', given.loads ?? (quick ? QUICK.loads : all(LOADS)), LOADS),
  };
}

interface Given {
  readonly quick?: boolean;
  readonly seconds?: string;
  readonly runs?: string;
  readonly shapers?: string;
  readonly loads?: string;
}

function parse(args: readonly string[]): Given {
  const text = { type: 'string' } as const;
  const options = {
    quick: { type: 'boolean' },
    seconds: text,
    runs: text,
    shapers: text,
    loads: text,
  } as const;
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    // Of the forms that parseArgs refuses it says what it takes.
    if (error instanceof TypeError) throw new UsageError(error.message);
    throw error;
  }
}

function numberOf(name: string, text: string, max: number, isRight: (value: number) => boolean): number {
  const value = Number(text);
  if (isRight(value) && value >= 1 && value <= max) return value;
  throw new UsageError(
    `--${name} takes ${isRight === Number.isInteger ? 'a whole number' : 'a number'} from 1 to ${max}, not '${text}'`,
  );
}

function keysOf(name: string, text: string, known: readonly { readonly key: string }[]): string[] {
  const keys = text.split(',');
  const unknown = keys.filter((key) => !known.some((one) => one.key === key));
  if (unknown.length > 0) {
    const all = known.map(({ key }) => key).join(', ');
    throw new UsageError(`--${name}: no '${unknown.join("', '")}'; there are ${all}`);
  }
  if (new Set(keys).size < keys.length) throw new UsageError(`--${name} names one of them twice: ${text}`);
  return keys;
}
