/**
 * The experiments of QUALITATIVE.json: their traffic, what is measured, how near it must come, and what they
 * are to show.
 */

import { drawExponential } from '../../src/base/chance.ts';
import { jainIndex } from '../../src/base/fairness.ts';
import { scenarioChance } from '../../src/sim/scenarios/parts.ts';
import type { FlowSpec } from '../../src/sim/traffic/traffic.ts';
import { sum } from '../sim/experiments.ts';
import { correlation, MS, SECOND, tcp, udp } from '../sim/net.ts';
import {
  atMost,
  averaged,
  CODEL,
  CODEL_ECN,
  type Experiment,
  FROM,
  fifo,
  fqCodel,
  LINE,
  type Measured,
  type Numbers,
  near,
  PIE,
  RED,
  RENO,
  redQueue,
  renoFlows,
  run,
  SAMPLES,
  SECONDS,
  WARM_UP_SEC,
} from './qualitative-run.ts';

/** Names of fields, in megabits per second. */
const UDP = 'udp_Mbps';
const TCP = 'tcp_Mbps';
const LONG = 'long_Mbps';

/** Windows that are halved within 120 ms of each other count as halved together. */
const BIN = 6;

function synchronisation(queue: (n: Numbers) => string) {
  return (n: Numbers): Measured =>
    averaged(
      Array.from({ length: n.seeds }, (_, s) => {
        const found = run(n, queue(n), renoFlows(n.flows, n.rtt, s + 1), s + 1);
        const pairs = found.windows.flatMap((a, i) =>
          found.windows.slice(0, i).map((b) => correlation(a, b)),
        );
        const bins = Array.from({ length: Math.floor((SAMPLES - FROM) / BIN) }, (_none, b) =>
          found.reductions.map((flow) => (flow.slice(b * BIN, (b + 1) * BIN).some((k) => k > 0) ? 1 : 0)),
        ).map((flows: readonly number[]) => sum(flows));
        const middle = sum(bins) / bins.length;
        const halving = bins.filter((k) => k > 0);
        return {
          mean_pairwise_cwnd_correlation: sum(pairs) / pairs.length,
          fano_factor_of_halvings_per_120ms: sum(bins.map((k) => (k - middle) ** 2)) / bins.length / middle,
          mean_share_halving_together: sum(halving) / halving.length / n.flows,
          utilisation: found.utilisation,
          mean_delay_ms: found.meanDelayMs,
          p95_delay_ms: found.delayMs(0.95),
        };
      }),
    );
}

const globalSynchronisation: Experiment = {
  numbers: {
    flows: { in: /(\d+) TCP flows/ },
    rtt: { in: /([\d.]+) ms base RTT/ },
    line: LINE,
    seeds: { in: /(\d+) seeds/, or: 3 },
    limit: { in: /drop tail (\d+) packets/ },
    ...RED,
  },
  variants: {
    droptail: synchronisation((n) => fifo(n.limit)),
    red: synchronisation(redQueue),
    codel: synchronisation(() => CODEL),
  },
  margins: {
    mean_pairwise_cwnd_correlation: near(0.2),
    fano_factor_of_halvings_per_120ms: near(0.6, 0.5),
    mean_share_halving_together: near(0.3),
    utilisation: near(0.03),
    mean_delay_ms: near(3, 0.4),
    p95_delay_ms: near(5, 0.4),
  },
  check({ droptail, ...early }) {
    if (!droptail) return undefined;
    for (const [name, own] of Object.entries(early)) {
      const closer = droptail.mean_pairwise_cwnd_correlation - own.mean_pairwise_cwnd_correlation;
      if (closer < 0.4) return `the windows' correlation under ${name} is only ${closer} below drop tail's`;
      if (own.fano_factor_of_halvings_per_120ms > 0.7 * droptail.fano_factor_of_halvings_per_120ms)
        return `windows are halved together under ${name}`;
      if (own.utilisation < droptail.utilisation - 0.03) return `${name} leaves the line idle`;
      if (own.mean_delay_ms > 0.7 * droptail.mean_delay_ms) return `the queue of ${name} is not shorter`;
    }
    return undefined;
  },
};

const MTU_BITS = 8 * 1500;

function sparse(queue: string) {
  return (n: Numbers): Measured => {
    const flow = { ...udp('sparse', n.sparse * 125, n.packet), startNs: WARM_UP_SEC * SECOND };
    const { world, delayMs } = run(n, queue, [...renoFlows(n.bulk, 40, 1), flow], 1);
    const { meter } = world;
    const row = meter.names.indexOf('sparse');
    return {
      sparse_p50_ms: meter.delayPercentileNs(row, 0.5) / MS,
      sparse_p99_ms: meter.delayPercentileNs(row, 0.99) / MS,
      sparse_max_ms: meter.delayMaxNs[row] / MS,
      bulk_p50_ms: delayMs(0.5),
      sparse_drops: meter.shaperDrops[row],
      // A packet of each bulk flow, the one that is being sent, and its own.
      round_ms: ((n.bulk + 2) * MTU_BITS) / (n.line * 1000),
      jain_bulk: jainIndex([...meter.deliveredBytes.slice(0, n.bulk)]),
    };
  };
}

const sparseFlowDelay: Experiment = {
  numbers: {
    bulk: { in: /(\d+) bulk TCP/ },
    sparse: { in: /([\d.]+) kbit\/s flow/ },
    packet: { in: /of (\d+) B packets/ },
    line: { in: /on ([\d.]+) Mbit\/s/ },
  },
  variants: { 'fifo-1000': sparse(fifo(1000)), codel: sparse(CODEL), 'fq-codel': sparse(fqCodel(1000)) },
  margins: {
    sparse_p50_ms: near(3, 0.5),
    sparse_p99_ms: near(3, 0.7),
    // No quantile of many but one packet's fate: of a FIFO of 1000 packets it depends on who fills it when.
    sparse_max_ms: atMost(1, 0.6),
    bulk_p50_ms: near(5, 0.5),
    sparse_drops: near(20),
    jain_bulk: near(0.45),
  },
  check({ 'fifo-1000': plain, 'fq-codel': fair }) {
    if (fair && fair.sparse_p99_ms >= 5) return `the sparse flow waits ${fair.sparse_p99_ms} ms`;
    if (fair && fair.sparse_max_ms > fair.round_ms)
      return `a sparse packet waits ${fair.sparse_max_ms} ms, longer than a round of ${fair.round_ms} ms`;
    if (fair && fair.sparse_drops > 0) return `the sparse flow lost ${fair.sparse_drops} packets`;
    if (fair && fair.jain_bulk < 0.98) return `bulk flows do not share equally: ${fair.jain_bulk}`;
    if (plain && plain.sparse_p99_ms < 200)
      return `a FIFO of 1000 packets delays by ${plain.sparse_p99_ms} ms only`;
    return undefined;
  },
};

function single(queue: string, ecn = false) {
  return (n: Numbers): Measured => {
    const found = run(n, queue, renoFlows(1, n.rtt, 1, ecn), 1);
    const { marked, dropAqm } = found.world.engine.stats;
    return {
      marked: sum([...marked]),
      dropped_by_aqm: sum([...dropAqm]),
      utilisation: found.utilisation,
      p50_ms: found.delayMs(0.5),
      p95_ms: found.delayMs(0.95),
      arrival_drop_rate: found.arrivalDropRate,
    };
  };
}

const singleFlowDelay: Experiment = {
  numbers: { rtt: { in: /([\d.]+) ms base RTT/ }, line: LINE },
  variants: {
    'fifo-1000': single(fifo(1000)),
    codel: single(CODEL),
    'codel-ecn': single(CODEL_ECN, true),
    pie: single(PIE),
  },
  margins: {
    utilisation: near(0.1),
    p50_ms: near(5, 0.5),
    p95_ms: near(10, 0.5),
    arrival_drop_rate: near(0.005),
  },
  check({ 'fifo-1000': plain, codel, 'codel-ecn': marked, pie }) {
    for (const own of [codel, marked]) {
      if (own && (own.p50_ms > 10 || own.utilisation < 0.85)) return `CoDel: ${JSON.stringify(own)}`;
    }
    if (codel && (codel.marked > 0 || codel.dropped_by_aqm === 0)) return 'CoDel without ECN is to drop';
    if (marked && (marked.marked === 0 || marked.dropped_by_aqm > 0))
      return `CoDel with ECN marked ${marked.marked} and dropped ${marked.dropped_by_aqm}; it is to mark instead of dropping`;
    if (plain && plain.p50_ms < 200) return `a FIFO of 1000 packets delays by ${plain.p50_ms} ms only`;
    if (pie && Math.abs(pie.p50_ms - 15) > 5) return `PIE holds ${pie.p50_ms} ms, not 15`;
    return undefined;
  },
};

function unresponsive(queue: (n: Numbers) => string) {
  return (n: Numbers): Measured => {
    const flow = udp('udp', n.udp * 125_000, 1500);
    const { world } = run(n, queue(n), [...renoFlows(n.flows, 60, 1), flow], 1);
    const { meter } = world;
    const [udpRow, arrived] = [meter.names.indexOf('udp'), meter.deliveredBytes];
    const tcpBytes = sum([...arrived.slice(0, n.flows)]);
    const lost = sum([...meter.shaperDrops.slice(0, n.flows)]);
    return {
      [UDP]: (arrived[udpRow] * 8) / SECONDS / 1e6,
      [TCP]: (tcpBytes * 8) / SECONDS / 1e6,
      udp_not_delivered_share: 1 - arrived[udpRow] / meter.sentBytes[udpRow],
      tcp_drop_rate_at_arrival: lost / (tcpBytes / 1500 + lost),
    };
  };
}

const udpThroughRed: Experiment = {
  numbers: {
    flows: { in: /(\d+) TCP flows/ },
    udp: { in: /([\d.]+) Mbit\/s constant/ },
    line: { in: /on ([\d.]+) Mbit\/s/ },
    limit: { in: /FQ limit (\d+) packets/, or: 600 },
    ...RED,
  },
  variants: {
    droptail: unresponsive(() => fifo(60)),
    red: unresponsive(redQueue),
    'fq-codel': unresponsive((n) => fqCodel(n.limit)),
  },
  margins: {
    [UDP]: near(0.1, 0.1),
    [TCP]: near(0.2, 0.12),
    udp_not_delivered_share: near(0.06),
    tcp_drop_rate_at_arrival: near(0.03),
  },
  check({ red, 'fq-codel': fair }) {
    if (red) {
      const { udp_not_delivered_share: ofUdp, tcp_drop_rate_at_arrival: ofTcp } = red;
      if (Math.abs(ofUdp - ofTcp) > 0.25 * Math.max(ofUdp, ofTcp))
        return `RED takes ${ofUdp} of UDP, ${ofTcp} of TCP`;
      if (ofUdp > 0.1) return `RED polices UDP: ${ofUdp} lost`;
    }
    if (red && fair && fair[UDP] > 0.6 * red[UDP]) return `fair queueing leaves UDP ${fair[UDP]} Mbit/s`;
    return undefined;
  },
};

function shortTransfers(queue: (n: Numbers) => string) {
  return (n: Numbers): Measured => {
    const prng = scenarioChance(1);
    const long = renoFlows(n.long, n.rtt, 1).map((flow) => ({ ...flow, name: `long ${flow.name}` }));
    const short: FlowSpec[] = [];
    for (let at = 5; at < 53; at += drawExponential(prng, 1 / n.perSecond)) {
      const ports = { startNs: Math.round(at * SECOND), sport: 50_000 + short.length };
      short.push(tcp('short', n.rtt * MS, { ...ports, bytes: n.packets * 1448, options: RENO }));
    }
    const { world } = run(n, queue(n), [...long, ...short], 1, 55);
    const { meter } = world;
    const row = meter.names.indexOf('short');
    return {
      short_flows: meter.completions[row],
      mean_fct_ms: meter.completionSumNs[row] / meter.completions[row] / MS,
      p50_fct_ms: meter.completionPercentileNs(row, 0.5) / MS,
      p95_fct_ms: meter.completionPercentileNs(row, 0.95) / MS,
      [LONG]: (sum([...meter.deliveredBytes.slice(0, n.long)]) * 8) / 55 / 1e6,
    };
  };
}

const shortFlowsFirst: Experiment = {
  numbers: {
    long: { in: /(\d+) long TCP/ },
    perSecond: { in: /([\d.]+) short flows\/s/ },
    packets: { in: /of (\d+) packets/ },
    line: LINE,
    rtt: { in: /, ([\d.]+) ms/ },
    threshold: { in: /threshold (\d+) packets/ },
  },
  variants: {
    fifo: shortTransfers(() => fifo(60)),
    'two-band': shortTransfers(
      (n) => `discipline: short-first, short: ${n.threshold}p, aqm: none, limit: 60p`,
    ),
  },
  margins: {
    short_flows: near(0, 0.25),
    // A band that makes room at the expense of the longer one is quicker than the reference, which drops
    // short flows too.
    mean_fct_ms: atMost(0, 0.3),
    p50_fct_ms: atMost(20, 0.3),
    p95_fct_ms: atMost(20, 0.3),
    [LONG]: near(0, 0.05),
  },
  check({ fifo: plain, 'two-band': first }) {
    if (!plain || !first) return undefined;
    if (first.mean_fct_ms > 0.5 * plain.mean_fct_ms)
      return `short flows take ${first.mean_fct_ms} ms instead of ${plain.mean_fct_ms}`;
    return first[LONG] < 0.96 * plain[LONG] ? `long flows keep ${first[LONG]} Mbit/s only` : undefined;
  },
};

export const EXPERIMENTS: Readonly<Record<string, Experiment>> = {
  'global-synchronisation': globalSynchronisation,
  'sparse-flow-delay': sparseFlowDelay,
  'single-flow-delay': singleFlowDelay,
  'udp-through-red': udpThroughRed,
  'short-flows-first': shortFlowsFirst,
};
