/** Who shapes the line in the comparison of paced TCP: queues of the kernel, and this program. */
import { call } from '../../src/client/client.ts';
import type { Lab } from '../lab/lab.ts';
import { startShaper } from '../lab/shaper.ts';

/** A direction of the router's wan0 and its rate. */
export interface Line {
  readonly direction: 'up' | 'down';
  readonly rateKbit: number;
}

export interface PacedShaper {
  readonly key: string;
  readonly label: string;
  /** Shapes the line. Returns what takes it away again. */
  start(lab: Lab, line: Line): Promise<() => Promise<unknown>>;
}

/** Linux's default for Ethernet. */
const FIFO_PACKETS = 1000;

/**
 * Commands of tc after `qdisc add dev DEVICE`; what comes down by wan0 is shaped where it leaves, at lan0.
 */
function kernel(key: string, label: string, leaf: string | null): PacedShaper {
  return {
    key,
    label,
    start: async ({ router }, { direction, rateKbit }) => {
      const device = direction === 'up' ? 'wan0' : 'lan0';
      const root = `tc qdisc add dev ${device} root handle 1:`;
      const htb = [
        `${root} stab overhead -14 linklayer ethernet htb default 1`,
        `tc class add dev ${device} parent 1: classid 1:1 htb rate ${rateKbit}kbit ceil ${rateKbit}kbit`,
        `tc qdisc add dev ${device} parent 1:1 handle 2: ${leaf}`,
      ];
      const cake = [`${root} cake bandwidth ${rateKbit}kbit overhead 0`];
      for (const command of leaf === null ? cake : htb) await router.exec(command.split(' '));
      return () => router.exec(['tc', 'qdisc', 'del', 'dev', device, 'root']);
    },
  };
}

function program(key: string, label: string, tcp: string): PacedShaper {
  return {
    key,
    label,
    start: async (lab, { direction, rateKbit }) => {
      const classes = `classes: { tcp: { match: { proto: tcp }${tcp} } }`;
      const config = `links: { wan: { device: wan0, ${direction}: { rate: ${rateKbit}kbit, ${classes} } } }\nnfqueue: { backend: nft }\n`;
      // In virtual time reading the program's files takes arbitrarily long.
      const shaper = await startShaper(lab, config, { entry: 'dist', readyMs: 1_000_000 });
      // Not by the command line: starting node takes seconds in an emulated machine.
      await call(shaper.socketPath, 'GET', '/v1/status');
      return () => shaper.stop();
    },
  };
}

export const PACED_SHAPERS: readonly PacedShaper[] = [
  kernel('fifo', 'HTB, FIFO', `pfifo limit ${FIFO_PACKETS}`),
  kernel('fq_codel', 'HTB, fq_codel', 'fq_codel'),
  kernel('cake', 'CAKE', null),
  program('shaper', 'shaper, defaults', ''),
  program('paced', 'shaper, tcp.pace', ', tcp: { pace: true }'),
];
