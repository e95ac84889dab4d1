/** What shapes the traffic of `bench -- cost`, and how each of them is started and ended. */
import { CONFORMING_CONFIG, queueRule, startContender } from './contenders.ts';
import type { Lab } from './lab/lab.ts';
import { nativeProgram } from './lab/native.ts';
import { ended } from './lab/process.ts';
import { startShaper } from './lab/shaper.ts';

/** UDP from client to server. */
export interface Load {
  readonly key: string;
  readonly label: string;
  /** IP length of every packet. */
  readonly bytes: number;
  readonly bitsPerSec: number;
  /** So many packets leave together. */
  readonly gather: number;
}

export interface CostShaper {
  readonly key: string;
  readonly label: string;
  /** A process takes the packets. */
  readonly isProgram: boolean;
  readonly isHere: (lab: Lab) => Promise<boolean>;
  /** Shapes UDP to this port, or all that crosses the router, until the answer is called. */
  readonly start: (lab: Lab, port: number) => Promise<() => Promise<void>>;
}

const QUEUE = 62;
const DEVICE = 'wan0';
const always = async (): Promise<boolean> => true;

const tc = (lab: Lab, ...words: readonly string[]) => lab.router.exec(['tc', ...words], { check: false });

/** A loop in C that accepts every packet, with so many verdicts per send. */
function loop(key: string, label: string, verdicts: number): CostShaper {
  return {
    ...{ key, label, isProgram: true, isHere: always },
    start: async (lab, port) => {
      const command = [
        await nativeProgram('acceptall'),
        '--queue',
        String(QUEUE),
        '--verdicts',
        String(verdicts),
      ];
      const child = await startContender(lab, command);
      await queueRule(lab, { protocol: 'udp', port }, QUEUE);
      return async () => {
        await lab.router.exec(['iptables', '-F', 'FORWARD']);
        child.kill('SIGTERM');
        await ended(child, 10_000);
      };
    },
  };
}

/** HTB with one class that limits nothing, and another discipline below it. */
function htb(key: string, label: string, below: readonly string[]): CostShaper {
  const commands = [
    ['qdisc', 'add', 'dev', DEVICE, 'root', 'handle', '1:', 'htb', 'default', '10'],
    ['class', 'add', 'dev', DEVICE, 'parent', '1:', 'classid', '1:1', 'htb', 'rate', '1gbit'],
    ['class', 'add', 'dev', DEVICE, 'parent', '1:1', 'classid', '1:10', 'htb', 'rate', '1gbit'],
    ['qdisc', 'add', 'dev', DEVICE, 'parent', '1:10', 'handle', '10:', ...below],
  ];
  const remove = (lab: Lab) => tc(lab, 'qdisc', 'del', 'dev', DEVICE, 'root');
  const add = async (lab: Lab): Promise<boolean> => {
    for (const words of commands) if ((await tc(lab, ...words)).code !== 0) return false;
    return true;
  };
  return {
    ...{ key, label, isProgram: false },
    isHere: async (lab) => {
      const isHere = await add(lab);
      await remove(lab);
      return isHere;
    },
    start: async (lab) => {
      if (!(await add(lab))) throw new Error(`tc refuses ${label}`);
      return async () => {
        await remove(lab);
      };
    },
  };
}

function ours(key: string, label: string, config: string): CostShaper {
  return {
    ...{ key, label, isProgram: true, isHere: always },
    start: async (lab) => {
      const shaper = await startShaper(lab, config);
      return async () => {
        await shaper.stop();
      };
    },
  };
}

const DEFAULT_CONFIG = `links: { wan: { device: ${DEVICE}, up: 1gbit, down: 1gbit } }\n`;
/** Every stage has work, and none of it delays a packet. */
const FULL_POLICY = `${CONFORMING_CONFIG}quotas: { all: { windows: { over: 1d, up: 100TB }, then: { throttle: { up: 1mbit } } } }
history: { file: none }
`;

export const COST_SHAPERS: readonly CostShaper[] = [
  {
    ...{ key: 'nothing', label: 'nothing', isProgram: false, isHere: always },
    start: async () => async () => undefined,
  },
  loop('c1', 'C loop, single verdicts', 1),
  loop('c256', 'C loop, batches', 256),
  htb('htb', 'HTB', ['pfifo', 'limit', '1000']),
  htb('htb-fq-codel', 'HTB + fq_codel', ['fq_codel']),
  ours('shaper', 'shaper, default', DEFAULT_CONFIG),
  ours('shaper-full', 'shaper, full policy', FULL_POLICY),
];
