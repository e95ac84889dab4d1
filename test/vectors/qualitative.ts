/**
 * Runs the experiments of QUALITATIVE.json in the virtual world. What a setup says in words is read for its
 * numbers, so that one with other numbers runs too. The stated values come from another simulator: each field
 * has a margin, and what the experiment is to show is checked besides.
 */

import type { Vector } from './load.ts';
import { EXPERIMENTS } from './qualitative-experiments.ts';
import type { Experiment, Measured, Numbers } from './qualitative-run.ts';
import { type Found, foundOnce, type Runner } from './runner.ts';

function numbersOf(experiment: Experiment, setup: string): Numbers | string {
  // The number one is written out.
  const text = setup.replace(/\bone (?=TCP|bulk|long)/, '1 ');
  const found = Object.entries(experiment.numbers).map(([name, { in: pattern, or }]) => {
    const match = pattern.exec(text)?.[1];
    return [name, match === undefined ? or : Number(match)] as const;
  });
  const missing = found.find(([, value]) => value === undefined);
  return missing ? `the setup does not say: ${missing[0]}` : (Object.fromEntries(found) as Numbers);
}

const measure = (id: string, variant: string, n: Numbers): Measured =>
  foundOnce([id, variant, n], () => EXPERIMENTS[id].variants[variant](n));

const valuesOf = ({ body }: Vector): [string, number[]][] =>
  Object.entries(body.values as Record<string, number[]>);

function refuse(vector: Vector): string | undefined {
  const experiment = EXPERIMENTS[vector.alg];
  const numbers = numbersOf(experiment, String(vector.body.setup));
  if (typeof numbers === 'string') return numbers;
  const unknown = (vector.body.fields as string[]).find((field) => !(field in experiment.margins));
  if (unknown) return `field not known: ${unknown}`;
  const tried = valuesOf(vector).some(([variant]) => variant in experiment.variants);
  return tried ? undefined : 'no queue of these names';
}

/** One row: by queue, its fields as stated where what was found is within the margin, else as found. */
function runExperiment(vector: Vector): Found {
  const experiment = EXPERIMENTS[vector.alg];
  const numbers = numbersOf(experiment, String(vector.body.setup)) as Numbers;
  const fields = vector.body.fields as string[];
  const [tried, untried] = [true, false].map((known) =>
    valuesOf(vector).filter(([variant]) => variant in experiment.variants === known),
  );
  const measured = Object.fromEntries(
    tried.map(([variant]) => [variant, measure(vector.alg, variant, numbers)]),
  );
  const complaint = experiment.check(measured);
  if (complaint) throw new Error(`${vector.id}: ${complaint}`);
  const rows = tried.map(([variant, stated]) =>
    Object.fromEntries(
      fields.map((field, i) => {
        const found = measured[variant][field];
        return [field, experiment.margins[field](stated[i], found) ? stated[i] : found];
      }),
    ),
  );
  const names = untried.map(([variant]) => variant).join(', ');
  return { rows, fields, ...(names && { untried: `all but ${names}, which there is no queue for` }) };
}

export const QUALITATIVE_RUNNERS: readonly [string, Runner][] = Object.keys(EXPERIMENTS).map((id) => [
  id,
  {
    params: [],
    keys: ['fields', 'values'],
    refuse,
    expected: (vector) => ({
      rows: valuesOf(vector).flatMap(([variant, stated]) =>
        variant in EXPERIMENTS[id].variants ? [stated] : [],
      ),
      fields: vector.body.fields as string[],
    }),
    run: runExperiment,
  },
]);
