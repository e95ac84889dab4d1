/**
 * The order in which an instance starts and stops. Rules come last and go first, so that no packet is queued
 * that gets no verdict.
 */
import { randomInt } from 'node:crypto';
import type { Logger } from 'pino';
import { EXIT_FAILED } from '../base/errors.ts';
import type { LoadedConfig } from '../config/config.ts';
import { type Control, startControl } from '../control/control.ts';
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
  builtInTables,
  hex,
  type InstalledRules,
  installRules,
  type Neighbours,
  type NftSession,
  probeBackend,
  type RulesLog,
  type RulesRequest,
  removeNewEmptyTables,
} from '../io/rules/index.ts';
import { NFQUEUES_MAX } from '../limits.ts';
import type { ShaperSpec } from '../spec/spec.ts';
import type { Applier } from './applier.ts';
import { logCountersOnSignal } from './counters-signal.ts';
import { createApplier } from './create-applier.ts';
import { watchDevices } from './create-device-watch.ts';
import { createPortWatch } from './create-port-watch.ts';
import { closeDebugger } from './debugger.ts';
import { waitingLinks } from './device-watch.ts';
import { tryEditing } from './edit-trial.ts';
import { watchFreed } from './freed-watch.ts';
import { Hangup } from './hangup.ts';
import { openLog } from './log.ts';
import { LostWatch } from './lost-watch.ts';
import { connectModules, createModules } from './modules/create-modules.ts';
import type { ModuleManager } from './modules/manager.ts';
import { claimMark } from './neighbours.ts';
import { News } from './news.ts';
import { NfqueueBooks, openNfqueues, warnOfLess } from './nfqueues.ts';
import { PacingGate } from './pacing-gate.ts';
import { checkDevices, checkProcess, readProcessStatus } from './preconditions.ts';
import { RulePlanner } from './rule-planner.ts';
import { Running } from './running.ts';
import { SilenceWatch } from './silence-watch.ts';
import { openSocketOwners } from './socket-owners.ts';
import { createStopper, type Stopper } from './stop.ts';
import { StoppedHosts } from './stopped-hosts.ts';
import { canOpenTerminal, isUnderNohup, leaveClosedTerminal } from './terminal.ts';
import { Unwinder } from './unwinder.ts';
import { readVersion } from './version.ts';

export interface Surroundings {
  /** Where the configuration came from. */
  readonly source: ConfigSource;
  /** Standard output is a terminal: the log is for people. */
  readonly isInteractive: boolean;
  readonly exitNow: (exitCode: number) => never;
}

/** Shapes until a signal or a fault. Resolves with the exit code. */
export async function runInstance(config: LoadedConfig, surroundings: Surroundings): Promise<number> {
  const { source, isInteractive, exitNow } = surroundings;
  const { file } = source;
  checkProcess(readProcessStatus());
  checkDevices(config.spec, readDeviceGraph() ?? new Map(), shownName);
  ignoreTerminalStop();
  const { logger, close } = openLog(config.logLevel, isInteractive);
  if (closeDebugger()) logger.warn("Node's debugger was open, to every local user: closed");
  for (const { message, line, column } of config.warnings) logger.warn({ file, line, column }, message);
  const stopper = createStopper({
    exitNow,
    onReload: () => void hangup.received(),
    onIgnored: (signal) =>
      logger.warn(`${signal} is ignored: packets would wait. SIGTERM or Ctrl-C stops the shaper`),
    onTimeout: () => logger.error('the orderly stop took too long'),
  });
  const hangup = new Hangup({
    hadTerminal: canOpenTerminal() && !isUnderNohup(),
    canOpenTerminal,
    onGone: () => stopper.ask('SIGHUP: the terminal has gone'),
    onEarly: () => logger.warn('SIGHUP came during the start, which reads the file anyway'),
  });
  const rulesLog: RulesLog = { warn: (message, fields) => logger.warn(fields ?? {}, message) };
  const unwinder = new Unwinder();
  try {
    const instance = await startUnlessStopped(config, {
      source,
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
    const undelivered = (await instance?.release()) ?? 0;
    const isClean = await unwind(unwinder, logger);
    logger.info({ reason, undelivered }, 'stopped');
    return isClean ? exitCode : EXIT_FAILED;
  } finally {
    await unwind(unwinder, logger);
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
  const { logger, stopper, unwinder } = parts;
  const claimed = await claimMark(config, parts.rulesLog, stopper.isWanted);
  const { neighbours, session } = claimed;
  unwinder.add('table', async () => void (await session.end()));
  // Trying iptables makes its tables already.
  const tables = await builtInTables();
  unwinder.add('empty tables of iptables', () => removeNewEmptyTables(tables));
  if (stopper.isRequested()) return null;
  const backend = await probeBackend(claimed.spec.nfqueue.backend);
  const pacing = new PacingGate(await tryEditing(session, backend, claimed.spec, stopper.requested));
  if (stopper.isRequested()) return null;
  const modules = createModules(claimed.spec, parts.source.file, parts);
  const firstModules = await modules.draft(config.modules);
  if (stopper.isRequested()) return null;
  const spec = modules.admit(pacing.admit(claimed.spec), firstModules);
  const warning = pacing.settle(claimed.spec);
  if (warning !== null) logger.warn(warning);
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
  const engine = new Engine(spec, { seed, plan: request.plan, nameOf: names.nameOf, sockets });
  const lost = watchLost(spec, engine, port, parts);
  const devices = watchDevices(engine, port, names, lost, ports, modules, parts);
  const silences = watchSilences(engine, parts);
  watchFreed(engine, parts);
  const nfqueues = new NfqueueBooks(port, spec.nfqueue.first);
  let rules: InstalledRules | null = null;
  const running = new Running({
    engine,
    port,
    devices,
    nowNs: () => port.nowNs(),
    socketCounters: () => port.counters(),
    nfqueues: () => nfqueues.own,
    warnings: () => [
      ...waitingLinks(engine, devices),
      ...ports.warnings,
      ...silences.warnings,
      ...(rules?.collisions ?? []),
      ...pacing.warnings,
      ...modules.warnings,
    ],
  });
  const changeable = { running, engine, port, nfqueues, ports, planner, pacing, modules };
  const applier = createApplier(config, { ...changeable, rules: () => rules, ...parts });
  const control = await openControl(config, backend, running, applier, modules, parts);
  if (stopper.isRequested()) return null;
  connectModules(modules, {
    ...{ engine, names, nowNs: () => port.nowNs(), set: (change) => control.set(change) },
    apply: (plan) => applier.changeModules(plan),
  });
  modules.begin(firstModules);
  modules.commit(firstModules);
  unwinder.add('modules', async () => modules.stop());
  logCountersOnSignal(engine, parts);
  startReactor(port, engine, createCourtesy(), () => lost.look());
  const installed = await enforceRules(session, request, backend, neighbours, parts);
  rules = installed;
  parts.stopped.installed(installed);
  installed.onGap(() => engine.pacing.loseSight());
  ports.begin({ links: () => running.spec.links, follow: (found) => applier.followPorts(found) });
  if (!stopper.isRequested()) logger.info(describe(config, spec, backend), 'ready');
  return { release: () => release(installed, engine, port, modules, logger) };
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

async function openControl(
  { socketPath, socketGroup }: LoadedConfig,
  backend: Backend,
  running: Running,
  applier: Applier,
  modules: ModuleManager,
  { logger, stopper, hangup, unwinder, source, news, stopped }: Parts,
): Promise<Control> {
  const control = await startControl({
    socketPath,
    group: socketGroup,
    subject: { version: readVersion(), pid: process.pid, backend },
    source: running,
    config: source,
    apply: (request) => applier.apply(request),
    modules: (command) => modules.answer(command),
    setStopped: (addresses) => stopped.set(addresses),
    log: ({ level, message, fields }) => logger[level](fields, message),
    onStop: () => stopper.ask('shaper stop'),
    onFailure: (err) => logger.error({ err }, 'no status any more: the control thread has ended'),
  });
  unwinder.add('control socket', () => control.close());
  void stopper.requested.then(() => control.stopping());
  hangup.reload = () => control.reload();
  news.listen((type, data) => control.event(type, data));
  return control;
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
