/** A change service in front of a packet thread and clocks that the test moves. */
import { configChanges } from '../../../../src/config/edit/changes.ts';
import { ConfigDocument } from '../../../../src/config/edit/document.ts';
import { ApiError } from '../../../../src/control/api-error.ts';
import type { Clock } from '../../../../src/control/change/clock.ts';
import type { Documents } from '../../../../src/control/change/derive.ts';
import { type ChangeOptions, ChangeService } from '../../../../src/control/change/service.ts';
import type { Scheduled } from '../../../../src/control/change/state.ts';
import { type ControlEvent, Events } from '../../../../src/control/events.ts';
import type { ApplyRefusal, ApplyRequest, LogLine } from '../../../../src/control/messages.ts';
import type { Applied } from '../../../../src/control/packet-thread.ts';
import type { ModuleUse } from '../../../../src/spec/modules.ts';
import type { ClassSpec } from '../../../../src/spec/spec.ts';

/** Noon in UTC. */
export const NOON_MS = Date.UTC(2026, 5, 1, 12);

/** Time stands still but for advance(). Actions run in the order of their instants. */
export class FakeClock implements Clock {
  private nowMs = 0;
  private offsetMs = NOON_MS;
  private readonly actions = new Set<{ readonly atMs: number; readonly run: () => void }>();

  monotonicMs(): number {
    return this.nowMs;
  }

  wallMs(): number {
    return this.offsetMs + this.nowMs;
  }

  after(ms: number, run: () => void): () => void {
    const action = { atMs: this.nowMs + ms, run };
    this.actions.add(action);
    return () => void this.actions.delete(action);
  }

  /** Somebody sets the time of day. */
  set(wallMs: number): void {
    this.offsetMs = wallMs - this.nowMs;
  }

  async advance(ms: number): Promise<void> {
    const endMs = this.nowMs + ms;
    await turn();
    for (;;) {
      const [next] = [...this.actions].sort((a, b) => a.atMs - b.atMs);
      if (next === undefined || next.atMs > endMs) break;
      this.actions.delete(next);
      this.nowMs = next.atMs;
      next.run();
      await turn();
    }
    this.nowMs = endMs;
    await turn();
  }

  get sleepers(): number {
    return this.actions.size;
  }
}

/** Lets everything run that waits for nothing but its turn. */
export async function turn(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}

export const YAML = `links:
  wan:
    device: eth0
    up:
      rate: 20mbit
      classes:
        # calls first
        voice: { rate: 1mbit, match: { dscp: ef } }
        guests:
          ceil: 10mbit # not more
          match: { src: 10.0.9.0/24 }
          classes:
            web: { match: { proto: tcp, dport: 443 } }
        bulk: { ceil: 5mbit, match: { dport: 20 } }
`;

export function setUp(
  yaml = YAML,
  options: Partial<ChangeOptions> & { readonly schedules?: Schedules } = {},
) {
  const clock = new FakeClock();
  const thread = new FakePacketThread();
  const files = new Map([['/etc/shaper.yaml', yaml]]);
  const logged: LogLine[] = [];
  const told: ControlEvent[] = [];
  const events = new Events(() => clock.wallMs());
  events.subscribe((event) => told.push(event));
  const { schedules = null } = options;
  const documents: Documents = {
    parse: ConfigDocument.parse,
    loadHere: (document) => document.load(),
    changes: configChanges,
    hasSchedules: () => schedules !== null,
    scheduled: (_, at) => schedules?.(at) ?? [],
  };
  /** null: as the configuration says. */
  const present: { modules: readonly ModuleUse[] | null } = { modules: null };
  const service: ChangeService = new ChangeService({
    documents,
    config: { text: yaml, file: '/etc/shaper.yaml' },
    apply: thread.apply,
    readText: (file) => files.get(file)!,
    presentModules: async () => present.modules ?? service.running().config.modules,
    log: (line) => logged.push(line),
    emit: events.emit,
    clock,
    ...options,
  });
  service.start();
  /** Without waiting for the next crossing. */
  const soon = async <T>(promise: Promise<T>): Promise<T> => {
    const settled = promise.then(
      () => undefined,
      () => undefined,
    );
    await clock.advance(20);
    await settled;
    return promise;
  };
  const eventsOf = (type: string): object[] =>
    told.filter((one) => one.type === type).map(({ data }) => data);
  return { service, present, clock, thread, files, logged, eventsOf, soon, events };
}

export type Schedules = (at: Date) => readonly Scheduled[];

/** Applies everything at once, unless the test holds it back or has it refused. */
export class FakePacketThread {
  readonly requests: ApplyRequest[] = [];
  generation = 0;
  notes: readonly string[] = [];
  /** Returns why a configuration is refused, or null. */
  refuse: (request: ApplyRequest) => ApplyRefusal | null = () => null;
  gate: Promise<void> = Promise.resolve();

  readonly apply = async (request: ApplyRequest): Promise<Applied> => {
    this.requests.push(request);
    await this.gate;
    const refusal = this.refuse(request);
    if (refusal !== null) throw new ApiError(409, refusal.code, refusal.message, refusal.where, refusal.hint);
    return { generation: ++this.generation, tookMs: 2, notes: this.notes };
  };

  /** The class by which the instance runs now. */
  running(path: string): ClassSpec | undefined {
    const find = (node: ClassSpec | null): ClassSpec | undefined =>
      node === null || node.path === path ? (node ?? undefined) : node.children.map(find).find((one) => one);
    const { links } = this.requests.at(-1)!.config.spec;
    return links.map(({ up, down }) => find(up) ?? find(down)).find((one) => one);
  }

  /** In Mbit/s. */
  ceil(path: string): number {
    return (this.running(path)!.ceilBytesPerSec * 8) / 1e6;
  }
}
