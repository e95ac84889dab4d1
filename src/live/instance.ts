/**
 * A running instance: from a configuration to answered packets, and back. Rules come last and go first, so that no packet
 * is queued that nobody answers.
 */
import { randomInt } from 'node:crypto';
import type { Logger } from 'pino';
import { EXIT_FAILED, EXIT_IMPOSSIBLE, OperatingError } from '../base/errors.ts';
import type { LoadedConfig } from '../config/config.ts';
import { type Control, startControl } from '../control/control.ts';
import { Engine } from '../core/engine.ts';
import { TOTAL } from '../core/packets/stats.ts';
import {
  askForPromptness,
  createCourtesy,
  type NfqueuePort,
  openNfqueue,
  unreadMessageBytes,
} from '../io/nfqueue/nfqueue.ts';
import { finishReactor, startReactor } from '../io/nfqueue/reactor.ts';
import { checkDevices } from '../io/proc/devices.ts';
import {
  type Backend,
  findConflicts,
  type InstalledRules,
  installRules,
  probeAbilities,
  probeBackend,
  type RulesLog,
  type RulesRequest,
} from '../io/rules/index.ts';
import { planQueues } from '../spec/queue-plan.ts';
import { watchDevices } from './device-watch.ts';
import { openLog } from './log.ts';
import { createStopper, type Stopper } from './stop.ts';
import { Unwinder } from './unwinder.ts';
import { readVersion } from './version.ts';

export interface Surroundings {
  /** Where the configuration came from, for the log. */
  readonly file: string;
  /** Standard output is a terminal: the log is for people. */
  readonly isInteractive: boolean;
  readonly exitNow: (exitCode: number) => never;
}

/** Shapes until a signal or a fault; resolves with the exit code. */
export async function runInstance(config: LoadedConfig, surroundings: Surroundings): Promise<number> {
  const { file, isInteractive, exitNow } = surroundings;
  checkDevices(config.spec);
  const { logger, flush } = openLog(config.logLevel, isInteractive);
  for (const { message, line, column } of config.warnings) logger.warn({ file, line, column }, message);
  const stopper = createStopper({
    exitNow,
    onReload: () => logger.warn('SIGHUP: reloading comes with a later version; nothing has changed'),
    onTimeout: () => {
      logger.error('the orderly stop took too long');
      flush();
    },
  });
  const unwinder = new Unwinder();
  try {
    const instance = await start(config, { logger, stopper, unwinder });
    const { reason, exitCode } = await stopper.requested;
    if (exitCode !== 0) logger.fatal({ reason }, 'stopping');
    const undelivered = await instance.release();
    const isClean = await unwind(unwinder, logger);
    logger.info({ reason, undelivered }, 'stopped');
    return isClean ? exitCode : EXIT_FAILED;
  } finally {
    await unwind(unwinder, logger);
    stopper.dispose();
    flush();
  }
}

function unwind(unwinder: Unwinder, logger: Logger): Promise<boolean> {
  return unwinder.unwind((what, err) => logger.error({ err }, `taking back the ${what} failed`));
}

interface Parts {
  readonly logger: Logger;
  readonly stopper: Stopper;
  readonly unwinder: Unwinder;
}

interface Instance {
  /** Stops matching and accepts what is held; gives the number of packets that are still held (0). */
  release(): Promise<number>;
}

/** Everything up to `ready`. What was set up is in the unwinder, also when this throws. */
async function start(config: LoadedConfig, parts: Parts): Promise<Instance> {
  const { logger, unwinder } = parts;
  const { spec, socketPath } = config;
  const rulesLog: RulesLog = { warn: (message, fields) => logger.warn(fields ?? {}, message) };
  const wanted: RulesRequest = { plan: planQueues(spec), nfqueue: spec.nfqueue };
  const conflicts = await findConflicts(wanted);
  if (conflicts.length > 0) {
    const hint = 'stop that instance, or give this one other devices, queue numbers and mark bits';
    throw new OperatingError(EXIT_IMPOSSIBLE, conflicts.join('; '), hint);
  }
  const backend = await probeBackend(spec.nfqueue.backend);
  const abilities = await probeAbilities(wanted.plan, rulesLog);
  const request: RulesRequest = { ...wanted, plan: planQueues(spec, abilities) };
  const port = openPort(request);
  unwinder.add('queues', () => port.close());
  reportGranted(port, request, logger);
  logger.debug(askForPromptness(), 'scheduling');

  const engine = new Engine(spec, { seed: randomInt(2 ** 32), plan: request.plan });
  const control = await openControl(config, { backend, engine, port, logger });
  unwinder.add('control socket', () => control.close());
  const watch = watchDevices({
    engine,
    unmatchedPackets: () => engine.stats.totals[TOTAL.unmatchedPackets]!,
    onChange: (device, from, to) => logger.warn({ device, from, to }, 'the device has another index'),
  });
  unwinder.add('device watch', () => watch.close());

  startReactor(port, engine, createCourtesy());
  const rules = await installRules(request, backend, rulesLog);
  unwinder.add('rules', () => rules.remove());
  rules.onLost((reason) => parts.stopper.fail(reason));
  const { first, count } = spec.nfqueue;
  const devices = spec.links.map((link) => link.device);
  logger.info({ backend, devices, queues: `${first}-${first + count - 1}`, socket: socketPath }, 'ready');
  return { release: () => release({ rules, engine, port, logger }) };
}

function openPort({ nfqueue, plan }: RulesRequest): NfqueuePort {
  return openNfqueue({
    firstQueue: nfqueue.first,
    count: nfqueue.count,
    lengthPackets: nfqueue.length,
    copyBytes: plan.copyBytes,
    gso: plan.gso,
  });
}

/** Says once what the kernel gave less of than was asked for. */
function reportGranted(port: NfqueuePort, { nfqueue, plan }: RulesRequest, logger: Logger): void {
  const { rcvbufBytes, gso } = port.granted;
  const fits = Math.floor(rcvbufBytes / unreadMessageBytes(Math.max(...plan.copyBytes)));
  if (fits < nfqueue.length) {
    const message = 'the kernel granted a smaller socket buffer: so many packets can wait unread';
    logger.warn({ length: nfqueue.length, fits, rcvbufBytes }, `${message}; set nfqueue.length to ${fits}`);
  }
  if (plan.gso.some((wanted, queue) => wanted && gso[queue] !== true)) {
    logger.warn('the kernel refused superpackets (GSO): fast classes cost more processor time');
  }
}

/** Under a mask that lets nobody else in: the socket must not be open to others until its mode is set. */
async function openControl(
  config: LoadedConfig,
  live: { backend: Backend; engine: Engine; port: NfqueuePort; logger: Logger },
): Promise<Control> {
  const { backend, engine, port, logger } = live;
  const { first, count } = config.spec.nfqueue;
  const classes = engine.classes.map(({ path, parent, spec }) => ({
    path,
    parent,
    rateBytesPerSec: spec.rateBytesPerSec,
    ceilBytesPerSec: spec.ceilBytesPerSec,
  }));
  const mask = process.umask(0o077);
  const started = startControl({
    socketPath: config.socketPath,
    subject: { version: readVersion(), backend, firstQueue: first, queueCount: count, classes },
    stats: engine.stats,
    nowNs: () => port.nowNs(),
    onFailure: (err) => logger.error({ err }, 'no status any more: the control thread has ended'),
  });
  return started.finally(() => process.umask(mask));
}

/** Nothing new is queued, what waits unread is read, everything held is accepted. */
async function release(live: {
  rules: InstalledRules;
  engine: Engine;
  port: NfqueuePort;
  logger: Logger;
}): Promise<number> {
  const { rules, engine, port, logger } = live;
  try {
    await rules.stopMatching();
  } catch (err) {
    // Some packets may still come and be lost with the rules; those held now are delivered all the same.
    logger.error({ err }, 'the rules still match');
  }
  finishReactor(port, engine);
  return engine.stats.totals[TOTAL.heldPackets]!;
}
