/** The command `why` over the real engine in virtual time: while it watches, the world goes on. */
import { NONE } from '../../src/base/none.ts';
import { ConfigDocument } from '../../src/config/edit/document.ts';
import { SnapshotReader, SnapshotWriter } from '../../src/control/snapshot.ts';
import type { FlowAnswer, WhyReport } from '../../src/control/why/report.ts';
import { type WhyOptions, whyCommand } from '../../src/control/why/why.ts';
import { FlowReader } from '../../src/core/flows/flow-reader.ts';
import { inspect } from '../../src/core/inspect.ts';
import { DROP_MODULE } from '../../src/core/packets/ledger.ts';
import { buildWorld } from '../../src/sim/traffic/build.ts';
import type { FlowSpec, HostSpec, Traffic } from '../../src/sim/traffic/traffic.ts';
import { type Limit, limit } from './host-limits.ts';
import { HOSTS, MS, SECOND, traffic } from './net.ts';

export interface Situation {
  /** YAML below `links:`, each line as it is. */
  readonly links: string;
  readonly flows: readonly FlowSpec[];
  readonly hosts?: readonly HostSpec[];
  readonly line?: Traffic['line'];
  /** Hosts that are stopped, for packets without traffic. */
  readonly stopped?: WhyOptions['stopped'];
  /** Limits of hosts, from four seconds before it is asked. */
  readonly limits?: readonly Limit[];
  /** So many packets of each flow are booked as dropped by a module, a second before it is asked. */
  readonly droppedByModules?: number;
  /** When it is asked. */
  readonly atSeconds?: number;
}

/** Asks `why` of a subject in the middle of the traffic. */
export async function ask(subject: string, situation: Situation): Promise<WhyReport> {
  const { links, flows, hosts = HOSTS, line = {}, limits = [], atSeconds = 8 } = situation;
  const document = ConfigDocument.parse(`links:\n${links}`, '/etc/shaper.yaml');
  const config = document.load();
  const world = buildWorld(config.spec, traffic(atSeconds + 5, flows, { hosts, line }), { seed: 1 });
  const { engine } = world;
  const writer = new SnapshotWriter({
    generation: 0,
    warnings: [],
    classes: engine.classes.map(({ path, parent, spec }) => ({
      path,
      parent,
      rateBytesPerSec: 0,
      ceilBytesPerSec: 0,
      isPaced: spec.pace !== null,
    })),
    stats: engine.stats,
    flows: engine.flows,
    nowNs: () => world.nowNs,
    nfqueues: () => ({ open: [], closedDrops: { queueFull: 0, socketFull: 0 } }),
    socketCounters: () => ({ truncated: 0, malformed: 0, sendErrors: 0, verdictErrors: 0 }),
    eachClasses: () => [],
    inspect: (names) => inspect(engine, names, world.nowNs),
    trace: () => null,
    hosts: engine.hosts,
    updateHosts: () => undefined,
    updateSubjects: () => undefined,
  });
  const reader = new SnapshotReader();
  world.runUntil((atSeconds - 4) * SECOND);
  if (limits.length > 0) limit(engine, world.nowNs, ...limits);
  world.runUntil((atSeconds - 1) * SECOND);
  const all = new FlowReader(engine.flows.buffer);
  for (let f = all.next(NONE); f !== NONE; f = all.next(f))
    for (let n = 0; n < (situation.droppedByModules ?? 0); n++)
      engine.flows.measures.packetDropped(f, engine.flows.leaf(f), DROP_MODULE, 100);
  world.runUntil(atSeconds * SECOND);
  const why = whyCommand({
    packets: {
      flows: new FlowReader(engine.flows.buffer),
      snapshot: async () => reader.read(writer.take()),
      inspect: async (names) => inspect(engine, names, world.nowNs),
    },
    running: () => ({ config, document }),
    pause: async (ms) => world.runUntil(world.nowNs + ms * MS),
    recentWaits: () => null,
    stopped: situation.stopped ?? (() => null),
  });
  return why(subject);
}

/** The answer for the flow with this beginning of its text. */
export function answerOf({ flows }: WhyReport, start: string): FlowAnswer {
  const at = flows.findIndex(({ flow }) => flow.startsWith(start));
  if (at === NONE) throw new Error(`no flow ${start} in ${flows.map(({ flow }) => flow).join('; ')}`);
  return flows[at];
}
