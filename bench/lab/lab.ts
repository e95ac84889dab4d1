/**
 * Three hosts in network namespaces: client -- router -- server, IPv4 and IPv6, forwarding on, cubic
 * everywhere.
 *
 *   client            router             server
 *   eth0 ------------ lan0  wan0 ------- eth0
 *   10.77.1.2         10.77.1.1          10.77.2.2
 *   fd77:1::2         10.77.2.1          fd77:2::2
 *
 * Namespaces are named shlab-PID-THREAD-N-HOST, so labs of several processes run side by side, and the
 * leftovers of a killed process are recognised.
 */
import { type ChildProcess, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';
import { ended, type Finished, onProcessEnd, type RunOptions, run, start } from './process.ts';

const PREFIX = 'shlab-';
const NAMESPACE_FOLDER = '/run/netns';
let labs = 0;

export interface Addresses {
  readonly v4: string;
  readonly v6: string;
}

export interface Host {
  readonly name: string;
  /** Name of the network namespace. */
  readonly ns: string;
  /** The router's are those towards the client. */
  readonly addresses: Addresses;
  /** Runs a command in the namespace to its end; rejects on failure unless `check: false`. */
  exec(command: readonly string[], options?: RunOptions): Promise<Finished>;
  /** Starts a command in the namespace; close() of the lab ends it. */
  spawn(command: readonly string[]): ChildProcess;
}

export interface Lab {
  readonly client: Host;
  readonly router: Host;
  readonly server: Host;
  /** A folder for this lab's files (configuration, sockets); removed by close(). */
  readonly folder: string;
  /** Ends every process in the namespaces and removes them. */
  close(): Promise<void>;
}

export interface LabOptions {
  /** false: end hosts send single segments instead of superpackets. */
  readonly offloads?: boolean;
  readonly mtuBytes?: number;
  /**
   * true: hosts see the file systems of this machine, control groups and FUSE mounts among them. `ip netns
   * exec` gives each command a /sys of its own, in which neither is.
   */
  readonly hasMounts?: boolean;
}

interface Started {
  readonly children: Set<ChildProcess>;
  readonly hasMounts: boolean;
}

function makeHost(name: string, ns: string, addresses: Addresses, started: Started): Host {
  const { children, hasMounts } = started;
  const enter = hasMounts ? ['nsenter', `--net=${NAMESPACE_FOLDER}/${ns}`] : ['ip', 'netns', 'exec', ns];
  const inside = (command: readonly string[]): string[] => [...enter, ...command];
  return {
    name,
    ns,
    addresses,
    exec: (command, options) => run(inside(command), options),
    spawn: (command) => {
      const child = start(inside(command));
      children.add(child);
      child.once('exit', () => children.delete(child));
      child.stdin?.on('error', () => undefined); // the child's end is seen by its exit, not by EPIPE
      return child;
    },
  };
}

/** Kills what runs in the namespaces and deletes them; synchronous, so that it also works while dying. */
function destroyNamespaces(names: readonly string[]): void {
  for (const ns of names) {
    const pids = spawnSync('ip', ['netns', 'pids', ns], { encoding: 'utf8' }).stdout ?? '';
    for (const pid of pids.split('\n').filter(Boolean)) killQuietly(Number(pid));
    spawnSync('ip', ['netns', 'delete', ns]);
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // it ended by itself
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** A name that a lab gave to something, whose process is gone. */
function isOrphan(name: string): boolean {
  const pid = /^shlab-(\d+)-/.exec(name)?.[1];
  return pid !== undefined && !isAlive(Number(pid));
}

/**
 * Removes the namespaces and folders of labs whose process was killed. Returns the names of the namespaces.
 */
export function removeLeftovers(): string[] {
  const names = namespaceNames().filter(isOrphan);
  destroyNamespaces(names);
  for (const name of readdirSync(tmpdir()).filter(isOrphan)) {
    rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
  return names;
}

/** All namespaces of labs that exist now. */
export function namespaceNames(): string[] {
  try {
    return readdirSync(NAMESPACE_FOLDER).filter((name) => name.startsWith(PREFIX));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

const SYSCTLS = [
  'net.ipv4.conf.all.rp_filter=0',
  'net.ipv4.conf.default.rp_filter=0',
  'net.ipv6.conf.all.accept_dad=0',
  'net.ipv6.conf.default.accept_dad=0',
];
/**
 * Routes choose the congestion control. As a sysctl of a namespace the kernel accepts only algorithms that
 * the whole machine allows to everybody, and a lab changes nothing of the machine.
 */
const CUBIC = 'congctl cubic';
const ROUTER_SYSCTLS = ['net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1'];

/** The router's addresses towards the server. */
export const OUTSIDE: Addresses = { v4: '10.77.2.1', v6: 'fd77:2::1' };

async function build(client: Host, router: Host, server: Host, options: LabOptions): Promise<void> {
  const mtu = `mtu ${options.mtuBytes ?? 1500}`;
  await router.exec(['sysctl', '-q', '-w', ...ROUTER_SYSCTLS]);
  const links = [
    `link add lan0 netns ${router.ns} ${mtu} type veth peer name eth0 netns ${client.ns} ${mtu}`,
    `link add wan0 netns ${router.ns} ${mtu} type veth peer name eth0 netns ${server.ns} ${mtu}`,
  ];
  await run(['ip', '-batch', '-'], { input: links.join('\n') });
  const inside = (host: Host, lines: string[]): Promise<Finished> =>
    run(['ip', '-n', host.ns, '-batch', '-'], { input: ['link set lo up', ...lines].join('\n') });
  const segments = options.offloads === false ? ['link set eth0 gso_max_segs 1'] : [];
  const addressed = (device: string, v4: string, v6: string): string[] => [
    `addr add ${v4}/24 dev ${device} noprefixroute`,
    `addr add ${v6}/64 dev ${device} nodad noprefixroute`,
    `link set ${device} up`,
    `route add ${v4.replace(/\d+$/, '0')}/24 dev ${device} scope link src ${v4} ${CUBIC}`,
    `route add ${v6.replace(/\d+$/, '')}/64 dev ${device} ${CUBIC}`,
  ];
  await inside(router, [
    ...addressed('lan0', '10.77.1.1', 'fd77:1::1'),
    ...addressed('wan0', OUTSIDE.v4, OUTSIDE.v6),
  ]);
  const end = (host: Host, n: 1 | 2): Promise<Finished> =>
    inside(host, [
      ...segments,
      ...addressed('eth0', host.addresses.v4, host.addresses.v6),
      `route add default via 10.77.${n}.1 ${CUBIC}`,
      `route add default via fd77:${n}::1 ${CUBIC}`,
    ]);
  await Promise.all([end(client, 1), end(server, 2)]);
  // Neighbours are resolved before anything is shaped or timed.
  for (const address of [server.addresses.v4, server.addresses.v6]) {
    await client.exec(['ping', '-c', '1', '-W', '20', address]);
  }
}

/** Hosts without any link between them: the lab's, and those of tests that need others. */
export interface Hosts<Name extends string> {
  readonly hosts: Readonly<Record<Name, Host>>;
  readonly folder: string;
  close(): Promise<void>;
}

/** New namespaces. The caller gives addresses and links to their devices. */
export async function createHosts<Name extends string>(
  addresses: Readonly<Record<Name, Addresses>>,
  hasMounts = false,
): Promise<Hosts<Name>> {
  removeLeftovers();
  const id = `${PREFIX}${process.pid}-${threadId}-${++labs}`;
  const started = { children: new Set<ChildProcess>(), hasMounts };
  const names = Object.keys(addresses) as Name[];
  const made = names.map((name): [Name, Host] => [
    name,
    makeHost(name, `${id}-${name}`, addresses[name], started),
  ]);
  const folder = mkdtempSync(join(tmpdir(), `${id}-`));
  const destroy = (): void => {
    destroyNamespaces(made.map(([, { ns }]) => ns));
    rmSync(folder, { recursive: true, force: true });
  };
  const forget = onProcessEnd(destroy);
  const close = async (): Promise<void> => {
    forget();
    destroy();
    await Promise.all([...started.children].map((child) => ended(child, 10_000)));
  };
  try {
    for (const [, { ns }] of made) await run(['ip', 'netns', 'add', ns]);
    await Promise.all(made.map(([, host]) => host.exec(['sysctl', '-q', '-w', ...SYSCTLS])));
  } catch (error) {
    await close();
    throw error;
  }
  return { hosts: Object.fromEntries(made) as Record<Name, Host>, folder, close };
}

export async function createLab(options: LabOptions = {}): Promise<Lab> {
  const { hosts, folder, close } = await createHosts(
    {
      client: { v4: '10.77.1.2', v6: 'fd77:1::2' },
      router: { v4: '10.77.1.1', v6: 'fd77:1::1' },
      server: { v4: '10.77.2.2', v6: 'fd77:2::2' },
    },
    options.hasMounts,
  );
  const { client, router, server } = hosts;
  try {
    await build(client, router, server, options);
  } catch (error) {
    await close();
    throw error;
  }
  return { client, router, server, folder, close };
}
