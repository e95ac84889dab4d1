/**
 * From the text of a configuration file to a frozen ShaperSpec. The whole file is read, then every problem is
 * reported at once with its place. Nothing is guessed, and nothing is ignored silently.
 */

import { HELD_MAX, NFQUEUE_NUMBER_MAX } from '../limits.ts';
import type { AccountNames } from '../spec/accounts.ts';
import type { DeviceGraph } from '../spec/device-graph.ts';
import type { HistorySpec } from '../spec/hosts.ts';
import { freeMarkMask, matchedMarkBits } from '../spec/mark-choice.ts';
import type { ModuleUse, ModuleUsePlaces, ToldModule } from '../spec/modules.ts';
import type { LocalSpec, NfqueueSpec, ShaperSpec } from '../spec/spec.ts';
import { NFQUEUE as DEFAULTS, EXEMPT, INSTANCE } from './fields/defaults.ts';
import { SECTIONS } from './fields/sections.ts';
import type { ReadAccess } from './read/access.ts';
import { knownHosts, readHistory, readHosts } from './read/hosts.ts';
import { readLinks } from './read/links.ts';
import { readModules } from './read/modules.ts';
import { readQuotas } from './read/quotas.ts';
import type { ReadSchedule } from './read/schedule.ts';
import type { ClassSchedule } from './schedule/schedules.ts';
import { scheduleFaults } from './schedule/try.ts';
import { ConfigError, type ConfigProblem } from './yaml/problems.ts';
import { type Located, type Values, YamlReader } from './yaml/reader.ts';
import { parseYaml, type YamlSource } from './yaml/source.ts';
import type { MergePatch } from './yaml/values.ts';

export { ConfigError, type ConfigProblem, formatProblems } from './yaml/problems.ts';

export interface LoadedConfig {
  readonly spec: ShaperSpec;
  /** What is stored of hosts. */
  readonly history: HistorySpec;
  /** Absolute path of the control socket. */
  readonly socketPath: string;
  /** The name of the group that may use it as well. null: only the user of the instance. */
  readonly socketGroup: string | null;
  /** The mark mask of the specification is a guess: `run` chooses bits that neighbours do not use. */
  readonly isMarkAuto: boolean;
  /** Absolute path of the folder where classes are shown as files. null: nowhere. */
  readonly filesFolder: string | null;
  /** A level of pino. */
  readonly logLevel: string;
  /** Statements that are possible but probably a mistake. */
  readonly warnings: readonly ConfigProblem[];
  /**
   * Users' own modules, in the order of the file, those that are off included. Files that only quotas name
   * come behind all others.
   */
  readonly modules: readonly ModuleUse[];
  /** Where each of them stands. */
  readonly modulePlaces: readonly ModuleUsePlaces[];
  /** Modules that quotas tell of hosts, as they name them. */
  readonly toldModules: readonly ToldModule[];
  /** What classes have instead at some times, in the order of the file. */
  readonly schedules: readonly ClassSchedule[];
  /** Who may read and write the files of classes, in the order of the file. */
  readonly accesses: readonly ReadAccess[];
  /** What was written of each class, direction and link, by its path; of all else at an empty path. */
  readonly written: ReadonlyMap<string, MergePatch>;
}

/**
 * Messages call the text `file`. `devices` and `accounts` are those of the machine that shapes by it; null if
 * that is not known or not this machine. Throws ConfigError with all problems.
 */
export function loadConfig(
  text: string,
  file: string,
  devices: DeviceGraph | null = null,
  accounts: AccountNames | null = null,
): LoadedConfig {
  return readConfig(parseYaml(text, file).source, devices, accounts);
}

/** The same for a tree that was parsed, and perhaps edited. */
export function readConfig(
  source: YamlSource,
  devices: DeviceGraph | null,
  accounts: AccountNames | null,
  skipSchedules = false,
): LoadedConfig {
  const reader = new YamlReader(source);
  const root = reader.root();
  const top = reader.section(root, SECTIONS.top, 'the file');
  reader.keepWritten('', root);
  const local = readLocal(reader, top.local);
  const { mark, ...instance } = readNfqueue(reader, top.nfqueue);
  const control = reader.section(top.control?.value ?? null, SECTIONS.control, 'control');
  const log = reader.section(top.log?.value ?? null, SECTIONS.log, 'log');
  const schedules: ReadSchedule[] = [];
  const accesses: ReadAccess[] = [];
  const ownMask = mark === 'auto' ? 0 : mark;
  const hosts = readHosts(reader, top.hosts, devices);
  const known = knownHosts(hosts);
  const instanceOfLinks = { ownMarkMask: ownMask, hosts: known, devices, accounts, schedules, accesses };
  const links = readLinks(reader, top.links?.value ?? null, instanceOfLinks);
  const told: Located<string>[] = [];
  const quotas = readQuotas(reader, top.quotas, known, links, told);
  const { modules, places } = readModules(reader, top.modules, told);
  const history = readHistory(reader, top.history, quotas.length > 0);
  const isLinksSilent = top.links === undefined && reader.problems.errors.length === 0;
  if (isLinksSilent) reader.problems.error(0, 'links is missing: name at least one device to shape');
  if (!skipSchedules && schedules.length > 0 && reader.problems.errors.length === 0) {
    const read = (edited: YamlSource): LoadedConfig => readConfig(edited, null, null, true);
    for (const { offset, message } of scheduleFaults(source, schedules, read))
      reader.problems.error(offset, message);
  }
  const errors = reader.problems.errors;
  const toldModules = told.map(({ value, offset }) => ({
    ...{ name: value, place: reader.problems.placeOf(offset) },
  }));
  if (errors.length > 0)
    throw new ConfigError(errors, {
      ...{ modules, modulePlaces: places, toldModules, hosts, ownMarkMask: ownMask },
    });
  const markMask = mark === 'auto' ? (freeMarkMask(matchedMarkBits(links)) ?? DEFAULTS.markMask) : mark;
  return deepFreeze({
    // Modules that are on join when their files were read.
    spec: { links, local, hosts, quotas, modules: [], nfqueue: { ...instance, markMask } },
    history,
    isMarkAuto: mark === 'auto',
    socketPath: control.socket?.value ?? INSTANCE.socketPath,
    socketGroup: control.group?.value ?? null,
    filesFolder: top.files?.value ?? null,
    logLevel: log.level?.value ?? INSTANCE.logLevel,
    warnings: reader.problems.warnings,
    modules,
    modulePlaces: places,
    toldModules,
    schedules: schedules.map(({ path, entries }) => ({ path, entries })),
    accesses,
    written: reader.written(),
  });
}

function readLocal(reader: YamlReader, at: Values<typeof SECTIONS.top>['local']): LocalSpec {
  const { exempt } = reader.section(at?.value ?? null, SECTIONS.local, 'local');
  const { ports, share } = reader.section(exempt?.value ?? null, SECTIONS.exempt, 'exempt');
  return {
    exempt: {
      ports: ports?.value.map(({ value }) => value) ?? EXEMPT.ports,
      share: share?.value ?? EXEMPT.share,
    },
  };
}

type WrittenNfqueue = Omit<NfqueueSpec, 'markMask'> & { readonly mark: number | 'auto' };

function readNfqueue(reader: YamlReader, at: Values<typeof SECTIONS.top>['nfqueue']): WrittenNfqueue {
  const values = reader.section(at?.value ?? null, SECTIONS.nfqueue, 'nfqueue');
  const first = values.first?.value ?? DEFAULTS.first;
  const count = values.count?.value ?? DEFAULTS.count;
  const length = values.length?.value ?? DEFAULTS.length;
  if (first + count - 1 > NFQUEUE_NUMBER_MAX) {
    const message = `queue numbers end at ${NFQUEUE_NUMBER_MAX}: first ${first} + count ${count} goes beyond`;
    reader.problems.error(placeOf(values.first, values.count), message);
  }
  if (count * length > HELD_MAX) {
    const message = `count ${count} x length ${length} is more than ${HELD_MAX}, the most packets that may wait in all`;
    reader.problems.error(placeOf(values.length, values.count), message);
  }
  const gso = values.gso?.value ?? DEFAULTS.gso;
  return {
    first,
    count,
    length,
    bypass: values.bypass?.value ?? DEFAULTS.bypass,
    gso: gso === 'auto' ? gso : gso === 'true',
    backend: values.backend?.value ?? DEFAULTS.backend,
    mark: values.mark?.value ?? 'auto',
  };
}

/** The place of the first value that was written. */
function placeOf(...candidates: (Located<unknown> | undefined)[]): number {
  return candidates.find((candidate) => candidate !== undefined)?.offset ?? 0;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}
