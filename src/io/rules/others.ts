/** Others in this network namespace: running instances, rules of dead instances, flowtables. */
import { RulesError, toolComplaint, toolError } from './errors.ts';
import { deleteTagged, findIptables } from './iptables.ts';
import { hex } from './mark.ts';
import {
  DEVICES_SET,
  firstQueueOfTable,
  MASK_SET,
  plannedDevices,
  type RulesRequest,
  tableName,
} from './render-nft.ts';
import { runTool } from './tool.ts';

/** The table of a killed predecessor outlives it by milliseconds, on a busy machine by more. */
const PREDECESSOR_TRIES = 5;
const PREDECESSOR_WAIT_MS = 100;

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

/** Elements of a named set. None if the set or its table does not exist (any more). Throws RulesError. */
async function setElements(firstQueue: number, set: string): Promise<unknown[]> {
  const table = tableName(firstQueue);
  const result = await runTool('nft', ['-j', 'list', 'set', 'inet', table, set]);
  const output = result.stdout + result.stderr;
  if (result.status === 0) return parseSetElements(result.stdout);
  if (isAbsent(output)) return [];
  throw toolError(`listing the set ${set} of table ${table}`, output);
}

/** Whether nft did not find the object that it was to list. */
function isAbsent(output: string): boolean {
  return /No such file or directory/.test(output);
}

interface NftJson {
  readonly nftables?: readonly {
    readonly set?: { readonly elem?: readonly unknown[] };
    readonly flowtable?: { readonly name: string; readonly table: string; readonly dev?: string | string[] };
  }[];
}

export function parseSetElements(json: string): unknown[] {
  const parsed = JSON.parse(json) as NftJson;
  return (parsed.nftables ?? []).flatMap((object) => object.set?.elem ?? []);
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
export async function findWarnings(request: RulesRequest): Promise<string[]> {
  const result = await runTool('nft', ['-j', 'list', 'flowtables']);
  if (result.status !== 0) {
    const reason = toolComplaint(result.stdout + result.stderr);
    return [`flowtables cannot be listed, so some may take flows past the shaper: ${reason}`];
  }
  return parseFlowtableClashes(result.stdout, plannedDevices(request.plan));
}

async function instancesAfterGrace(own: number): Promise<number[]> {
  for (let tries = 1; ; tries++) {
    const instances = await liveInstances();
    if (!instances.includes(own) || tries === PREDECESSOR_TRIES) return instances;
    await new Promise((resolve) => setTimeout(resolve, PREDECESSOR_WAIT_MS));
  }
}

/**
 * Reasons why this instance must not start beside the running ones, one readable line each: its own table
 * exists, another instance shapes a device, or the mark masks share bits.
 */
export async function findConflicts(request: RulesRequest): Promise<string[]> {
  const { first, markMask } = request.nfqueue;
  const devices = plannedDevices(request.plan);
  const conflicts: string[] = [];
  for (const other of await instancesAfterGrace(first)) {
    if (other === first) {
      conflicts.push(`table inet ${tableName(first)} is in use: another instance has nfqueue.first ${first}`);
      continue;
    }
    const [theirDevices, theirMasks] = await Promise.all([
      setElements(other, DEVICES_SET),
      setElements(other, MASK_SET),
    ]);
    const instance = `the running instance with nfqueue.first ${other}`;
    for (const device of devices) {
      if (theirDevices.includes(device)) conflicts.push(`device ${device} is shaped by ${instance}`);
    }
    for (const mask of theirMasks) {
      if (typeof mask !== 'number' || (mask & markMask) === 0) continue;
      conflicts.push(`mark mask ${hex(markMask)} shares bits with ${hex(mask)} of ${instance}`);
    }
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
