/** The control thread: serves the socket, so that people never slow packets. */
import { parentPort, workerData } from 'node:worker_threads';
import { invariant } from '../base/assert.ts';
import { listClasses } from '../core/classes/classes.ts';
import { FlowReader } from '../core/flows/flow-reader.ts';
import { FilesKeeper } from '../files/keeper.ts';
import { readConfigText } from '../io/config-text.ts';
import { ownIdentity } from '../io/proc/process.ts';
import { addressText } from '../packet/address-text.ts';
import { REAL_CLOCK } from './change/clock.ts';
import { DOCUMENTS } from './change/documents.ts';
import { NO_MOVES } from './change/moves.ts';
import { ChangeService } from './change/service.ts';
import { metricsCommand, type Seen } from './commands/metrics.ts';
import { begunModule, moduleSetter } from './commands/modules.ts';
import { quotaCommands } from './commands/quotas.ts';
import { statusCommand } from './commands/status.ts';
import { stopCommand } from './commands/stop.ts';
import { subjectCommands } from './commands/subjects.ts';
import { Events } from './events.ts';
import { createHosts } from './hosts/create-hosts.ts';
import { readNfqueues, sumKernelDrops } from './kernel-drops.ts';
import type { ControlStart, FromControlThread, ToControlThread } from './messages.ts';
import type { ModuleCommand } from './modules.ts';
import { PacketThread } from './packet-thread.ts';
import { Programs } from './programs/programs.ts';
import { routesOf } from './routes/routes.ts';
import { SAMPLE_MS, Samples } from './samples.ts';
import { ControlError, type ControlServer, startServer } from './server.ts';
import { createSubjects } from './subjects/create-subjects.ts';
import { tcpCommand } from './tcp/tcp.ts';
import { Alarms } from './views/alarms.ts';
import { Views } from './views/views.ts';
import { whyCommand } from './why/why.ts';

invariant(parentPort !== null, 'worker.ts runs as a worker thread');
const port = parentPort;
const { socketPath, gid, subject, flows, hosts: hostMemory, config } = workerData as ControlStart;
const tell = (message: FromControlThread): void => port.postMessage(message);

const packetThread = new PacketThread(tell, new FlowReader(flows));
const samples = new Samples();
const events = new Events(REAL_CLOCK.wallMs);
const change = new ChangeService({
  documents: DOCUMENTS,
  config,
  apply: async (request) => {
    const applied = await packetThread.apply(request);
    hosts.follow(request.config);
    subjects.follow(request.config.spec, request.renamed);
    files.follow(request.config.filesFolder);
    return applied;
  },
  readText: readConfigText,
  presentModules: () => packetThread.moduleUses(),
  log: (line) => packetThread.log(line),
  emit: events.emit,
  clock: REAL_CLOCK,
});
const hosts = createHosts(change.running().config, hostMemory, packetThread, events.emit);
const { service } = hosts;
const subjects = createSubjects(change, packetThread, events.emit);
const files = new FilesKeeper({
  socketPath,
  log: (level, message, fields) => packetThread.log({ level, message, fields: { ...fields } }),
});
const views = new Views({
  packets: packetThread,
  hosts: {
    directory: service.directory,
    standingsOf: (entry) => service.keeper.standingsOf(entry),
    look: () => service.look(),
    ports: hosts.ports,
  },
  programs: new Programs(),
  monotonicNs: () => performance.now() * 1e6,
});
const alarms = new Alarms(events.emit);
let seen: Promise<Seen> | null = null;
const why = whyCommand({
  packets: packetThread,
  recentWaits: views.recentWaits,
  running: () => change.running(),
  stopped: (family, words) => service.stopOf(addressText(family, words)),
  pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
});
const commands = {
  status: statusCommand(subject, packetThread, samples, {
    scheduled: () => change.scheduled(),
    warnings: () => [...service.warnings, ...files.warnings],
  }),
  stop: stopCommand(ownIdentity(), () => tell({ type: 'stop' })),
  why,
  tcp: tcpCommand({
    packets: packetThread,
    paths: () => listClasses(change.running().config.spec).map(({ path }) => path),
    why,
    clock: REAL_CLOCK,
  }),
  change,
  events,
  isShared: gid !== null,
  views,
  quotas: quotaCommands(service),
  subjects: subjectCommands(subjects, () => seen ?? look()),
  modules: (command: ModuleCommand) => packetThread.modules(command),
  metrics: metricsCommand({
    ...{ subject, samples, events },
    seen: () => seen ?? look(),
    flows: () => packetThread.flows.size,
    hosts: () => service.counts(),
    warnings: () => [...service.warnings, ...files.warnings],
  }),
};
const setForModule = moduleSetter(change, tell);
let server: ControlServer | null = null;

port.on('message', (message: ToControlThread) => {
  if (message.type === 'close') void close();
  else if (message.type === 'reload') void change.reloadForSignal();
  else if (message.type === 'stopping') stopping();
  else if (message.type === 'set') void setForModule(message);
  else if (message.type === 'event') happened(message);
  else packetThread.answered(message);
});

function happened({ event, data }: Extract<ToControlThread, { type: 'event' }>): void {
  events.emit(event, data);
  const begun = begunModule(event, data);
  if (begun !== null) service.moduleBegan(begun);
}

async function look(): Promise<Seen> {
  const queues = readNfqueues();
  const snapshot = await packetThread.snapshot();
  return { snapshot, kernel: sumKernelDrops(queues, snapshot.nfqueues) };
}

const sample = async (): Promise<void> => {
  const now = await look();
  seen = Promise.resolve(now);
  samples.add(now.snapshot);
  views.sample(now.snapshot);
  alarms.look(now.snapshot, now.kernel);
};
const sampling = setInterval(() => void sample(), SAMPLE_MS);

function stopping(): void {
  change.stop();
  // The end of the mount takes longest.
  void files.close();
}

async function close(): Promise<void> {
  stopping();
  clearInterval(sampling);
  await server?.close();
  subjects.close();
  await Promise.all([hosts.close(), files.close()]);
  port.close();
}

try {
  server = await startServer(socketPath, routesOf(commands, subject.version), gid);
  tell({ type: 'listening' });
  change.start();
  subjects.follow(change.running().config.spec, NO_MOVES);
  void service.start();
  files.follow(change.running().config.filesFolder);
  void sample();
} catch (error) {
  clearInterval(sampling);
  if (!(error instanceof ControlError)) throw error;
  tell({ type: 'failed', code: error.code, message: error.message, hint: error.hint });
  port.close();
}
