/** What bench/scale.ts compares: configurations and the traffic through them. */
import { FIRST_PORT, type Traffic } from './memory-port.ts';

/** What cases do not say themselves. */
export interface Setting {
  /** Of the root. Nothing else limits. */
  readonly rate: string;
  /** Of leaves that ask for nothing special: `queue` of a class. */
  readonly queue: string;
}

export interface ScaleCase {
  readonly key: string;
  readonly label: string;
  readonly config: (setting: Setting) => string;
  readonly traffic: Traffic;
  /** Key of the case with one of what this one has many of. */
  readonly baseline: string | null;
}

/** Of the decision loop alone. */
export const RATE_BYTES_PER_SEC = 5e9;
/** RATE_BYTES_PER_SEC and the default queue: as `up: 40gbit` where there is one class. */
export const LOOP_SETTING: Setting = { rate: '40gbit', queue: '{}' };

const link = ({ rate }: Setting, classes: string): string =>
  `links:\n  wan:\n    device: wan0\n    up:\n      rate: ${rate}\n      classes: ${classes}\n`;

export const ONE_LEAF = (setting: Setting): string =>
  link(setting, `{ default: { queue: ${setting.queue} } }`);

/** All packets of the lab have one MAC. */
const BY_ADDRESS = 'hosts: { identify: address }\n';

/** The same with a bucket for every host that never holds anything up. */
const eachHost = (setting: Setting): string =>
  `${link(setting, `{ default: { each: { by: host, rate: 100gbit, burst: 10MB }, queue: ${setting.queue} } }`)}${BY_ADDRESS}`;

/** Traffic whose memory is measured: by how much the process grows with every flow. */
export interface MemoryCase {
  readonly label: string;
  readonly config: string;
  /** Packets that each flow sends in a row. */
  readonly packets: number;
  /** Packets that are kept waiting in the leaf. */
  readonly waiting: number;
  readonly bytesMax: number;
}

const hostsAt = (rate: string): string =>
  link(LOOP_SETTING, `{ default: { each: { by: host, rate: ${rate} } } }`);

export const MEMORY_CASES = {
  flow: {
    label: 'idle flow, and its queue if it has waited',
    config: ONE_LEAF(LOOP_SETTING),
    packets: 1,
    // Within CoDel's target at the rate.
    waiting: 16_384,
    bytesMax: 440,
  },
  freshBucket: {
    label: 'bucket in which nothing has waited, and its flow',
    config: hostsAt('100mbit'),
    packets: 1,
    waiting: 0,
    bytesMax: 420,
  },
  // The burst holds three packets.
  idleBucket: {
    label: 'idle bucket in which a packet has waited, and its flow',
    config: hostsAt('8mbit'),
    packets: 4,
    waiting: 0,
    bytesMax: 610,
  },
  waitingBucket: {
    label: 'bucket in which a packet waits, and its flow',
    config: hostsAt('8kbit'),
    packets: 4,
    waiting: 0,
    bytesMax: 760,
  },
} satisfies Record<string, MemoryCase>;
export type MemoryKey = keyof typeof MEMORY_CASES;
export const MEMORY_KEYS = Object.keys(MEMORY_CASES) as MemoryKey[];

/** Destination ports of packets for classes. */
const PORTS = 1000;

/**
 * `counts[0]` classes, `counts[1]` in each of them, and so on. The leaves share all ports equally, so that no
 * packet goes to a class `default`. Each has a guarantee; together they are guaranteed half the rate.
 */
function nested(counts: readonly number[], setting: Setting): string {
  const leaves = (depth: number): number => counts.slice(depth).reduce((a, b) => a * b, 1);
  const ports = PORTS / leaves(0);
  const share = (depth: number): string => `${(50 * leaves(depth + 1)) / leaves(0)}%`;
  const classes = (depth: number, firstPort: number): string => {
    const within = ports * leaves(depth + 1);
    const each = Array.from({ length: counts[depth]! }, (_, i) => {
      const from = firstPort + i * within;
      const match = `match: { proto: udp, dport: ${from}-${from + within - 1} }`;
      const isLeaf = depth + 1 === counts.length;
      const inside = isLeaf ? `queue: ${setting.queue}` : `classes: ${classes(depth + 1, from)}`;
      return `c${i}: { rate: ${share(depth)}, ${match}, ${inside} }`;
    });
    return `{ ${each.join(', ')} }`;
  };
  return link(setting, classes(0, FIRST_PORT));
}

/**
 * A bit of everything: nested classes, guarantees, priorities, weights, buckets of hosts, RED, CoDel in fair
 * queues.
 */
const tree = (setting: Setting): string =>
  link(
    setting,
    `
        voice: { rate: 2.5%, ceil: 25%, priority: 0, match: { proto: udp, dport: 5000 }, queue: ${setting.queue} }
        work: { rate: 37.5%, weight: 2, match: { proto: udp, dport: 5001-5003 }, queue: ${setting.queue} }
        guests:
          rate: 20%
          ceil: 75%
          match: { proto: udp, dport: 5004-5005 }
          each: { by: host, rate: 4gbit, burst: 1MB }
          classes:
            web: { rate: 13%, match: { dport: 5004 }, queue: ${setting.queue} }
            default: { priority: 5, queue: ${setting.queue} }
        bulk:
          ceil: 80%
          priority: 6
          match: { dport: 5006 }
          queue:
            discipline: fifo
            limit: 40MB
            aqm: { red: { min: 10MB, max: 30MB, probability: 0.1, weight: 0.002, gentle: true } }
`,
  );

/** Data has a class of its own, whose connections are paced or not. */
const transfers =
  (isPaced: boolean) =>
  (setting: Setting): string => {
    const match = `match: { proto: tcp, dport: ${FIRST_PORT}-${FIRST_PORT + PORTS - 1} }`;
    const pace = `tcp: { pace: ${isPaced} }`;
    return link(
      setting,
      `{ data: { ${match}, ${pace}, queue: ${setting.queue} }, default: { queue: ${setting.queue} } }`,
    );
  };

const ONE: Traffic = { flows: 1, hosts: 1, ports: 1 };
/** Data one way, acknowledgements the other. */
const tcp = (connections: number, kind: NonNullable<Traffic['tcp']>): Traffic => ({
  flows: 2 * connections,
  hosts: Math.min(connections, 250),
  ports: Math.min(connections, 1000),
  tcp: kind,
});
const THOUSAND: Traffic = { flows: 1000, hosts: 50, ports: PORTS };

export const SCALE_CASES: readonly ScaleCase[] = [
  { key: 'flow', label: 'one flow', config: ONE_LEAF, traffic: ONE, baseline: null },
  {
    key: 'flows',
    label: '100,000 flows',
    config: ONE_LEAF,
    traffic: { flows: 100_000, hosts: 250, ports: 1000 },
    baseline: 'flow',
  },
  {
    key: 'tcpPlain',
    label: 'one TCP connection',
    config: ONE_LEAF,
    traffic: tcp(1, 'plain'),
    baseline: null,
  },
  {
    key: 'tcp',
    label: '… with time stamps',
    config: ONE_LEAF,
    traffic: tcp(1, 'timestamps'),
    baseline: null,
  },
  {
    key: 'tcps',
    label: '50,000 with time stamps',
    config: ONE_LEAF,
    traffic: tcp(50_000, 'timestamps'),
    baseline: 'tcp',
  },
  {
    key: 'transfers',
    label: '1000 transfers, both ways',
    config: transfers(false),
    traffic: { ...tcp(1000, 'timestamps'), hasHandshake: true },
    baseline: null,
  },
  {
    key: 'paced',
    label: '… paced',
    config: transfers(true),
    traffic: { ...tcp(1000, 'timestamps'), hasHandshake: true },
    baseline: 'transfers',
  },
  { key: 'host', label: 'one host, each', config: eachHost, traffic: ONE, baseline: null },
  {
    key: 'hosts',
    label: '10,000 hosts, each',
    config: eachHost,
    traffic: { flows: 10_000, hosts: 10_000, ports: 1 },
    baseline: 'host',
  },
  {
    key: 'class',
    label: 'one class, 1000 flows',
    config: (setting) => nested([1], setting),
    traffic: THOUSAND,
    baseline: null,
  },
  {
    key: 'classes',
    label: '1000 classes',
    config: (setting) => nested([1000], setting),
    traffic: THOUSAND,
    baseline: 'class',
  },
  {
    key: 'deepClass',
    label: 'one class in one in one',
    config: (setting) => nested([1, 1, 1], setting),
    traffic: THOUSAND,
    baseline: null,
  },
  {
    key: 'deepClasses',
    label: '10 x 10 x 10 classes',
    config: (setting) => nested([10, 10, 10], setting),
    traffic: THOUSAND,
    baseline: 'deepClass',
  },
  {
    key: 'tree',
    label: 'a bit of everything',
    config: tree,
    traffic: { flows: 1000, hosts: 100, ports: 8 },
    baseline: null,
  },
];
