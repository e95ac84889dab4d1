/**
 * Writes metrics in the text format of Prometheus
 * (https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4).
 */
export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export type Labels = Readonly<Record<string, string>>;
export type Point = readonly [labels: Labels, value: number];

/** A name that all metrics begin with. */
const PREFIX = 'shaper_';

export class Exposition {
  private text = '';

  /** `name` ends in its unit and `_total`. */
  counter(name: string, help: string, points: readonly Point[]): void {
    this.family('counter', name, help, points);
  }

  gauge(name: string, help: string, points: readonly Point[]): void {
    this.family('gauge', name, help, points);
  }

  toString(): string {
    return this.text;
  }

  private family(type: string, name: string, help: string, points: readonly Point[]): void {
    if (points.length === 0) return;
    const full = `${PREFIX}${name}`;
    this.text += `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n`;
    for (const [labels, value] of points) this.text += `${full}${labelsText(labels)} ${numberText(value)}\n`;
  }
}

function numberText(value: number): string {
  return value === Number.POSITIVE_INFINITY ? '+Inf' : String(value);
}

function labelsText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}
