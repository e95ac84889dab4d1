/** Goals of a bench for its figures, and the files that the figures go to. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { giveBack } from './lab/native.ts';
import { renderTable } from './table.ts';

export interface Goal {
  readonly name: string;
  readonly value: number;
  readonly wanted: 'at most' | 'at least';
  readonly limit: number;
  readonly isMet: boolean;
}

export function atMost(name: string, value: number, limit: number): Goal {
  return { name, value, wanted: 'at most', limit, isMet: value <= limit };
}

export function atLeast(name: string, value: number, limit: number): Goal {
  return { name, value, wanted: 'at least', limit, isMet: value >= limit };
}

export function printGoals(goals: readonly Goal[]): void {
  const rows = goals.map(({ name, value, wanted, limit, isMet }) => [
    name,
    value.toFixed(3),
    `${wanted} ${limit.toFixed(2)}`,
    isMet ? 'met' : 'NOT MET',
  ]);
  console.log(`\n${renderTable(['goal', 'measured', 'wanted', ''], rows)}`);
}

/** As JSON into bench/results, named after the bench. */
export function writeResults(name: string, result: unknown): void {
  const folder = fileURLToPath(new URL('results/', import.meta.url));
  mkdirSync(folder, { recursive: true });
  const file = `${folder}${name}.json`;
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
  giveBack(folder, file);
  console.log(`\nJSON: bench/results/${name}.json`);
}
