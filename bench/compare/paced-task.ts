/** What the comparison of paced TCP measures. */
import type { Line } from './paced-shapers.ts';

export interface PacedCase extends Line {
  readonly key: string;
  readonly connections: number;
}

const LINES = [
  { rateKbit: 512, connections: 1 },
  { rateKbit: 2000, connections: 4 },
  { rateKbit: 2000, connections: 20 },
  { rateKbit: 10_000, connections: 4 },
];

export const PACED_CASES: readonly PacedCase[] = LINES.flatMap((line) =>
  (['up', 'down'] as const).map((direction) => ({
    ...line,
    direction,
    key: `${line.connections}x${line.rateKbit}k-${direction}`,
  })),
);

export interface PacedWindow {
  readonly warmSeconds: number;
  readonly seconds: number;
}

export interface PacedTask extends PacedWindow {
  readonly shapers: readonly string[];
  readonly cases: readonly string[];
}

export interface PacedRow {
  readonly case: string;
  readonly shaper: string;
  /** Of what the rate can carry. */
  readonly goodput: number;
  readonly jain: number;
  /** Part of the payload that had been sent before. */
  readonly again: number;
  /** How long packets with data waited in the router. */
  readonly waitP50Ms: number;
  readonly waitP99Ms: number;
  /** The same from the first packet on. */
  readonly againFromStart: number;
  readonly waitP99FromStartMs: number;
  /** Edits of windows that are not allowed. */
  readonly violations: readonly string[];
}
