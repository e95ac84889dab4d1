/** The control thread of an instance, and what it does to it. */
import type { Logger } from 'pino';
import type { LoadedConfig } from '../config/config.ts';
import { type Control, startControl } from '../control/control.ts';
import type { ConfigSource } from '../control/messages.ts';
import type { Backend } from '../io/rules/index.ts';
import type { Applier } from './applier.ts';
import type { Hangup } from './hangup.ts';
import type { ModuleManager } from './modules/manager.ts';
import type { Restarts } from './modules/restarts.ts';
import type { News } from './news.ts';
import type { Running } from './running.ts';
import type { Stopper } from './stop.ts';
import type { StoppedHosts } from './stopped-hosts.ts';
import type { Unwinder } from './unwinder.ts';
import { readVersion } from './version.ts';

interface Parts {
  readonly source: ConfigSource;
  readonly restarts: Restarts;
  readonly logger: Logger;
  readonly stopper: Stopper;
  readonly hangup: Hangup;
  readonly unwinder: Unwinder;
  readonly news: News;
  readonly stopped: StoppedHosts;
}

/** From now on commands are answered. */
export async function openControl(
  { socketPath, socketGroup }: LoadedConfig,
  backend: Backend,
  running: Running,
  applier: Applier,
  modules: ModuleManager,
  { logger, stopper, hangup, unwinder, source, news, stopped, restarts }: Parts,
): Promise<Control> {
  const control = await startControl({
    socketPath,
    group: socketGroup,
    subject: { version: readVersion(), pid: process.pid, backend },
    source: running,
    config: source,
    apply: async (request) => {
      const answer = await applier.apply(request);
      if (answer.ok) restarts.runsBy(request.base);
      return answer;
    },
    modules: (command) => modules.answer(command),
    moduleUses: () => modules.present,
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
