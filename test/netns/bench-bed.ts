/** For tests that a bench runs at all: their numbers are for quiet machines and people, not for asserts. */
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { run } from './harness.ts';

/** Far longer than a bench takes with --quick. */
export const BENCH_MS = 200_000;

/** The command that runs bench/NAME.ts. */
export function benchCommand(name: string, ...words: readonly string[]): string[] {
  const script = fileURLToPath(new URL(`../../bench/${name}.ts`, import.meta.url));
  return [process.execPath, '--import', 'tsx', script, ...words];
}

/** What the bench prints with --quick: one line of JSON. */
export async function quickResult<Result>(name: string): Promise<Result> {
  const { stdout } = await run(benchCommand(name, '--quick'), { timeoutMs: BENCH_MS });
  expect(stdout.trim().split('\n')).toHaveLength(1);
  return JSON.parse(stdout) as Result;
}

export interface QuickGoals {
  readonly goals: readonly { readonly name: string; readonly value: number }[];
}
