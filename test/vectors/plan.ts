/** Which code a vector runs against, and how its expectations are compared. */
import { CAKE_RUNNERS } from './cake.ts';
import { CODEL_RUNNERS } from './codel.ts';
import { ENGINE_RUNNERS } from './engine.ts';
import { ITM_RUNNERS } from './itm.ts';
import { isRecord, type Vector } from './load.ts';
import { MARKER_RUNNERS } from './markers.ts';
import { PIE_RUNNERS } from './pie.ts';
import { QUALITATIVE_RUNNERS } from './qualitative.ts';
import { QUOTA_RUNNERS } from './quota.ts';
import { RED_RUNNERS } from './red.ts';
import { RED_FAMILY_RUNNERS } from './red-family.ts';
import type { Found, Runner } from './runner.ts';
import { SCHEDULER_RUNNERS } from './schedulers.ts';
import { TCP_WINDOW_RUNNERS } from './tcp-window.ts';
import { TOKEN_BUCKET_RUNNERS } from './token-bucket.ts';

export type Plan = { readonly skip: string } | { readonly run: () => string | undefined };

const RUNNERS: ReadonlyMap<string, Runner> = new Map([
  ...TOKEN_BUCKET_RUNNERS,
  ...RED_RUNNERS,
  ...RED_FAMILY_RUNNERS,
  ...CODEL_RUNNERS,
  ...PIE_RUNNERS,
  ...MARKER_RUNNERS,
  ...CAKE_RUNNERS,
  ...SCHEDULER_RUNNERS,
  ...ITM_RUNNERS,
  ...TCP_WINDOW_RUNNERS,
  ...QUOTA_RUNNERS,
  ...ENGINE_RUNNERS,
  ...QUALITATIVE_RUNNERS,
]);

/** Keys of a vector that describe or are read by every runner. */
const KEYS = [
  'id',
  'alg',
  'about',
  'params',
  'events',
  'event_fields',
  'expect',
  'expect_fields',
  'tol',
  'note',
];
const KEYS_OF_SOURCE = [
  ...['source', 'what', 'reference_scripts', 'caution', 'provenance', 'comment'],
  ...['setup', 'check'],
];

/** `run` throws where the code and the vector differ and returns what it left untried. */
export function planFor(vector: Vector): Plan {
  const runner = RUNNERS.get(vector.alg);
  if (!runner) return { skip: `no code for ${vector.alg || 'a file of this shape'} yet` };
  const unknown = Object.keys(vector.body).find(
    (key) => !KEYS.includes(key) && !KEYS_OF_SOURCE.includes(key) && !runner.keys?.includes(key),
  );
  if (unknown) return { skip: `vector field not known: ${unknown}` };
  const params = Object.keys((vector.body.params ?? {}) as object);
  const unknownParam = params.find((name) => !runner.params.includes(name));
  if (unknownParam) return { skip: `parameter not known: ${unknownParam}` };
  const refusal = runner.refuse?.(vector);
  if (refusal) return { skip: refusal };
  return {
    run: () => {
      const found = runner.run(vector);
      compare(vector, runner, found);
      return found.untried;
    },
  };
}

function compare(vector: Vector, runner: Runner, found: Found): void {
  const { rows: wanted, fields } = runner.expected?.(vector) ?? expectedOf(vector, found);
  if (wanted.length !== found.rows.length) {
    throw new Error(`${vector.id}: ${wanted.length} rows expected, ${found.rows.length} found`);
  }
  wanted.forEach((want, i) => {
    const record = recordOf(want, fields ?? []);
    for (const [field, value] of Object.entries(record)) {
      const got = found.rows[i]?.[field];
      if (!agrees(value, got, toleranceOf(vector, field, Object.keys(record)))) {
        throw new Error(`${vector.id}, row ${i}, ${field}: expected ${show(value)}, found ${show(got)}`);
      }
    }
  });
}

function expectedOf(vector: Vector, found: Found): { rows: readonly unknown[]; fields: readonly string[] } {
  const { expect: expected, expect_fields: named } = vector.body;
  const rows = Array.isArray(expected) ? expected : [expected];
  return { rows, fields: (named ?? found.fields ?? []) as string[] };
}

function recordOf(want: unknown, fields: readonly string[]): Record<string, unknown> {
  if (typeof want === 'object' && want !== null && !Array.isArray(want))
    return want as Record<string, unknown>;
  const values = Array.isArray(want) ? want : [want];
  if (values.length > fields.length) throw new Error(`more values than field names: ${show(want)}`);
  return Object.fromEntries(values.map((value, i) => [fields[i], value]));
}

interface Tolerance {
  readonly absolute: number;
  readonly relative: number;
}

/**
 * `tol` names a field, its beginning or its end ("avg" is that of "avg_after", "ns" of "target_ns"), or is
 * one number for all, also when its only name is none of a field. Vectors print twelve digits.
 */
function toleranceOf(vector: Vector, field: string, fields: readonly string[]): Tolerance {
  const { tol } = vector.body;
  if (typeof tol === 'number') return { absolute: tol, relative: 1e-11 };
  const stated = Object.entries(isRecord(tol) ? tol : {});
  const isOf = (name: string, other: string): boolean => other.startsWith(name) || other.endsWith(`_${name}`);
  const isForAll =
    stated.length === 1 && stated.every(([name]) => !fields.some((other) => isOf(name, other)));
  const [, value] = stated.find(([name]) => isForAll || isOf(name, field)) ?? [];
  if (typeof value === 'number') return { absolute: value, relative: 1e-11 };
  return { absolute: 1e-12, relative: Number.parseFloat(String(value ?? '1e-11')) };
}

function agrees(want: unknown, got: unknown, tolerance: Tolerance): boolean {
  if (Array.isArray(want) && Array.isArray(got)) {
    return want.length === got.length && want.every((w, i) => agrees(w, got[i], tolerance));
  }
  if (isRecord(want) && isRecord(got)) {
    const keys = Object.keys(want);
    return (
      keys.length === Object.keys(got).length && keys.every((key) => agrees(want[key], got[key], tolerance))
    );
  }
  if (typeof want !== 'number' || typeof got !== 'number') return want === got;
  return Math.abs(want - got) <= tolerance.absolute + tolerance.relative * Math.abs(want);
}

const show = (value: unknown): string => JSON.stringify(value) ?? 'nothing';
