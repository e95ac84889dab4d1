/** Inside hosts: how they are known and called, and what is stored of them. */
import type { Node } from 'yaml';
import { nearest } from '../../base/nearest.ts';
import { formatTime } from '../../base/units.ts';
import { HISTORY_POINTS_MAX, HISTORY_STEPS_MAX, HOST_NAMES_MAX } from '../../limits.ts';
import type { DeviceGraph } from '../../spec/device-graph.ts';
import {
  DEFAULT_HOSTS,
  type HistorySpec,
  type HostsSpec,
  type KeepSpec,
  type NamedHostSpec,
} from '../../spec/hosts.ts';
import { HISTORY as DEFAULTS } from '../fields/defaults.ts';
import { hostName, macOrAddress } from '../fields/host-names.ts';
import { SECTIONS } from '../fields/sections.ts';
import { offsetOf, scalarText } from '../yaml/nodes.ts';
import type { Located, YamlReader } from '../yaml/reader.ts';
import { warnOfAbsentDevices } from './devices.ts';

export function readHosts(
  reader: YamlReader,
  at: Located<Node> | undefined,
  devices: DeviceGraph | null,
): HostsSpec {
  if (!at) return DEFAULT_HOSTS;
  const values = reader.section(at.value, SECTIONS.hosts, 'hosts');
  warnOfAbsentDevices(reader, devices, values.lan, 'lan');
  return {
    lan: values.lan ? reader.distinct(values.lan.value, 'lan') : DEFAULT_HOSTS.lan,
    identify: values.identify?.value ?? DEFAULT_HOSTS.identify,
    names: values.names ? readNames(reader, values.names) : DEFAULT_HOSTS.names,
    leases: values.leases ? reader.distinct(values.leases.value, 'leases') : DEFAULT_HOSTS.leases,
    reverseDns: values.reverseDns?.value ?? DEFAULT_HOSTS.reverseDns,
  };
}

/** Each name stands for one device or address, and each of these has one name. */
function readNames(reader: YamlReader, at: Located<Node>): NamedHostSpec[] {
  const { problems } = reader;
  const map = reader.map(at.value, 'names');
  const named: NamedHostSpec[] = [];
  if (map === null) return named;
  if (map.items.length > HOST_NAMES_MAX) {
    problems.error(
      at.offset,
      `names: ${map.items.length} are more than the ${HOST_NAMES_MAX} that are possible`,
    );
    return named;
  }
  const nameOf = new Map<string, string>();
  /** By name: how it was written first. */
  const spellings = new Map<string, string | null>();
  for (const { key, node, offset } of reader.entries(map)) {
    const name = reader.scalar(hostName.read, key, 'names')?.value;
    if (node === null) problems.error(offset, 'this name has no value; it takes a MAC or an address');
    const value = node && reader.scalar(macOrAddress.read, node, 'names')?.value;
    if (name === undefined || !value) continue;
    const first = spellings.get(name);
    if (first !== undefined && first !== scalarText(key))
      problems.error(offset, `names: this is ${first} again; upper and lower case are the same`);
    spellings.set(name, first ?? scalarText(key));
    const what = macOrAddress.write(value);
    const other = nameOf.get(what);
    if (other !== undefined) problems.error(offsetOf(node), `names: ${what} is called ${other} already`);
    nameOf.set(what, name);
    named.push({ name, ...value });
  }
  return named;
}

/** What links and quotas have to know of inside hosts. */
export interface KnownHosts {
  readonly names: ReadonlySet<string>;
  /** Leases have names that are not known yet. */
  readonly hasLeases: boolean;
  /** Devices of links among them have the inside behind them. */
  readonly lan: ReadonlySet<string>;
}

export function knownHosts({ names, leases, lan }: HostsSpec): KnownHosts {
  return {
    names: new Set(names.map(({ name }) => name)),
    hasLeases: leases.length > 0,
    lan: new Set(lan ?? []),
  };
}

/** A name that no host can have is a mistake. `what` is the key that has it. */
export function checkName(reader: YamlReader, known: KnownHosts, at: Located<string>, what: string): void {
  if (known.hasLeases || known.names.has(at.value)) return;
  const near = nearest(at.value, [...known.names]);
  const hint = near
    ? `the nearest is '${near.word}'`
    : 'write hosts: { names: { NAME: MAC } }, or hosts: { leases: FILE } for those of DHCP';
  reader.problems.error(at.offset, `${what}: no host is called '${at.value}' in hosts.names; ${hint}`);
}

/** Without quotas and without a word of history nothing is stored. */
export function readHistory(
  reader: YamlReader,
  at: Located<Node> | undefined,
  hasQuotas: boolean,
): HistorySpec {
  if (!at) return { ...DEFAULTS, file: hasQuotas ? DEFAULTS.file : null };
  const { file, flush, keep } = reader.section(at.value, SECTIONS.history, 'history');
  if (hasQuotas && file?.value === null) {
    const message = 'file: nothing is stored, so windows of quotas begin anew when the program starts';
    reader.problems.warn(file.offset, message);
  }
  return {
    file: file ? file.value : DEFAULTS.file,
    flushNs: flush?.value ?? DEFAULTS.flushNs,
    keep: keep ? readKeep(reader, keep) : DEFAULTS.keep,
  };
}

const STEP_NS_MIN = 1e9;

function readKeep(reader: YamlReader, at: Located<readonly Located<KeepSpec>[]>): KeepSpec[] {
  const fault = (offset: number, message: string): void => reader.problems.error(offset, `keep: ${message}`);
  if (at.value.length > HISTORY_STEPS_MAX)
    fault(at.offset, `${at.value.length} steps are more than the ${HISTORY_STEPS_MAX} that are possible`);
  let before: KeepSpec | null = null;
  for (const { value, offset } of at.value) {
    const { stepNs, forNs } = value;
    const [step, span] = [formatTime(stepNs), formatTime(forNs)];
    if (stepNs < STEP_NS_MIN || stepNs % STEP_NS_MIN !== 0)
      fault(offset, `${step} is not a step of whole seconds`);
    else if (forNs <= stepNs) fault(offset, `${span} is not longer than one step, ${step}`);
    else if (forNs / stepNs > HISTORY_POINTS_MAX)
      fault(
        offset,
        `${step} for ${span} are more than ${HISTORY_POINTS_MAX} steps; write a longer step or a shorter time`,
      );
    else if (before !== null && stepNs <= before.stepNs)
      fault(
        offset,
        `${step} is not longer than the step before, ${formatTime(before.stepNs)}; write the finest first`,
      );
    else if (before !== null && stepNs % before.stepNs !== 0)
      fault(offset, `${step} is not a multiple of the step before, ${formatTime(before.stepNs)}`);
    else if (before !== null && forNs <= before.forNs)
      fault(offset, `${span} is not longer than the time of the finer step, ${formatTime(before.forNs)}`);
    before = value;
  }
  return at.value.map(({ value }) => value);
}
