/** Quotas: whose traffic they count, over which windows, and what follows. */
import { isScalar, type Node } from 'yaml';
import { formatRate, formatTime, isUnlimited } from '../../base/units.ts';
import { QUOTA_WINDOWS_MAX, QUOTAS_MAX } from '../../limits.ts';
import type { QuotaHostsSpec, QuotaSpec, ThrottleSpec, WindowSpec } from '../../spec/hosts.ts';
import type { LinkSpec, MatcherSpec } from '../../spec/spec.ts';
import { QUOTA as DEFAULTS } from '../fields/defaults.ts';
import { hostName, whyNoName } from '../fields/host-names.ts';
import { FieldError } from '../fields/kinds.ts';
import { SECTIONS } from '../fields/sections.ts';
import { offsetOf } from '../yaml/nodes.ts';
import type { Located, Named, Values, YamlReader } from '../yaml/reader.ts';
import { checkName, type KnownHosts } from './hosts.ts';
import { prefixOf } from './match.ts';
import { NO_THEN, type ReadThen, readThen } from './then.ts';

/**
 * `links` are those of the file, whose rates tell whether a throttle throttles. `modules` grows with those
 * that quotas tell.
 */
export function readQuotas(
  reader: YamlReader,
  at: Located<Node> | undefined,
  known: KnownHosts,
  links: readonly LinkSpec[],
  modules: Located<string>[],
): QuotaSpec[] {
  const entries = reader.named(at?.value ?? null, 'quota', 'quotas');
  if (entries.length > QUOTAS_MAX)
    reader.problems.error(
      at!.offset,
      `${entries.length} quotas are more than the ${QUOTAS_MAX} that are possible`,
    );
  return entries.map((entry) => {
    const { quota, modulesAt } = readQuota(reader, entry, known, links);
    modules.push(...modulesAt);
    return quota;
  });
}

type QuotaValues = Values<typeof SECTIONS.quota>;

function readQuota(
  reader: YamlReader,
  entry: Named,
  known: KnownHosts,
  links: readonly LinkSpec[],
): { readonly quota: QuotaSpec; readonly modulesAt: ReadThen['modulesAt'] } {
  const values: QuotaValues = reader.section(entry.node, SECTIONS.quota, `quota ${entry.name}`);
  if (!reader.hasKey(entry.node, 'windows'))
    reader.problems.error(
      entry.offset,
      `quota ${entry.name} has no windows: { over: 4h, up: 5GB, down: 10GB }`,
    );
  const { throttleAt, modulesAt, ...then }: ReadThen = values.then
    ? readThen(reader, values.then)
    : { ...NO_THEN, throttleAt: null, modulesAt: [] };
  const windows = values.windows ? readWindows(reader, values.windows) : [];
  if (values.slope) checkSlope(reader, values.slope, windows, then.throttle);
  checkThrottle(reader, values, { ...then, throttleAt, modulesAt }, links);
  checkCounted(reader, entry, windows, then.throttle, links);
  const quota = {
    name: entry.name,
    hosts: values.hosts ? readQuotaHosts(reader, values.hosts, known) : { names: null, match: null },
    windows,
    warnShare: values.warn?.value ?? null,
    slopeShare: values.slope?.value ?? null,
    releaseShare: values.release?.value ?? DEFAULTS.releaseShare,
    ...then,
  };
  return { quota, modulesAt };
}

function readWindows(reader: YamlReader, at: Located<Node>): WindowSpec[] {
  const items = reader.items(at.value);
  if (items.length > QUOTA_WINDOWS_MAX)
    reader.problems.error(
      at.offset,
      `windows: ${items.length} are more than the ${QUOTA_WINDOWS_MAX} of one quota`,
    );
  const seen = new Set<number>();
  const windows = items.map((item): WindowSpec => {
    const values = reader.section(item, SECTIONS.window, 'a window');
    const { over, up, down, total } = values;
    const fault = (message: string): void => reader.problems.error(offsetOf(item), `windows: ${message}`);
    if (!reader.hasKey(item, 'over')) fault('a window needs over: how long it is');
    if (over && seen.has(over.value))
      reader.problems.error(
        over.offset,
        `over: there is a window of ${formatTime(over.value)} already; give that one all limits`,
      );
    if (over) seen.add(over.value);
    if (!(['up', 'down', 'total'] as const).some((key) => reader.hasKey(item, key)))
      fault('a window needs a limit: up, down or total');
    const unlimited = Number.POSITIVE_INFINITY;
    return {
      overNs: over?.value ?? 0,
      upBytes: up?.value ?? unlimited,
      downBytes: down?.value ?? unlimited,
      totalBytes: total?.value ?? unlimited,
    };
  });
  return windows.sort((a, b) => a.overNs - b.overNs);
}

/** Names and matchers, of which one has to hold. */
function readQuotaHosts(reader: YamlReader, at: Located<Node>, known: KnownHosts): QuotaHostsSpec {
  const names = new Set<string>();
  const match: MatcherSpec[] = [];
  const addName = (one: Located<string>): void => {
    checkName(reader, known, one, 'hosts');
    names.add(one.value);
  };
  for (const item of reader.items(at.value)) {
    if (isScalar(item)) {
      const name = reader.scalar(readHostOfQuota, item, 'hosts');
      if (name) addName(name);
      continue;
    }
    const { src, host, mac } = reader.section(item, SECTIONS.quotaHosts, 'hosts of a quota');
    if (reader.map(item, 'hosts of a quota')?.items.length === 0)
      reader.problems.error(
        offsetOf(item),
        'hosts: an empty matcher would take every host; leave hosts out for that',
      );
    const addresses = host?.value.flatMap(({ value, offset }) => {
      if (!('name' in value)) return [prefixOf(reader, { value, offset })];
      if (src || mac)
        reader.problems.error(offset, `host: a name stands by itself: hosts: [${value.name}, { … }]`);
      addName({ value: value.name, offset });
      return [];
    });
    const matcher = {
      ...(src ? { src: src.value.map((one) => prefixOf(reader, one)) } : {}),
      ...(addresses && addresses.length > 0 ? { host: addresses } : {}),
      ...(mac ? { mac: mac.value.map(({ value }) => value) } : {}),
    };
    if (Object.keys(matcher).length > 0) match.push(matcher);
  }
  return { names: names.size > 0 ? [...names] : null, match: match.length > 0 ? match : null };
}

function readHostOfQuota(text: string): string {
  const other = whyNoName(text);
  if (other === null) return hostName.read(text);
  const key = other === 'a MAC' ? 'mac' : 'src';
  throw new FieldError(`'${text}' is ${other}, not a name; write hosts: { ${key}: ${JSON.stringify(text)} }`);
}

function checkSlope(
  { problems }: YamlReader,
  { value, offset }: Located<number>,
  windows: readonly WindowSpec[],
  throttle: ThrottleSpec | null,
): void {
  if (value >= 1) problems.error(offset, 'slope: at 100% the host is over; write a smaller share');
  if (throttle === null) {
    const message = 'slope: the rate falls to that of throttle; write then: { throttle: RATE }';
    problems.error(offset, message);
    return;
  }
  const falls = DIRECTIONS.some(
    (direction) =>
      Number.isFinite(throttle[`${direction}BytesPerSec`]) &&
      windows.some((window) => Number.isFinite(Math.min(window[`${direction}Bytes`], window.totalBytes))),
  );
  if (!falls) problems.warn(offset, 'slope: no limit is of a direction that throttle has, so no rate falls');
}

const DIRECTIONS = ['up', 'down'] as const;

/** Warns of directions whose packets never come to us: nothing of them is counted or limited. */
function checkCounted(
  { problems }: YamlReader,
  { name, offset }: Named,
  windows: readonly WindowSpec[],
  throttle: ThrottleSpec | null,
  links: readonly LinkSpec[],
): void {
  if (links.length === 0) return;
  for (const direction of DIRECTIONS) {
    if (links.some((link) => link[direction] !== null)) continue;
    const limits = windows.flatMap((window) => [window[`${direction}Bytes`], window.totalBytes]);
    const isAsked = [...limits, throttle?.[`${direction}BytesPerSec`] ?? Number.POSITIVE_INFINITY].some(
      Number.isFinite,
    );
    if (!isAsked) continue;
    const message = `quota ${name} goes by ${direction}, which no link shapes, so nothing of it is counted or limited`;
    problems.warn(offset, `${message}; write ${direction}: unlimited in the link`);
  }
}

/** Warns of rates that change nothing, and refuses slopes that begin nowhere. */
function checkThrottle(
  { problems }: YamlReader,
  { slope }: QuotaValues,
  { throttle, throttleAt, isBlocking, page }: ReadThen,
  links: readonly LinkSpec[],
): void {
  if (throttle === null || throttleAt === null) return;
  if (!slope && (isBlocking || page !== null)) {
    const stronger = page === null ? 'block' : 'page';
    const message = `throttle: ${stronger} is stricter, so this rate never holds; with slope the rate falls to it before`;
    problems.warn(throttleAt.offset, message);
  }
  for (const link of links) {
    for (const direction of DIRECTIONS) {
      const rateBytesPerSec = link[direction]?.rateBytesPerSec;
      const throttled = direction === 'up' ? throttle.upBytesPerSec : throttle.downBytesPerSec;
      if (rateBytesPerSec === undefined || !Number.isFinite(throttled)) continue;
      const where = `${link.name}/${direction}`;
      if (slope && isUnlimited(rateBytesPerSec)) {
        const other = direction === 'up' ? 'down' : 'up';
        const message = `slope: ${where} is unlimited, so there is no rate from which to fall`;
        problems.error(slope.offset, `${message}; write its rate, or throttle: { ${other}: RATE }`);
      }
      if (throttled >= rateBytesPerSec) {
        const message = `throttle: ${formatRate(throttled)} is no less than the ${formatRate(rateBytesPerSec)} of ${where}`;
        problems.warn(throttleAt.offset, message);
      }
    }
  }
}
