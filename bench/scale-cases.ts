/** What bench/scale.ts compares: configurations and the traffic through them. */
import { FIRST_PORT, type Traffic } from './memory-port.ts';

export interface ScaleCase {
  readonly key: string;
  readonly label: string;
  readonly config: string;
  readonly traffic: Traffic;
  /** Key of the case with one of what this one has many of. */
  readonly baseline: string | null;
}

/** The rate of the root in all of them. Nothing else limits. */
export const RATE_BYTES_PER_SEC = 5e9;
const RATE = '40gbit';

const link = (up: string): string => `links:\n  wan:\n    device: wan0\n    up: ${up}\n`;

/** As `up: RATE`, with a bucket for every host that never holds anything up. */
const EACH_HOST = link(
  `{ rate: ${RATE}, classes: { default: { each: { by: host, rate: 100gbit, burst: 10MB } } } }`,
);

/** `counts[0]` classes, in each `counts[1]`, ...: leaves take a destination port each, all are sure of a share. */
function nested(counts: readonly number[]): string {
  const leaves = (depth: number): number => counts.slice(depth).reduce((a, b) => a * b, 1);
  const rate = (depth: number): string => `${Math.floor((20_000 * leaves(depth + 1)) / leaves(0))}mbit`;
  const classes = (depth: number, firstPort: number): string => {
    const within = leaves(depth + 1);
    const each = Array.from({ length: counts[depth]! }, (_, i) => {
      const from = firstPort + i * within;
      const match = `match: { proto: udp, dport: ${from}-${from + within - 1} }`;
      const inner = depth + 1 < counts.length ? `, classes: ${classes(depth + 1, from)}` : '';
      return `c${i}: { rate: ${rate(depth)}, ${match}${inner} }`;
    });
    return `{ ${each.join(', ')} }`;
  };
  return link(`{ rate: ${RATE}, classes: ${classes(0, FIRST_PORT)} }`);
}

/** A bit of everything: nested, sure of something, priorities, weights, buckets of hosts, RED, CoDel in fair queues. */
const TREE = link(`
      rate: ${RATE}
      classes:
        voice: { rate: 1gbit, ceil: 25%, priority: 0, match: { proto: udp, dport: 5000 } }
        work: { rate: 15gbit, weight: 2, match: { proto: udp, dport: 5001-5003 } }
        guests:
          rate: 8gbit
          ceil: 30gbit
          match: { proto: udp, dport: 5004-5005 }
          each: { by: host, rate: 4gbit, burst: 1MB }
          classes:
            web: { rate: 4gbit, match: { dport: 5004 } }
            default: { priority: 5 }
        bulk:
          ceil: 80%
          priority: 6
          match: { dport: 5006 }
          queue:
            discipline: fifo
            limit: 40MB
            aqm: { red: { min: 10MB, max: 30MB, probability: 0.1, weight: 0.002, gentle: true } }
`);

const DEFAULT = link(RATE);
const ONE: Traffic = { flows: 1, hosts: 1, ports: 1 };
const THOUSAND: Traffic = { flows: 1000, hosts: 50, ports: 1000 };

export const SCALE_CASES: readonly ScaleCase[] = [
  { key: 'flow', label: 'one flow', config: DEFAULT, traffic: ONE, baseline: null },
  {
    key: 'flows',
    label: '100,000 flows',
    config: DEFAULT,
    traffic: { flows: 100_000, hosts: 250, ports: 1000 },
    baseline: 'flow',
  },
  { key: 'host', label: 'one host, each', config: EACH_HOST, traffic: ONE, baseline: null },
  {
    key: 'hosts',
    label: '10,000 hosts, each',
    config: EACH_HOST,
    traffic: { flows: 10_000, hosts: 10_000, ports: 1 },
    baseline: 'host',
  },
  { key: 'class', label: 'one class, 1000 flows', config: nested([1]), traffic: THOUSAND, baseline: null },
  {
    key: 'classes',
    label: '1000 classes',
    config: nested([1000]),
    traffic: THOUSAND,
    baseline: 'class',
  },
  {
    key: 'deepClass',
    label: 'one class in one in one',
    config: nested([1, 1, 1]),
    traffic: THOUSAND,
    baseline: null,
  },
  {
    key: 'deepClasses',
    label: '10 x 10 x 10 classes',
    config: nested([10, 10, 10]),
    traffic: THOUSAND,
    baseline: 'deepClass',
  },
  {
    key: 'tree',
    label: 'a bit of everything',
    config: TREE,
    traffic: { flows: 1000, hosts: 100, ports: 8 },
    baseline: null,
  },
];
