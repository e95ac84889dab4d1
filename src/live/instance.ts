/**
 * The order in which an instance starts and stops. Rules come last and go first, so that no packet is queued
 * that gets no verdict.
 */
import { randomInt } from 'node:crypto';
import type { Logger } from 'pino';
import { EXIT_FAILED } from '../base/errors.ts';
import type { LoadedConfig } from '../config/config.ts';
import type { ConfigSource } from '../control/messages.ts';
import { Engine } from '../core/engine.ts';
import { TOTAL } from '../core/packets/stats.ts';
import { openDeviceNames, shownName } from '../io/nfqueue/device-names.ts';
import {
  askForPromptness,
  createCourtesy,
  ignoreTerminalStop,
  type NfqueuePort,
} from '../io/nfqueue/nfqueue.ts';
import { finishReactor, startReactor } from '../io/nfqueue/reactor.ts';
import { readDeviceGraph } from '../io/proc/device-graph.ts';
import {
  type Backend,
  cleanLeftovers,
  hex,
  type InstalledRules,
  installRules,
  type Neighbours,
  type NftSession,
  type RulesLog,
  type RulesRequest,
} from '../io/rules/index.ts';
import { NFQUEUES_MAX } from '../limits.ts';
import type { ShaperSpec } from '../spec/spec.ts';
import { logCountersOnSignal } from './counters-signal.ts';
import { createApplier } from './create-applier.ts';
import { watchDevices } from './create-device-watch.ts';
import { createPortWatch } from './create-port-watch.ts';
import { closeDebugger } from './debugger.ts';
import { type DeviceWatch, waitingLinks } from './device-watch.ts';
import { watchFreed } from './freed-watch.ts';
import { Hangup } from './hangup.ts';
import { openLog } from './log.ts';
import { LostWatch } from './lost-watch.ts';
import { connectModules } from './modules/create-modules.ts';
import { GuardOnDemand } from './modules/guard.ts';
import type { Resume } from './modules/handover.ts';
import type { ModuleManager } from './modules/manager.ts';
import { Restarts } from './modules/restarts.ts';
import { News } from './news.ts';
import { NfqueueBooks, openNfqueues, warnOfLess } from './nfqueues.ts';
import { openControl } from './open-control.ts';
import { lookOut } from './outlook.ts';
import { checkDevices, checkProcess, readProcessStatus } from './preconditions.ts';
import { Remnants } from './remnants.ts';
import { RulePlanner } from './rule-planner.ts';
import { Running } from './running.ts';
import { SilenceWatch } from './silence-watch.ts';
import { openSocketOwners, warningsOfOwners } from './socket-owners.ts';
import { createStopper, type Stopper } from './stop.ts';
import { StoppedHosts } from './stopped-hosts.ts';
import { canOpenTerminal, isUnderNohup, leaveClosedTerminal } from './terminal.ts';
import { Unwinder } from './unwinder.ts';

export interface Surroundings {
  /** Where the configuration came from. */
  readonly source: ConfigSource;
  /** The program has started itself anew in this process; null: a start like any other. */
  readonly resume: Resume | null;
  /** Standard output is a terminal: the log is for people. */
  readonly isInteractive: boolean;
  readonly exitNow: (exitCode: number) => never;
}

/** Shapes until a signal or a fault. Resolves with the exit code. */
export async function runInstance(config: LoadedConfig, surroundings: Surroundings): Promise<number> {
  const { source, resume, isInteractive, exitNow } = surroundings;
  const { file } = source;
  const remnants = resume ? new Remnants() : null;
  checkProcess(readProcessStatus());
  checkDevices(config.spec, readDeviceGraph() ?? new Map(), shownName);
  ignoreTerminalStop();
  const { logger, close } = openLog(config.logLevel, isInteractive);
  if (closeDebugger()) logger.warn("Node's debugger was open, to every local user: closed");
  for (const { message, line, column } of config.warnings) logger.warn({ file, line, column }, message);
  const unwinder = new Unwinder();
  const stopper = createStopper({
    exitNow,
    onReload: () => void hangup.received(),
    onIgnored: (signal) =>
      logger.warn(`${signal} is ignored: packets would wait. SIGTERM or Ctrl-C stops the shaper`),
    onTimeout: () => logger.error({ step: unwinder.step }, 'the orderly stop took too long'),
  });
  const hangup = new Hangup({
    hadTerminal: canOpenTerminal() && !isUnderNohup(),
    canOpenTerminal,
    onGone: () => stopper.ask('SIGHUP: the terminal has gone'),
    onEarly: () => logger.warn('SIGHUP came during the start, which reads the file anyway'),
  });
  if (resume?.signal) {
    unwinder.add('rules from before', async () => void (await cleanLeftovers(config.spec.nfqueue.first)));
    stopper.ask(resume.signal);
  }
  const guard = new GuardOnDemand();
  void stopper.requested.then(() => guard.stopping());
  const rulesLog: RulesLog = { warn: (message, fields) => logger.warn(fields ?? {}, message) };
  try {
    const instance = await startUnlessStopped(config, {
      source,
      resume,
      guard,
      restarts: new Restarts(guard, source),
      logger,
      rulesLog,
      stopper,
      hangup,
      unwinder,
      news: new News(),
      stopped: new StoppedHosts(),
    });
    const { reason, exitCode } = await stopper.requested;
    if (exitCode !== 0) logger.fatal({ reason }, 'stopping');
    unwinder.step = 'delivery of held packets';
    const undelivered = (await instance?.release()) ?? 0;
    const isClean = await unwind(unwinder, logger);
    logger.info({ reason, undelivered }, 'stopped');
    return isClean ? exitCode : EXIT_FAILED;
  } finally {
    await unwind(unwinder, logger);
    remnants?.close();
    await close();
    stopper.dispose();
    leaveClosedTerminal();
  }
}

function unwind(unwinder: Unwinder, logger: Logger): Promise<boolean> {
  return unwinder.unwind((what, err) => logger.error({ err }, `taking back the ${what} failed`));
}

interface Parts {
  readonly source: ConfigSource;
  readonly resume: Resume | null;
  readonly guard: GuardOnDemand;
  readonly restarts: Restarts;
  readonly logger: Logger;
  readonly rulesLog: RulesLog;
  readonly stopper: Stopper;
  readonly hangup: Hangup;
  readonly unwinder: Unwinder;
  readonly news: News;
  readonly stopped: StoppedHosts;
}

interface Instance {
  /** Ends the matching and accepts every held packet. Resolves with the number of packets still held (0). */
  release(): Promise<number>;
}

/** A tool that the signal of a stop has ended is no failure of the start. */
async function startUnlessStopped(config: LoadedConfig, parts: Parts): Promise<Instance | null> {
  try {
    return await start(config, parts);
  } catch (error) {
    if (!parts.stopper.isRequested()) throw error;
    parts.logger.debug({ err: error }, 'stopped during the start');
    return null;
  }
}

/**
 * Starts up to `ready`. Resolves with null if a stop is requested meanwhile. In that case, and if it throws,
 * the unwinder knows what to take back.
 */
async function start(config: LoadedConfig, parts: Parts): Promise<Instance | null> {
  const { guard, restarts, logger, stopper, unwinder } = parts;
  unwinder.add('guard of modules', async () => guard.close());
  const outlook = await lookOut(config, guard, parts);
  if (outlook === null) return null;
  const { backend, pacing, modules, faults, firstModules, spec } = outlook;
  const { neighbours, session } = outlook.claimed;
  const planner = new RulePlanner(backend, neighbours, parts.rulesLog);
  const names = openDeviceNames();
  const ports = createPortWatch(backend, spec.nfqueue, names, parts);
  planner.ports = await ports.find(spec.links, spec.links);
  const request = await planner.start(spec);
  if (stopper.isRequested()) return null;
  const port = openNfqueues(request);
  unwinder.add('queues', () => port.close());
  warnOfLess(port.granted, request, logger);
  logger.debug(askForPromptness(), 'scheduling');
  const sockets = openSocketOwners(logger, unwinder);
  const seed = randomInt(2 ** 32);
  const engine = new Engine(spec, { seed, plan: request.plan, nameOf: names.nameOf, sockets, guard });
  const lost = watchLost(spec, engine, port, parts);
  const devices = watchDevices(engine, port, names, lost, ports, modules, parts);
  const silences = watchSilences(engine, parts);
  watchFreed(engine, parts);
  const nfqueues = new NfqueueBooks(port, spec.nfqueue.first);
  let rules: InstalledRules | null = null;
  const running = runningOf(engine, port, devices, nfqueues, () => [
    ...[...waitingLinks(engine, devices), ...warningsOfOwners(sockets), ...(rules?.collisions ?? [])],
    ...[ports, silences, pacing, modules].flatMap(({ warnings }) => warnings),
  ]);
  const changeable = { running, engine, port, nfqueues, ports, planner, pacing, modules };
  const applier = createApplier(config, { ...changeable, rules: () => rules, ...parts });
  const control = await openControl(config, backend, running, applier, modules, parts);
  if (stopper.isRequested()) return null;
  connectModules(modules, {
    ...{ engine, guard, restarts, faults, names, nowNs: () => port.nowNs() },
    set: (change) => control.set(change),
    apply: (draft) => applier.changeModules(draft),
  });
  unwinder.add('modules', async () => modules.stop());
  modules.start(firstModules, parts.resume !== null);
  logCountersOnSignal(engine, parts);
  startReactor(port, engine, createCourtesy(), lost);
  const installed = await enforceRules(session, request, backend, neighbours, parts);
  rules = installed;
  parts.stopped.installed(installed);
  installed.onGap(() => engine.pacing.loseSight());
  ports.begin({ links: () => running.spec.links, follow: (found) => applier.followPorts(found) });
  if (!stopper.isRequested()) logger.info(describe(config, spec, backend), 'ready');
  return { release: () => release(installed, engine, port, modules, logger) };
}

function runningOf(
  engine: Engine,
  port: NfqueuePort,
  devices: DeviceWatch,
  nfqueues: NfqueueBooks,
  warnings: () => readonly string[],
): Running {
  return new Running({
    ...{ engine, port, devices, warnings },
    nowNs: () => port.nowNs(),
    socketCounters: () => port.counters(),
    nfqueues: () => nfqueues.own,
  });
}

function watchLost(
  spec: ShaperSpec,
  engine: Engine,
  port: NfqueuePort,
  { logger, unwinder }: Parts,
): LostWatch {
  const watch = new LostWatch({
    ...{ first: spec.nfqueue.first, count: NFQUEUES_MAX },
    waitingOf: (nfqueue) => engine.waitingOf(nfqueue),
    letGo: (packets) => engine.letGo(port, packets, port.nowNs()),
    onFound: (packets) => logger.info({ packets }, 'the kernel has discarded waiting packets'),
  });
  unwinder.add('watch for lost packets', () => watch.close());
  return watch;
}

function watchSilences(engine: Engine, { logger, unwinder }: Parts): SilenceWatch {
  const watch = new SilenceWatch({
    engine,
    onSilence: (silence) => logger.warn(silence, 'packets pass by unshaped'),
    readGraph: () => readDeviceGraph(false),
  });
  unwinder.add('silence watch', () => watch.close());
  return watch;
}

/** From here on packets are queued. */
async function enforceRules(
  session: NftSession,
  request: RulesRequest,
  backend: Backend,
  neighbours: Neighbours,
  { rulesLog, stopper, unwinder }: Parts,
): Promise<InstalledRules> {
  const rules = await installRules(session, request, backend, rulesLog, stopper.isWanted, neighbours);
  unwinder.add('rules', () => rules.remove());
  rules.onLost((reason) => stopper.fail(reason));
  return rules;
}

function describe({ socketPath }: LoadedConfig, spec: ShaperSpec, backend: Backend): object {
  const { first, count, markMask } = spec.nfqueue;
  const devices = spec.links.map((link) => link.device);
  return {
    backend,
    devices,
    queues: `${first}-${first + count - 1}`,
    mark: hex(markMask),
    socket: socketPath,
  };
}

/** Ends the matching, reads the packets that wait unread and accepts every held one. */
async function release(
  rules: InstalledRules,
  engine: Engine,
  port: NfqueuePort,
  modules: ModuleManager,
  logger: Logger,
): Promise<number> {
  try {
    await rules.stopMatching();
  } catch (err) {
    // Some packets may still come and be lost with the rules. Those held now are delivered all the same.
    logger.error({ err }, 'the rules still match');
  }
  modules.stop();
  finishReactor(port, engine);
  return engine.stats.totals[TOTAL.heldPackets];
}
