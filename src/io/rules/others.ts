/** Others in this network namespace: running instances, rules of dead instances, flowtables. */
import { RulesError, toolComplaint, toolError } from './errors.ts';
import { deleteTagged, findIptables } from './iptables.ts';
import { hex } from './mark.ts';
import {
  DEVICES_SET,
  firstQueueOfTable,
  MASK_SET,
  PROCESS_SET,
  plannedDevices,
  type RulesRequest,
  tableName,
} from './render-nft.ts';
import { runTool } from './tool.ts';

/** The nfqueue.first of every instance whose table exists. */
export async function liveInstances(): Promise<number[]> {
  // Not as JSON, where nft 1.0.6 prints uninitialised memory as the flags of an owned table.
  const result = await runTool('nft', ['list', 'tables', 'inet']);
  if (result.status !== 0) throw toolError('listing the nft tables', result.stdout + result.stderr);
  const instances: number[] = [];
  for (const line of result.stdout.split('\n')) {
    const first = firstQueueOfTable(line.replace(/^table inet /, '').trim());
    if (first !== null) instances.push(first);
  }
  return instances;
}

/** What the table of an instance says of it. */
export interface OtherInstance {
  readonly first: number;
  /** Tables are numbered in the order in which they were made. */
  readonly handle: number;
  readonly process: number | null;
  readonly devices: readonly string[];
  readonly markMasks: readonly number[];
}

/** null if the table does not exist (any more). Throws RulesError. */
async function readInstance(first: number): Promise<OtherInstance | null> {
  const table = tableName(first);
  const result = await runTool('nft', ['-a', 'list', 'table', 'inet', table]);
  const output = result.stdout + result.stderr;
  if (result.status === 0) return parseInstance(first, result.stdout);
  if (isAbsent(output)) return null;
  throw toolError(`listing table ${table}`, output);
}

/** Not from JSON, see liveInstances(). */
export function parseInstance(first: number, listing: string): OtherInstance {
  const elements = (set: string): string[] => {
    const [, list = ''] = new RegExp(`set ${set} \\{[^}]*?elements = \\{([^}]*)`).exec(listing) ?? [];
    return list.split(',').map((element) => element.trim().replaceAll('"', ''));
  };
  const numbers = (set: string): number[] => elements(set).filter(Boolean).map(Number);
  return {
    first,
    handle: Number(/# handle (\d+)/.exec(listing)?.[1] ?? 0),
    process: numbers(PROCESS_SET)[0] ?? null,
    devices: elements(DEVICES_SET).filter(Boolean),
    markMasks: numbers(MASK_SET),
  };
}

/** Whether nft did not find the object that it was to list. */
function isAbsent(output: string): boolean {
  return /No such file or directory/.test(output);
}

interface NftJson {
  readonly nftables?: readonly {
    readonly flowtable?: { readonly name: string; readonly table: string; readonly dev?: string | string[] };
  }[];
}

/** One line for each flowtable that takes established flows of these devices past FORWARD, and so past us. */
export function parseFlowtableClashes(json: string, devices: readonly string[]): string[] {
  const clashes: string[] = [];
  for (const { flowtable } of (JSON.parse(json) as NftJson).nftables ?? []) {
    if (!flowtable) continue;
    const covered = [flowtable.dev ?? []].flat().filter((device) => devices.includes(device));
    if (covered.length === 0) continue;
    clashes.push(
      `flowtable ${flowtable.name} of table ${flowtable.table} covers ${covered.join(', ')}: ` +
        'flows it has taken over are not shaped',
    );
  }
  return clashes;
}

/** Reasons why some packets will not be shaped, one readable line each. */
export async function findWarnings(devices: readonly string[]): Promise<string[]> {
  const result = await runTool('nft', ['-j', 'list', 'flowtables']);
  if (result.status !== 0) {
    const reason = toolComplaint(result.stdout + result.stderr);
    return [`flowtables cannot be listed, so some may take flows past the shaper: ${reason}`];
  }
  return parseFlowtableClashes(result.stdout, devices);
}

/** An instance in our way. */
export interface Rival {
  readonly process: number | null;
  /** One readable line each. */
  readonly reasons: readonly string[];
}

/** The bits of the marks of running instances, by nfqueue.first. */
export async function instanceMasks(): Promise<Map<number, number>> {
  const instances = await Promise.all((await liveInstances()).map(readInstance));
  const known = instances.filter((instance) => instance !== null);
  return new Map(
    known.map(({ first, markMasks }) => [first, markMasks.reduce((all, mask) => all | mask, 0) >>> 0]),
  );
}

/**
 * Instances to which this one must give way: they have its table, shape one of its devices, or have mark bits
 * of its mask. Once this instance has its table (`isClaimed`), only instances
 * that claimed theirs earlier count.
 */
export async function findRivals(request: RulesRequest, isClaimed: boolean): Promise<Rival[]> {
  const { first } = request.nfqueue;
  const read = await Promise.all((await liveInstances()).map(readInstance));
  const instances = read.filter((instance) => instance !== null);
  const own = isClaimed ? instances.find((instance) => instance.first === first) : undefined;
  return instances
    .filter((other) => own === undefined || other.handle < own.handle)
    .map((other) => ({ process: other.process, reasons: conflictsWith(other, request) }))
    .filter(({ reasons }) => reasons.length > 0);
}

/** Running instances other than `first` that shape some of these devices, one readable line each. */
export async function findDeviceRivals(first: number, devices: readonly string[]): Promise<string[]> {
  const others = (await liveInstances()).filter((other) => other !== first);
  const read = await Promise.all(others.map(readInstance));
  return read.flatMap((other) => (other ? sharedDevices(other, devices) : []));
}

function sharedDevices(other: OtherInstance, devices: readonly string[]): string[] {
  return devices
    .filter((device) => other.devices.includes(device))
    .map((device) => `device ${device} is shaped by ${nameOf(other)}`);
}

function nameOf({ first, process: pid }: OtherInstance): string {
  return `the running instance with nfqueue.first ${first}${pid === null ? '' : ` (process ${pid})`}`;
}

function conflictsWith(other: OtherInstance, { plan, nfqueue }: RulesRequest): string[] {
  const { first, markMask } = nfqueue;
  const conflicts: string[] = [];
  const instance = nameOf(other);
  if (other.first === first) {
    conflicts.push(`table inet ${tableName(first)} is in use by ${instance}`);
  }
  conflicts.push(...sharedDevices(other, plannedDevices(plan)));
  if (other.first === first) return conflicts;
  for (const mask of other.markMasks) {
    if ((mask & markMask) === 0) continue;
    conflicts.push(`mark mask ${hex(markMask)} shares bits with ${hex(mask)} of ${instance}`);
  }
  return conflicts;
}

/**
 * Deletes the iptables rules of instances whose nft table is gone, as a table goes with its instance. The
 * rules of running instances stay. Returns a command for each deleted rule that would do the same.
 */
export async function cleanLeftovers(firstQueue: number | 'all'): Promise<string[]> {
  const alive = new Set(await liveInstances());
  const dead = (first: number): boolean =>
    (firstQueue === 'all' || first === firstQueue) && !alive.has(first);
  try {
    return await deleteTagged(await findIptables(), dead);
  } catch (error) {
    // Without iptables nobody has installed such rules.
    if (error instanceof RulesError && error.code === 'missing') return [];
    throw error;
  }
}
