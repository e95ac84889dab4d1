/** Axes: values become positions in a picture, with ticks at round values. */
export interface Tick {
  readonly value: number;
  readonly label: string;
}

export interface Axis {
  readonly ticks: readonly Tick[];
  /** The text beside the axis: quantity and unit. */
  readonly title: string;
  /** 0 at the lower end of the axis, 1 at the upper end. Values beyond an end are drawn at that end. */
  share(value: number): number;
}

/** The smallest of 1, 2, 5 times a power of ten that is at least `value`. */
export function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  const factor = [1, 2, 5].find((candidate) => candidate * power >= value * (1 - 1e-9)) ?? 10;
  return factor * power;
}

/** Removes the noise of binary fractions (0.30000000000000004). */
function plainText(value: number): string {
  return String(Number(value.toPrecision(12)));
}

function clamp(share: number): number {
  return Math.min(1, Math.max(0, share));
}

/** Number of steps between ticks: about this many at most. */
const STEPS = 6;

/** A linear axis from 0 to `max` exactly, or to the first tick at or above `max`. */
export function linearAxis(max: number, title: string, end: 'exact' | 'tick'): Axis {
  const step = max > 0 ? roundUp(max / STEPS) : 1;
  const steps = Math.max(1, end === 'tick' ? Math.ceil(max / step - 1e-9) : Math.floor(max / step + 1e-9));
  const top = end === 'tick' || max <= 0 ? steps * step : max;
  return {
    title,
    ticks: Array.from({ length: steps + 1 }, (_, i) => ({ value: i * step, label: plainText(i * step) })),
    share: (value) => clamp(value / top),
  };
}

/** A logarithmic axis. Both ends are rounded to 1, 2, 5 times a power of ten; it spans at least a decade. */
export function logAxis(min: number, max: number, title: string): Axis {
  const high = roundUp(Math.max(max, 10 * min));
  const low = 10 ** Math.floor(Math.log10(min) + 1e-9);
  const decades = Math.log10(high / low);
  const factors = decades <= 2.5 ? [1, 2, 5] : [1];
  const ticks: Tick[] = [];
  for (let power = low; power <= high * 1.001; power *= 10) {
    for (const factor of factors) {
      const value = factor * power;
      if (value <= high * 1.001) ticks.push({ value, label: plainText(value) });
    }
  }
  return { title, ticks, share: (value) => (value <= 0 ? 0 : clamp(Math.log10(value / low) / decades)) };
}

/** Chooses a unit in which `max` has few digits. Divide values by `factor`. */
export interface DisplayUnit {
  readonly name: string;
  readonly factor: number;
}

export function rateUnit(maxBitsPerSec: number): DisplayUnit {
  return unitFor(maxBitsPerSec, ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s']);
}

export function bytesUnit(maxBytes: number): DisplayUnit {
  return unitFor(maxBytes, ['B', 'kB', 'MB', 'GB', 'TB']);
}

function unitFor(max: number, names: readonly string[]): DisplayUnit {
  let power = 0;
  while (power < names.length - 1 && max >= 1000 ** (power + 1)) power++;
  return { name: names[power], factor: 1000 ** power };
}
