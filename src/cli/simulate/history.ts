/**
 * `shaper simulate --history`: recorded history against the quotas of a configuration, without packets. Says
 * who would have been stopped, when and for how long.
 */
import { closeSync, existsSync, openSync, readFileSync, readSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { EXIT_FINE, EXIT_USAGE, OperatingError } from '../../base/errors.ts';
import { reasonOf } from '../../base/system-error.ts';
import { formatBytesShort, formatTime } from '../../base/units.ts';
import { macOrAddress } from '../../config/fields/host-names.ts';
import type { DirectionRates } from '../../quotas/effects.ts';
import { isIn, isSameMac, type QuotaSubject, quotaHolds } from '../../quotas/holds.ts';
import { ratesOf } from '../../quotas/rates.ts';
import { type RecordedHost, Replay, type ReplayResult } from '../../sim/quotas/replay.ts';
import type { HostsSpec, QuotaSpec } from '../../spec/hosts.ts';
import { readConfigAloud } from '../read-config.ts';
import type { Terminal } from '../terminal.ts';
import { parseHistoryCsv } from './history-csv.ts';
import { isHistoryFile, readHistoryFile } from './history-store.ts';
import { Progress } from './progress.ts';
import { type QuotaView, quotaJson, quotaTables, quotaTotalsTable } from './quota-view.ts';
import { type Style, styleOf } from './style.ts';

const NS_PER_MS = 1e6;
const TICKS_PER_STEP = 500;
/** What says of which kind a file is. */
const HEAD_BYTES = 16;

export interface HistoryOptions {
  readonly conf: string;
  readonly history: string;
  readonly json?: boolean;
}

interface TextOptions {
  readonly history: string;
  readonly conf: string;
  readonly style: Style;
}

export function simulateHistory(options: HistoryOptions, terminal: Terminal): number {
  const { json, history, conf } = options;
  const { spec } = readConfigAloud(conf, terminal);
  if (spec.quotas.length === 0) {
    throw new OperatingError(
      EXIT_USAGE,
      `${conf} has no quotas`,
      'a history is replayed against the section quotas of the configuration',
    );
  }
  const rates = ratesOf(spec.links);
  const known = readRecorded(history, rates);
  const hosts = known.map((host) => host.recorded);
  const subjects = new Map(known.map((host) => [host.recorded.id, subjectOf(host, spec.hosts)]));
  for (const warning of warningsOf(spec.quotas, [...subjects.values()])) {
    terminal.err(`shaper: warning: ${warning}\n`);
  }
  const holdsFor = (quota: QuotaSpec, id: string): boolean =>
    quotaHolds(quota, subjects.get(id) as QuotaSubject);
  const replayOptions = { quotas: spec.quotas, hosts, holdsFor, rates };
  const replayAs = (isHeld: boolean): ReplayResult =>
    replayed(new Replay({ ...replayOptions, isHeld }), history, terminal);
  const [held, recorded] = [replayAs(true), replayAs(false)];
  const style = styleOf(terminal.hasColor);
  if (json) terminal.out(`${JSON.stringify(jsonOf(held, recorded, options), null, 2)}\n`);
  else terminal.out(`${replayText(held, recorded, { history, conf, style })}\n`);
  return EXIT_FINE;
}

/** A host with all by which a quota may know it. */
interface KnownHost {
  readonly recorded: RecordedHost;
  readonly known: readonly string[];
}

function readRecorded(file: string, rates: DirectionRates): KnownHost[] {
  const hosts = readKnown(file, rates);
  if (hosts.length === 0) throw new OperatingError(EXIT_USAGE, `${file} has no history of any host`);
  return hosts;
}

function readKnown(file: string, rates: DirectionRates): KnownHost[] {
  const head = readBytes(file, HEAD_BYTES);
  // All of a new database may be in the file beside it.
  if (head.length === 0 && !existsSync(`${file}-wal`))
    throw new OperatingError(EXIT_USAGE, `${file} is empty`);
  if (isHistoryFile(head)) {
    return readHistoryFile(file).map(({ recorded, name, macs, addresses }) => ({
      recorded,
      known: [recorded.id, name, ...macs, ...addresses],
    }));
  }
  const hosts = parseHistoryCsv(
    readBytes(file, null).toString('utf8'),
    file,
    basename(file, extname(file)),
    rates,
  );
  return hosts.map((recorded) => ({ recorded, known: [recorded.id] }));
}

/** `count`: so many at the begin; null: all. */
function readBytes(file: string, count: number | null): Buffer {
  try {
    if (count === null) return readFileSync(file);
    const fd = openSync(file, 'r');
    const bytes = Buffer.alloc(count);
    const length = readSync(fd, bytes, 0, count, 0);
    closeSync(fd);
    return bytes.subarray(0, length);
  } catch (error) {
    const reason = reasonOf(error, {
      ENOENT: 'no such file',
      EACCES: 'not ours to read',
      EISDIR: 'it is a folder',
    });
    throw new OperatingError(EXIT_USAGE, `cannot read ${file}: ${reason}`);
  }
}

function replayed(replay: Replay, file: string, terminal: Terminal): ReplayResult {
  const progress = new Progress(terminal.isErrInteractive ? terminal.err : null, () => performance.now());
  try {
    while (replay.step(TICKS_PER_STEP)) progress.show(file, replay.progress);
  } finally {
    progress.clear();
  }
  return replay.result();
}

/** A host of the history by what is known of it, and by the names of the configuration. */
function subjectOf({ known }: KnownHost, { names }: HostsSpec): QuotaSubject {
  const own = known.flatMap((text) => readId(text) ?? []);
  const named = names.filter(({ name }) => known.includes(name));
  const macs = [...own, ...named].flatMap(({ mac }) => mac ?? []);
  const addresses = [...own, ...named].flatMap(({ address }) => address ?? []);
  const others = names.filter(
    ({ mac, address }) =>
      (mac !== null && macs.some((one) => isSameMac(one, mac))) ||
      (address !== null && addresses.some((one) => isIn(one, address))),
  );
  const texts = known.filter((text) => text !== '' && readId(text) === null);
  return { names: [...texts, ...others.map(({ name }) => name)], macs, addresses, isOwn: false };
}

/** null: the id is a name. */
function readId(id: string): ReturnType<typeof macOrAddress.read> | null {
  try {
    return macOrAddress.read(id);
  } catch {
    return null;
  }
}

function warningsOf(quotas: readonly QuotaSpec[], subjects: readonly QuotaSubject[]): string[] {
  return quotas.flatMap((quota) => {
    const without = subjects.filter(({ addresses }) => addresses.length === 0).length;
    const byAddress = quota.hosts.match?.some(({ src, host }) => src !== undefined || host !== undefined);
    const held = subjects.filter((subject) => quotaHolds(quota, subject)).length;
    if (held === 0) return [`quota ${quota.name} holds for no host of the history`];
    return byAddress && without > 0
      ? [
          `quota ${quota.name} goes by addresses: it does not hold for ${without} hosts that have none in the history`,
        ]
      : [];
  });
}

function replayText(held: ReplayResult, recorded: ReplayResult, options: TextOptions): string {
  const { history, conf, style } = options;
  const keptBack = formatBytesShort(held.keptBackBytes);
  return [
    headOf(recorded, history, conf),
    `${style.bold('Held to the quotas')}: ${keptBack} are kept back from hosts that are slowed or stopped\n` +
      quotaTables(viewOf(held), style),
    `${style.bold('As recorded')}: nobody is held, so this is the most that it can come to\n` +
      quotaTotalsTable(viewOf(recorded), style),
    'What is kept back is lost, and does not come later. What is unknown counts as nothing.',
  ].join('\n\n');
}

const viewOf = (result: ReplayResult): QuotaView => ({
  ...result,
  speed: 1,
  instant: (ns) => `${instantOf(result, ns).slice(0, 16)}Z`,
});

const instantOf = ({ fromMs }: ReplayResult, ns: number): string =>
  new Date(fromMs + ns / NS_PER_MS).toISOString();

function headOf(recorded: ReplayResult, history: string, conf: string): string {
  const { fromMs, toMs, hosts, upBytes, downBytes, unknownShare, tickMs } = recorded;
  const [from, to] = [fromMs, toMs].map((ms) => `${new Date(ms).toISOString().slice(0, 16)}Z`);
  const unknown = unknownShare > 0 ? `, ${(100 * unknownShare).toPrecision(2)} % of the time unknown` : '';
  return (
    `${history}: ${hosts} ${hosts === 1 ? 'host' : 'hosts'} from ${from} to ${to}, up ${formatBytesShort(upBytes)}, ` +
    `down ${formatBytesShort(downBytes)}${unknown}\n` +
    `against the quotas of ${conf}, looked at every ${formatTime(tickMs * NS_PER_MS)}`
  );
}

function jsonOf(held: ReplayResult, recorded: ReplayResult, { history, conf }: HistoryOptions): object {
  const { fromMs, toMs, hosts, upBytes, downBytes, unknownShare, tickMs } = recorded;
  const told = (result: ReplayResult): object => quotaJson(viewOf(result), (ns) => instantOf(result, ns));
  return {
    ...{ history, configuration: conf },
    ...{ from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString(), stepSeconds: tickMs / 1000 },
    house: { hosts, upBytes, downBytes, unknownShare },
    held: { keptBackBytes: held.keptBackBytes, ...told(held) },
    asRecorded: told(recorded),
  };
}
