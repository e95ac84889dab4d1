/**
 * `shaper simulate`: a scenario or a capture through the engine in virtual time, as text, JSON or a page with
 * pictures.
 */
import { EXIT_FAILED, EXIT_FINE, EXIT_USAGE, OperatingError } from '../base/errors.ts';
import { parseTime, TIME_FORMS, UnitError } from '../base/units.ts';
import type { LoadedConfig } from '../config/config.ts';
import { firstPlaceOf } from '../io/modules/traces.ts';
import { readVersion } from '../live/version.ts';
import { ModuleStartError } from '../sim/modules/world-modules.ts';
import { figuresOf } from '../sim/report/figures.ts';
import { DRAIN_NS_MAX, type Simulation } from '../sim/simulation.ts';
import type { ModuleUse } from '../spec/modules.ts';
import { writePage } from './page/write.ts';
import { readConfigAloud } from './read-config.ts';
import { startRunGuard, withoutFaults } from './simulate/module-faults.ts';
import { modulesForRun, readModuleWords } from './simulate/modules.ts';
import { renderPage } from './simulate/page.ts';
import { Progress } from './simulate/progress.ts';
import { quotaJson } from './simulate/quota-view.ts';
import { type RunView, takeRun } from './simulate/run-view.ts';
import { styleOf } from './simulate/style.ts';
import {
  captureSubject,
  type PrepareOptions,
  type Subject,
  scenarioList,
  scenarioSubject,
} from './simulate/subject.ts';
import { renderSummary } from './simulate/summary.ts';
import type { Terminal } from './terminal.ts';

export interface SimulateOptions {
  /** Only the list does without. */
  readonly conf?: string | undefined;
  readonly scenario?: string;
  readonly pcap?: string;
  readonly compare?: string;
  readonly seed: string;
  readonly json?: boolean;
  readonly html?: string;
  readonly list?: boolean;
  /** Replayed without packets (simulate/history.ts). */
  readonly history?: string;
  readonly duration?: string;
  readonly quotaSpeed: string;
  /** FILE KEY=VALUE …, and again. */
  readonly module?: readonly string[];
}

/** Whole numbers up to this one are exact. */
const SEED_MAX = Number.MAX_SAFE_INTEGER;
/** Classes without a packet that a warning names. */
const IDLE_CLASSES_NAMED = 5;

export async function simulate(options: SimulateOptions, terminal: Terminal): Promise<number> {
  if (options.list) {
    if (options.conf !== undefined) readConfigAloud(options.conf, terminal);
    terminal.out(scenarioList());
    return EXIT_FINE;
  }
  const seed = readSeed(options.seed);
  const quotaSpeed = readQuotaSpeed(options.quotaSpeed);
  const extra = readModuleWords(options.module ?? []);
  const { conf, compare } = options;
  const named = [conf, compare].filter((file) => file !== undefined);
  const files = named.map((file) => ({ file, config: readConfigAloud(file, terminal) }));
  const subject = await chooseSubject(options);
  for (const warning of subject.warnings) terminal.err(`shaper: warning: ${warning}\n`);
  // A page that cannot be written is an error before the run, not minutes later. An existing file stays until
  // it is replaced.
  if (options.html !== undefined) writePage(options.html, '', 'a');
  const runs = await takeRuns(files, subject, { seed, quotaSpeed, extra }, terminal);
  if (options.html !== undefined) {
    writePage(options.html, renderPage(runs, { about: subject.about, version: readVersion() }), 'w');
    terminal.err(`shaper: wrote ${options.html}\n`);
  }
  if (options.json) terminal.out(`${JSON.stringify(jsonOf(runs), null, 2)}\n`);
  else {
    const { hasColor, columns } = terminal;
    const { about, question } = subject;
    terminal.out(renderSummary(runs, { about, question, style: styleOf(hasColor), columns }));
  }
  for (const warning of ejectedModules(runs)) terminal.err(`shaper: warning: ${warning}\n`);
  for (const warning of idleClasses(runs)) terminal.err(`shaper: warning: ${warning}\n`);
  if (subject.drains) for (const warning of stillWaiting(runs)) terminal.err(`shaper: warning: ${warning}\n`);
  if (subject.failure === null) return EXIT_FINE;
  terminal.err(`shaper: ${subject.failure}\n`);
  return EXIT_FAILED;
}

interface ConfigFile {
  readonly file: string;
  readonly config: LoadedConfig;
}

async function chooseSubject({ scenario, pcap, duration }: SimulateOptions): Promise<Subject> {
  if (scenario !== undefined) return scenarioSubject(scenario, readDuration(duration));
  if (pcap !== undefined) return captureSubject(pcap);
  throw new OperatingError(
    EXIT_USAGE,
    'simulate what? --scenario NAME, --pcap FILE or --history FILE',
    'shaper simulate --list prints the scenarios',
  );
}

function readSeed(text: string): number {
  const seed = Number(text);
  if (/^\d+$/.test(text) && seed <= SEED_MAX) return seed;
  throw new OperatingError(EXIT_USAGE, `--seed takes a whole number from 0 to ${SEED_MAX}, not '${text}'`);
}

function readQuotaSpeed(text: string): number {
  const speed = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && speed >= 1) return speed;
  throw new OperatingError(EXIT_USAGE, `--quota-speed takes a number from 1 on, not '${text}'`);
}

/** null: as long as the scenario is made for. */
function readDuration(text: string | undefined): number | null {
  if (text === undefined) return null;
  try {
    const durationNs = parseTime(text);
    if (durationNs > 0) return durationNs;
  } catch (error) {
    if (!(error instanceof UnitError)) throw error;
  }
  throw new OperatingError(EXIT_USAGE, `--duration takes a time, not '${text}'`, `write ${TIME_FORMS}`);
}

interface TakeOptions extends Omit<PrepareOptions, 'modules'> {
  /** Modules of the command line. */
  readonly extra: readonly ModuleUse[];
}

async function takeRuns(
  files: readonly ConfigFile[],
  subject: Subject,
  { extra, ...options }: TakeOptions,
  terminal: Terminal,
): Promise<RunView[]> {
  const progress = new Progress(terminal.isErrInteractive ? terminal.err : null, () => performance.now());
  const guard = hasModules(files, extra) ? startRunGuard() : null;
  const runs: RunView[] = [];
  try {
    for (const { file, config } of files) {
      const prepared = await modulesForRun(file, config, extra, terminal.err, guard);
      const { options: modules, warnings, sources } = prepared;
      for (const warning of warnings) terminal.err(`shaper: warning: ${warning}\n`);
      const take = async (): Promise<RunView> => {
        const run = begun(() => subject.prepare(config.spec, files[0].config.spec, { ...options, modules }));
        return takeRun(run, file, (done) => progress.show(file, done));
      };
      runs.push(await withoutFaults(sources, take));
    }
  } finally {
    guard?.close();
    progress.clear();
  }
  return runs;
}

/** Only modules need somebody to end them. */
function hasModules(files: readonly ConfigFile[], extra: readonly ModuleUse[]): boolean {
  return extra.length > 0 || files.some(({ config }) => config.modules.length > 0);
}

/** A module whose create() fails is no fault of this program. */
function begun(prepare: () => Simulation): Simulation {
  try {
    return prepare();
  } catch (error) {
    if (!(error instanceof ModuleStartError)) throw error;
    throw new OperatingError(EXIT_USAGE, `${error.message}${placeOf(error.cause)}`, '', error);
  }
}

function placeOf(cause: unknown): string {
  const place = firstPlaceOf(cause);
  return place === null ? '' : ` (${place})`;
}

function ejectedModules(runs: readonly RunView[]): string[] {
  return runs.flatMap(({ configuration, modules }) =>
    modules
      .filter(({ state }) => state === 'ejected')
      .map(({ label, reason }) => `${configuration}: module ${label} was ejected: ${reason}`),
  );
}

/** Says which classes saw no packet. A `default` that saw none is usual. */
function idleClasses(runs: readonly RunView[]): string[] {
  return runs.flatMap(({ configuration, classes }) => {
    const idle = classes.filter(
      ({ isLeaf, path, report }) =>
        isLeaf && !path.endsWith('/default') && report.sent.packets + report.dropped === 0,
    );
    if (idle.length === 0) return [];
    const named = idle.slice(0, IDLE_CLASSES_NAMED).map(({ path }) => path);
    const more = idle.length > named.length ? ` and ${idle.length - named.length} more` : '';
    return [`${configuration}: no packet came to ${named.join(', ')}${more}`];
  });
}

/** Says which runs ended with packets in the shaper, although a replay waits for them. */
function stillWaiting(runs: readonly RunView[]): string[] {
  return runs
    .filter(({ report }) => report.totals.held.packets > 0)
    .map(({ configuration, report }) => {
      const { packets } = report.totals.held;
      return `${configuration}: ${packets} packets still wait ${DRAIN_NS_MAX / 3600e9} h after the last one came`;
    });
}

const secondsOf = (ns: number): number => ns / 1e9;

/** The object of the contract. A comparison has both, each with the name of its file and its figures. */
function jsonOf(runs: readonly RunView[]): object {
  const withQuotas = ({ report, quotas, modules }: RunView): object => ({
    ...report,
    ...(quotas !== null && { quotas: quotaJson(quotas, secondsOf) }),
    ...(modules.length > 0 && { modules }),
  });
  if (runs.length === 1) return withQuotas(runs[0]);
  return {
    runs: runs.map((run) => ({
      configuration: run.configuration,
      figures: figuresOf(run.report),
      ...withQuotas(run),
    })),
  };
}
