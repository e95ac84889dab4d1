/**
 * `shaper simulate`: a scenario or a capture through the engine in virtual time, as text, JSON or a page with
 * pictures.
 */
import { EXIT_FAILED, EXIT_FINE, EXIT_USAGE, OperatingError } from '../base/errors.ts';
import { parseTime, TIME_FORMS, UnitError } from '../base/units.ts';
import type { LoadedConfig } from '../config/config.ts';
import { readVersion } from '../live/version.ts';
import { figuresOf } from '../sim/report/figures.ts';
import { DRAIN_NS_MAX } from '../sim/simulation.ts';
import { writePage } from './page/write.ts';
import { readConfigAloud } from './read-config.ts';
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
  const { conf, compare } = options;
  const named = [conf, compare].filter((file) => file !== undefined);
  const files = named.map((file) => ({ file, config: readConfigAloud(file, terminal) }));
  const subject = await chooseSubject(options);
  for (const warning of subject.warnings) terminal.err(`shaper: warning: ${warning}\n`);
  // A page that cannot be written is an error before the run, not minutes later. An existing file stays until
  // it is replaced.
  if (options.html !== undefined) writePage(options.html, '', 'a');
  const runs = takeRuns(files, subject, { seed, quotaSpeed }, terminal);
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

function takeRuns(
  files: readonly ConfigFile[],
  subject: Subject,
  options: PrepareOptions,
  terminal: Terminal,
): RunView[] {
  const progress = new Progress(terminal.isErrInteractive ? terminal.err : null, () => performance.now());
  try {
    return files.map(({ file, config }) => {
      const run = subject.prepare(config.spec, files[0].config.spec, options);
      return takeRun(run, file, (done) => progress.show(file, done));
    });
  } finally {
    progress.clear();
  }
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
  const withQuotas = ({ report, quotas }: RunView): object =>
    quotas === null ? report : { ...report, quotas: quotaJson(quotas, secondsOf) };
  if (runs.length === 1) return withQuotas(runs[0]);
  return {
    runs: runs.map((run) => ({
      configuration: run.configuration,
      figures: figuresOf(run.report),
      ...withQuotas(run),
    })),
  };
}
