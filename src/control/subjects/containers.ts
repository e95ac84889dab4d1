/**
 * Containers of docker and podman, by their own files, which root can read. A container of another engine is
 * found by the beginning of its id, which is in the name of its control group.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { unlessGone } from '../../io/unless-gone.ts';

export interface ContainerName {
  /** 64 hexadecimal digits. */
  readonly id: string;
  /** Empty if it has none. */
  readonly name: string;
  /** Its first process, if the engine tells it; null if it does not run. */
  readonly pid: number | null;
}

const DOCKER = '/var/lib/docker/containers';
const PODMAN = '/var/lib/containers/storage';
const PODMAN_FILES = ['containers.json', 'volatile-containers.json'];
const NSENTER_MS_MAX = 2000;

/** `root` stands before the paths of the engines. */
export function listContainers(root = ''): ContainerName[] {
  return [...dockerContainers(root), ...podmanContainers(root)];
}

function dockerContainers(root: string): ContainerName[] {
  return namesIn(root + DOCKER).flatMap((id) => {
    const found = jsonOf(`${root}${DOCKER}/${id}/config.v2.json`) as {
      ID?: string;
      Name?: string;
      State?: { Pid?: number; Running?: boolean };
    } | null;
    if (typeof found?.ID !== 'string') return [];
    const pid = found.State?.Running === true ? (found.State.Pid ?? 0) : 0;
    return [{ id: found.ID, name: (found.Name ?? '').replace(/^\//, ''), pid: pid > 0 ? pid : null }];
  });
}

/** Podman keeps a list for each storage driver: overlay-containers, vfs-containers. */
function podmanContainers(root: string): ContainerName[] {
  const folders = namesIn(root + PODMAN).filter((name) => name.endsWith('-containers'));
  return folders.flatMap((folder) =>
    PODMAN_FILES.flatMap((file) => {
      const found = jsonOf(`${root}${PODMAN}/${folder}/${file}`);
      return Array.isArray(found) ? found.flatMap(podmanContainer) : [];
    }),
  );
}

function podmanContainer(entry: { id?: unknown; names?: unknown }): ContainerName[] {
  if (typeof entry.id !== 'string') return [];
  const names = Array.isArray(entry.names) ? entry.names : [];
  return [{ id: entry.id, name: String(names[0] ?? ''), pid: null }];
}

/** The id in the name of a control group: `docker-ID.scope`, `libpod-ID.scope`, `ID`. */
export function containerIdOf(group: string): string | null {
  return /^(?:[a-z][a-z-]*-)?([0-9a-f]{64})(?:\.scope)?$/.exec(group)?.[1] ?? null;
}

/** Addresses of the network namespace of a process that others can reach, as texts. */
export function addressesOf(pid: number, proc = '/proc'): string[] {
  const addresses = new Set<string>();
  let last = '';
  // A line `|-- 172.17.0.2` is followed by `/32 host LOCAL` if the address is one of that namespace.
  for (const line of (textOf(`${proc}/${pid}/net/fib_trie`) ?? '').split('\n')) {
    const address = /\|-- (\S+)/.exec(line)?.[1];
    if (address !== undefined) last = address;
    else if (line.includes('/32 host LOCAL') && !last.startsWith('127.')) addresses.add(last);
  }
  for (const line of (textOf(`${proc}/${pid}/net/if_inet6`) ?? '').split('\n')) {
    const [hex, , , scope] = line.trim().split(/\s+/);
    // 00: global; others are of the loopback or of one link.
    if (hex?.length === 32 && scope === '00') addresses.add(hex.match(/.{4}/g)!.join(':'));
  }
  return [...addresses];
}

/** Indexes of the devices outside to which the devices of the namespace of a process lead (veth). */
export function outsideEnds(pid: number, proc = '/proc'): number[] {
  return endsInSys(pid, proc) ?? endsByIp(pid, proc);
}

/** By the /sys of the process, unless it shows another namespace than that of the process. */
function endsInSys(pid: number, proc: string): number[] | null {
  const folder = `${proc}/${pid}/root/sys/class/net`;
  const shown = namesIn(folder).sort();
  const own = [...(textOf(`${proc}/${pid}/net/dev`) ?? '').matchAll(/^\s*([^\s:|]+):/gm)].map((m) => m[1]!);
  if (shown.length === 0 || shown.join(' ') !== own.sort().join(' ')) return null;
  return shown.flatMap((name) => {
    const outside = Number(textOf(`${folder}/${name}/iflink`));
    return outside > 0 && outside !== Number(textOf(`${folder}/${name}/ifindex`)) ? [outside] : [];
  });
}

/** `2: eth0@if7: <…>` */
function endsByIp(pid: number, proc: string): number[] {
  try {
    const text = execFileSync('nsenter', [`--net=${proc}/${pid}/ns/net`, 'ip', '-o', 'link'], {
      encoding: 'utf8',
      timeout: NSENTER_MS_MAX,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return [...text.matchAll(/^\d+: [^@\s]+@if(\d+):/gm)].map(([, index]) => Number(index));
  } catch {
    // Neither program has to be there: the addresses are known all the same.
    return [];
  }
}

function jsonOf(path: string): unknown {
  const text = textOf(path);
  if (text === null) return null;
  try {
    return JSON.parse(text);
  } catch (error) {
    // The engine is writing it.
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function textOf(path: string): string | null {
  return unlessGone(() => readFileSync(path, 'utf8'));
}

function namesIn(path: string): string[] {
  return unlessGone(() => readdirSync(path)) ?? [];
}
