/** The packet thread's side: starts the control thread and answers its questions between two batches. */
import { basename, dirname, join } from 'node:path';
import type { ModuleUse } from '../spec/modules.ts';
import { startWorkerFile } from '../threads/worker-file.ts';
import type { EventType } from './events.ts';
import { trustedFolder } from './folder.ts';
import { gidOf } from './group.ts';
import type {
  ApplyAnswer,
  ApplyRequest,
  ConfigSource,
  ControlStart,
  FromControlThread,
  LogLine,
  ModuleSet,
  StoppedAddresses,
  ToControlThread,
} from './messages.ts';
import { ModuleSets } from './module-sets.ts';
import type { ModuleAnswer, ModuleCommand } from './modules.ts';
import { ControlError } from './server.ts';
import { type SnapshotSource, SnapshotWriter } from './snapshot.ts';
import type { StatusSubject } from './status.ts';

export interface ControlOptions {
  readonly socketPath: string;
  /** The name of the group that may connect as well. null: only our own user. */
  readonly group: string | null;
  readonly subject: StatusSubject;
  /** Read only between batches, because messages are handled on the event loop. */
  readonly source: SnapshotSource;
  /** By what the instance starts. */
  readonly config: ConfigSource;
  /** Changes the instance between two batches, or refuses. It is asked once at a time. */
  readonly apply: (request: ApplyRequest) => Promise<ApplyAnswer>;
  /** Addresses of hosts that a quota has stopped, for the rules. */
  readonly setStopped: (addresses: StoppedAddresses) => void;
  /** Lists, loads or switches modules. It may be asked again before it has answered. */
  readonly modules: (command: ModuleCommand) => Promise<ModuleAnswer>;
  /** All modules that there are, as a configuration would name them. */
  readonly moduleUses: () => readonly ModuleUse[];
  readonly log: (line: LogLine) => void;
  /** A client asks for an orderly stop. */
  readonly onStop: () => void;
  /** The control thread died. Packets go on, `status` does not. */
  readonly onFailure: (error: Error) => void;
}

export interface Control {
  /** Applies the file again, as `shaper reload` does. The log is told what comes of it. */
  reload(): void;
  /** Tells those who watch. */
  event(type: EventType, data: object): void;
  /** Changes a class as `shaper set` does. Rejects with the error that it would print. */
  set(change: ModuleSet): Promise<void>;
  /** The instance was asked to stop: requests to change it are refused from now on. */
  stopping(): void;
  /** Closes every connection, removes the socket, ends the thread. */
  close(): Promise<void>;
}

/** Lets bind() make the socket with mode 0600. */
const SOCKET_UMASK = 0o177;

/** Resolves when the socket listens. Rejects with ControlError. */
export async function startControl(options: ControlOptions): Promise<Control> {
  const gid = options.group === null ? null : await gidOf(options.group);
  const folder = await trustedFolder(dirname(options.socketPath));
  const socketPath = join(folder, basename(options.socketPath));
  // The mask is one for all threads, and only this thread may set it.
  const mask = process.umask(SOCKET_UMASK);
  return listenInWorker({ ...options, socketPath }, gid).finally(() => process.umask(mask));
}

async function listenInWorker(options: ControlOptions, gid: number | null): Promise<Control> {
  const { socketPath, subject, config, source, onFailure } = options;
  const memory = { flows: source.flows.buffer, hosts: source.hosts.buffer };
  const start: ControlStart = { socketPath, gid, subject, config, ...memory };
  const worker = startWorkerFile(import.meta.url, 'worker', { workerData: start, name: 'control' });
  const writer = new SnapshotWriter(source);
  const tell = (message: ToControlThread): void => worker.postMessage(message);
  const serve = (message: Exclude<FromControlThread, { type: 'listening' | 'failed' }>): void => {
    if (message.type === 'snapshot') tell({ type: 'snapshot', id: message.id, answer: writer.take() });
    else if (message.type === 'each') tell({ type: 'each', id: message.id, answer: source.eachClasses() });
    else if (message.type === 'inspect')
      tell({ type: 'inspect', id: message.id, answer: source.inspect(message.flows) });
    else if (message.type === 'trace')
      tell({ type: 'trace', id: message.id, answer: source.trace(message.subject) });
    else if (message.type === 'hosts') source.updateHosts(message.update);
    else if (message.type === 'subjects') source.updateSubjects(message.update);
    else if (message.type === 'stopped') options.setStopped(message.addresses);
    else if (message.type === 'log') options.log(message.line);
    else if (message.type === 'stop') options.onStop();
    else if (message.type === 'module') void answerModule(message.id, message.command);
    else if (message.type === 'uses') tell({ type: 'uses', id: message.id, answer: options.moduleUses() });
    else if (message.type === 'set-done') sets.done(message.request, message.refusal);
    else void apply(message.id, message.request);
  };
  const apply = async (id: number, request: ApplyRequest): Promise<void> => {
    const beganMs = performance.now();
    const applied = await options.apply(request);
    tell({ type: 'apply', id, answer: { applied, tookMs: performance.now() - beganMs } });
  };
  const answerModule = async (id: number, command: ModuleCommand): Promise<void> => {
    tell({ type: 'module', id, answer: await options.modules(command) });
  };
  const sets = new ModuleSets((request, change) => tell({ type: 'set', request, ...change }));
  let isClosing = false;
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    worker.once('error', (error) => {
      reject(
        new ControlError('failed', `control thread: ${error.message}`, 'this is a fault of the program'),
      );
      onFailure(error);
    });
    worker.once('exit', () => {
      if (!isClosing) onFailure(new Error('the control thread has ended'));
    });
    worker.on('message', (message: FromControlThread) => {
      if (message.type === 'listening') resolve();
      else if (message.type === 'failed') {
        isClosing = true;
        reject(new ControlError(message.code, message.message, message.hint));
      } else serve(message);
    });
  });
  return {
    reload: () => tell({ type: 'reload' }),
    event: (event, data) => tell({ type: 'event', event, data }),
    set: (change) => sets.ask(change),
    stopping: () => tell({ type: 'stopping' }),
    close: async () => {
      isClosing = true;
      tell({ type: 'close' });
      await ended;
    },
  };
}
