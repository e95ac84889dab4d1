/** The programs that drain queues in the bench, and how each of them is started. */
import type { ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compiledScript } from './compiled.ts';
import type { CoreReport } from './drain-core.ts';
import type { Lab } from './lab/lab.ts';
import { nativeProgram } from './lab/native.ts';
import { loadNpmPackage } from './npm-nfqueue.ts';

const QUEUE_LENGTH = 65536;
const FIRST_QUEUE = 40;
const FIRST_PORT = 7000;

/**
 * Classes, per-flow buckets and RED, none of which delays conforming traffic: the cost of deciding alone.
 */
export const CONFORMING_CONFIG = `
links:
  wan:
    device: wan0
    up:
      rate: 40gbit
      classes:
        voice: { ceil: 10gbit, match: [{ proto: udp, dport: 5060-5090 }, { dscp: ef }] }
        work: { ceil: 20gbit, match: { src: [10.0.0.0/16, "fd00:1::/64"] } }
        web: { ceil: 20gbit, match: { proto: tcp, dport: [80, 443] } }
        ping: { match: { proto: icmp }, police: { rate: 1gbit } }
        bulk:
          ceil: 30gbit
          match: { proto: udp, dport: 7000-7999 }
          each: { by: flow, rate: 10gbit }
          queue:
            discipline: fifo
            limit: 1MB
            aqm: { red: { min: 30kB, max: 90kB, probability: 0.1, weight: 0.002, gentle: true } }
`;

/**
 * The program as it ships, with its own rules, in a lab of its own: they match everything that crosses the
 * router.
 */
export const WHOLE_PROGRAM = {
  key: 'program',
  label: 'the whole program',
  queue: 100,
  port: 7099,
  config: `${CONFORMING_CONFIG}nfqueue: { first: 100, count: 1, length: ${QUEUE_LENGTH}, gso: false }\n`,
} as const;

export interface Contender {
  readonly key: string;
  readonly label: string;
  /** null: cannot run here, see `missing`. */
  readonly command: readonly string[] | null;
  readonly missing?: string;
  readonly queue: number;
  /** Traffic to this port goes to its queue. */
  readonly port: number;
}

/** The core over the addon or over the npm package, without the program around it. */
export function coreCommand(
  over: 'addon' | 'npm',
  queue: number,
  configPath: string,
  hosts: 'hosts' | 'no-hosts' = 'hosts',
): Promise<readonly string[]> {
  return compiledScript('drain-core', over, queue, QUEUE_LENGTH, configPath, hosts);
}

interface Entry {
  readonly key: string;
  readonly label: string;
  readonly make: (queue: number) => Promise<readonly string[]>;
  readonly missing?: string;
}

export async function listContenders(lab: Lab): Promise<Contender[]> {
  const acceptall = await nativeProgram('acceptall');
  const configPath = join(lab.folder, 'conforming.yaml');
  writeFileSync(configPath, CONFORMING_CONFIG);
  const npm = loadNpmPackage() ? {} : { missing: 'the optional npm package nfqueue is not installed' };
  const entries: Entry[] = [
    {
      key: 'c256',
      label: 'C loop, 256 verdicts per send',
      make: async (q) => [acceptall, '--queue', String(q), '--verdicts', '256'],
    },
    {
      key: 'c1',
      label: 'C loop, one verdict per send',
      make: async (q) => [acceptall, '--queue', String(q), '--verdicts', '1'],
    },
    {
      key: 'cbatch',
      label: 'C loop, one batch verdict per 256',
      make: async (q) => [acceptall, '--queue', String(q), '--verdicts', '0'],
    },
    {
      key: 'core',
      label: 'our core over our addon',
      make: (q) => coreCommand('addon', q, configPath),
    },
    {
      key: 'npm',
      label: 'npm nfqueue, accept all',
      make: (q) => compiledScript('drain-npm', q, QUEUE_LENGTH),
      ...npm,
    },
    {
      key: 'npmcore',
      label: 'our core over npm nfqueue',
      make: (q) => coreCommand('npm', q, configPath),
      ...npm,
    },
  ];
  return Promise.all(
    entries.map(async ({ key, label, make, missing }, i) => ({
      key,
      label,
      command: missing ? null : await make(FIRST_QUEUE + i),
      ...(missing && { missing }),
      queue: FIRST_QUEUE + i,
      port: FIRST_PORT + i,
    })),
  );
}

/** Forwarded traffic from the client. */
export interface QueuedTraffic {
  readonly protocol: 'udp' | 'tcp';
  readonly port?: number;
  /** Prefix of source addresses. */
  readonly source?: string;
}

/** Sends it into `queue`; after the verdict a packet does not come back to these rules. */
export async function queueRule(lab: Lab, traffic: QueuedTraffic, queue: number): Promise<void> {
  const { protocol, port, source } = traffic;
  const match = [
    ...['-i', 'lan0', '-p', protocol],
    ...(source === undefined ? [] : ['-s', source]),
    ...(port === undefined ? [] : ['--dport', String(port)]),
  ];
  const target = ['-j', 'NFQUEUE', '--queue-num', String(queue)];
  await lab.router.exec(['iptables', '-A', 'FORWARD', ...match, ...target]);
}

/** Starts it in the router and waits for its "ready". */
export async function startContender(lab: Lab, command: readonly string[]): Promise<ChildProcess> {
  const child = lab.router.spawn(command);
  let errors = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  await new Promise<void>((resolve, reject) => {
    child.stdout?.once('data', () => resolve());
    child.once('exit', () => reject(new Error(`${command.join(' ')} ended early\n${errors}`)));
  });
  return child;
}

/** The counters of a core started by coreCommand(). SIGTERM ends it as well. */
export async function askCore(child: ChildProcess, signal: 'SIGUSR2' | 'SIGTERM'): Promise<CoreReport> {
  const answer = new Promise<string>((resolve, reject) => {
    child.stdout?.once('data', (data: Buffer) => resolve(data.toString()));
    child.once('exit', () => reject(new Error(`the core ended without an answer to ${signal}`)));
  });
  child.kill(signal);
  return JSON.parse(await answer) as CoreReport;
}
