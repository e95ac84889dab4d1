/** Reads numeric test vectors: every *.json of SHAPER_VECTORS, or of this folder. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Vector {
  readonly file: string;
  readonly id: string;
  /** The algorithm; an expectation taken from elsewhere stands for itself, so there it is the id. */
  readonly alg: string;
  readonly body: Readonly<Record<string, unknown>>;
}

export const vectorsFolder = process.env.SHAPER_VECTORS ?? import.meta.dirname;

export function loadVectors(folder: string): Vector[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return files
    .sort()
    .flatMap((file) => vectorsOf(file, JSON.parse(readFileSync(join(folder, file), 'utf8'))));
}

/** A file of unknown shape becomes one vector without an algorithm, so that it is reported and not lost. */
export function vectorsOf(file: string, content: unknown): Vector[] {
  const lists = isRecord(content) ? [content.vectors, content.items, content.experiments] : [];
  const entries = lists.filter(Array.isArray).flat().filter(isRecord);
  if (entries.length === 0) return [{ file, id: file, alg: '', body: {} }];
  return entries.map((body, i) => {
    const id = typeof body.id === 'string' ? body.id : `${file}#${i}`;
    return { file, id, alg: typeof body.alg === 'string' ? body.alg : id, body };
  });
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
