/**
 * Who shapes the router's wan0 to 20 Mbit/s in the comparison: queue disciplines of the kernel, and this
 * program. Everybody counts the bytes of IP packets (the link header taken off with `overhead -14` in HTB,
 * `overhead 0` in CAKE), everything else is left at its default unless it says so here.
 */
import { call } from '../../src/client/client.ts';
import type { Lab } from '../lab/lab.ts';
import { type RunningShaper, type Status, startShaper } from '../lab/shaper.ts';

export const RATE_BITS_PER_SEC = 20e6;

/**
 * RED with the same thresholds at both: what this program takes by default at 20 Mbit/s, but for `gentle`.
 */
const RED = { limitBytes: 250_000, minBytes: 20_833, maxBytes: 62_500, probability: 0.1, weight: 1 / 512 };
/** Makes tc choose a weight of 2^-9; it takes no weight directly. */
const RED_BURST_PACKETS = 100;
/** veth has no queue of its own, so its length is the kernel's default for Ethernet. */
const PFIFO_PACKETS = 1000;

/** Signals to senders so far, in packets. */
export interface Signals {
  readonly dropped: number;
  readonly marked: number;
}

/** Shaping now; `stop` takes everything away again. */
export interface Shaping {
  signals(): Promise<Signals>;
  stop(): Promise<void>;
}

export interface Shaper {
  readonly key: string;
  readonly label: string;
  start(lab: Lab): Promise<Shaping>;
}

interface QdiscCounts {
  readonly handle: string;
  readonly drops?: number;
  /** fq_codel, in packets. */
  readonly ecn_mark?: number;
  /** RED: marked, or dropped where the packet is not ECN-capable, which counts as `early`. */
  readonly marked?: number;
  /** CAKE counts marks by tin. */
  readonly tins?: readonly { readonly ecn_mark: number }[];
}

const ROOT = 'tc qdisc add dev wan0 root handle 1:';
const LEAF = 'tc qdisc add dev wan0 parent 1:1 handle 2:';
const HTB = [
  `${ROOT} stab overhead -14 linklayer ethernet htb default 1`,
  'tc class add dev wan0 parent 1: classid 1:1 htb rate 20mbit ceil 20mbit',
];

/** `handle` is of the discipline whose counters count. */
function kernel(key: string, label: string, handle: string, commands: readonly string[]): Shaper {
  return {
    key,
    label,
    start: async ({ router }) => {
      for (const command of commands) await router.exec(command.split(' '));
      return {
        signals: async () => {
          const { stdout } = await router.exec(['tc', '-s', '-j', 'qdisc', 'show', 'dev', 'wan0']);
          const counts = (JSON.parse(stdout) as QdiscCounts[]).find((one) => one.handle === handle);
          if (!counts) throw new Error(`${key}: no discipline with handle ${handle} in ${stdout}`);
          const marksOfTins = (counts.tins ?? []).reduce((sum, tin) => sum + tin.ecn_mark, 0);
          return {
            dropped: counts.drops ?? 0,
            marked: marksOfTins + (counts.ecn_mark ?? 0) + (counts.marked ?? 0),
          };
        },
        stop: async () => {
          await router.exec(['tc', 'qdisc', 'del', 'dev', 'wan0', 'root']);
        },
      };
    },
  };
}

function program(key: string, label: string, up: string): Shaper {
  const config = `links: { wan: { device: wan0, up: ${up} } }\nnfqueue: { backend: nft }\n`;
  return {
    key,
    label,
    start: async (lab) => {
      // In virtual time reading the program's files takes arbitrarily long.
      const shaper: RunningShaper = await startShaper(lab, config, { entry: 'dist', readyMs: 1_000_000 });
      return {
        signals: async () => {
          // Not by the command line: starting node takes seconds in an emulated machine.
          const { classes } = (await call(shaper.socketPath, 'GET', '/v1/status')) as unknown as Status;
          const root = classes.find(({ path }) => path === 'wan/up');
          if (!root) throw new Error(`${key}: no class wan/up in the status`);
          const { tail, early, police, aqm } = root.dropped;
          return { dropped: tail + early + police + aqm, marked: root.marked };
        },
        stop: async () => {
          await shaper.stop();
        },
      };
    },
  };
}

const red = `{ min: ${RED.minBytes}B, max: ${RED.maxBytes}B, probability: ${RED.probability}, weight: ${RED.weight}, gentle: false }`;

export const SHAPERS: readonly Shaper[] = [
  kernel('pfifo', 'HTB, pfifo', '2:', [...HTB, `${LEAF} pfifo limit ${PFIFO_PACKETS}`]),
  kernel('kernel-red', 'HTB, RED', '2:', [
    ...HTB,
    `${LEAF} red limit ${RED.limitBytes} min ${RED.minBytes} max ${RED.maxBytes} avpkt 1000 ` +
      `burst ${RED_BURST_PACKETS} probability ${RED.probability} bandwidth 20mbit`,
  ]),
  program(
    'shaper-red',
    'shaper, fifo with RED',
    `{ rate: 20mbit, classes: { default: { queue: { discipline: fifo, limit: ${RED.limitBytes}B, aqm: { red: ${red} } } } } }`,
  ),
  kernel('fq_codel', 'HTB, fq_codel', '2:', [...HTB, `${LEAF} fq_codel`]),
  kernel('cake', 'CAKE', '1:', [`${ROOT} cake bandwidth 20mbit overhead 0`]),
  kernel('cake-src', 'CAKE, besteffort dual-srchost', '1:', [
    `${ROOT} cake bandwidth 20mbit besteffort dual-srchost overhead 0`,
  ]),
  program('shaper', 'shaper, defaults', '20mbit'),
];
