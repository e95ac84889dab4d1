/** A configuration in parts that can be compared: links, directions, classes, and all else. */
import type { ClassAccess } from '../../spec/access.ts';
import type { ClassSpec, LinkSpec } from '../../spec/spec.ts';
import type { LoadedConfig } from '../config.ts';
import { CLASS as DEFAULTS } from '../fields/defaults.ts';
import type { Section } from '../fields/kinds.ts';
import { SECTIONS } from '../fields/sections.ts';
import type { Value } from '../yaml/values.ts';

export interface Part {
  readonly section: Section;
  /** What each key means in the specification, whether it was written or not. */
  readonly meanings: Readonly<Record<string, unknown>>;
  /** The classes inside, in the order in which they are tried; of the whole the links. */
  readonly order: readonly string[];
  /** null for links and for the whole. */
  readonly node: ClassSpec | null;
}

/** By path, in the order of the file; the whole is at ''. */
export function partsOf(config: LoadedConfig): Map<string, Part> {
  const parts = new Map<string, Part>([['', wholeOf(config)]]);
  const schedules = new Map(config.schedules.map(({ path, entries }) => [path, entries]));
  const accesses = new Map(config.accesses.map(({ path, entries }) => [path, entries]));
  const add = (node: ClassSpec | null, section: Section): void => {
    if (node === null) return;
    const { path } = node;
    parts.set(
      path,
      ofClass(node, section, {
        schedule: schedules.get(path),
        access: accesses.get(path),
        mode: config.written.get(path)?.mode,
      }),
    );
    for (const child of node.children) add(child, SECTIONS.class);
  };
  for (const link of config.spec.links) {
    parts.set(link.name, ofLink(link));
    add(link.up, SECTIONS.direction);
    add(link.down, SECTIONS.direction);
  }
  return parts;
}

function wholeOf({
  spec,
  history,
  isMarkAuto,
  socketPath,
  socketGroup,
  filesFolder,
  logLevel,
  modules,
}: LoadedConfig): Part {
  const { markMask, ...nfqueue } = spec.nfqueue;
  const meanings = {
    nfqueue: { ...nfqueue, mark: isMarkAuto ? 'auto' : markMask },
    local: spec.local,
    hosts: spec.hosts,
    history,
    // Their order means nothing.
    quotas: Object.fromEntries(spec.quotas.map((quota) => [quota.name, quota])),
    control: [socketPath, socketGroup],
    files: filesFolder,
    log: logLevel,
    // A line that has moved is no difference.
    modules: modules.map(({ line: _, ...module }) => module),
  };
  return { section: SECTIONS.top, meanings, order: spec.links.map(({ name }) => name), node: null };
}

function ofLink({ device, wait, linkLayer }: LinkSpec): Part {
  return { section: SECTIONS.link, meanings: { device, wait, overhead: linkLayer }, order: [], node: null };
}

/** What a class has that is no part of the specification. */
interface Beside {
  readonly schedule: unknown;
  readonly access: ClassAccess | undefined;
  readonly mode: Value | undefined;
}

function ofClass(
  node: ClassSpec,
  section: Section,
  { schedule, access = {}, mode = DEFAULTS.mode }: Beside,
): Part {
  const { rateBytesPerSec, rateBurstBytes, ceilBytesPerSec, burstBytes, children } = node;
  const { match, priority, weight, adjust, police, meter, remark, each, pace, queue } = node;
  const meanings = {
    match,
    rate: rateBytesPerSec,
    ceil: ceilBytesPerSec,
    priority,
    weight,
    adjust,
    burst: [rateBurstBytes, burstBytes],
    police,
    meter,
    remark,
    each,
    tcp: pace,
    queue,
    schedule,
    access,
    mode,
  };
  return { section, meanings, order: children.map(({ name }) => name), node };
}
