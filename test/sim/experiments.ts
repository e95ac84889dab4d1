/** The examples of a line of 10 Mbit/s, as files that `shaper simulate` takes, and runs of them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../../src/config/config.ts';
import type { SimulatedClass, SimulatedFlow } from '../../src/sim/report/report.ts';
import { type RunOptions, runScenario, type SimulationResult } from '../../src/sim/simulation.ts';
import type { ShaperSpec } from '../../src/spec/spec.ts';
import { seeds } from '../effort.ts';

export const SEEDS = seeds([1, 2, 3]);

const FOLDER = join(import.meta.dirname, '../../examples/ten-megabit');

export function config(text: string): ShaperSpec {
  return loadConfig(text, 'test.yaml').spec;
}

/** One of `examples/ten-megabit`. */
export function example(name: string): ShaperSpec {
  return config(readFileSync(join(FOLDER, `${name}.yaml`), 'utf8'));
}

export function experiment(
  name: string,
  scenario: string,
  seed: number,
  options: RunOptions = {},
): SimulationResult {
  return runScenario(example(name), scenario, seed, options);
}

export function flowOf({ report }: SimulationResult, name: string): SimulatedFlow {
  return found(report.flows, (flow) => flow.name === name, name);
}

/** Flows whose names begin with this. */
export function flowsOf({ report }: SimulationResult, prefix: string): SimulatedFlow[] {
  return report.flows.filter((flow) => flow.name.startsWith(prefix));
}

export function classOf({ report }: SimulationResult, path: string): SimulatedClass {
  return found(report.classes, (own) => own.path === path, path);
}

function found<Row>(rows: readonly Row[], is: (row: Row) => boolean, name: string): Row {
  const row = rows.find(is);
  if (!row) throw new Error(`the run has no ${name}`);
  return row;
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
