/**
 * The packet thread as the control thread sees it: questions with an id, to which the answers are matched.
 */
import { invariant } from '../base/assert.ts';
import type { EachClass } from '../core/each/fullest.ts';
import type { FlowReader } from '../core/flows/flow-reader.ts';
import type { HostsUpdate } from '../core/hosts/update.ts';
import type { FlowName, Inspection } from '../core/inspect.ts';
import type { SubjectsUpdate } from '../core/subjects/update.ts';
import type { TraceBegun } from '../core/trace/trace.ts';
import type { TraceSubject } from '../core/trace/trace-subject.ts';
import type { ModuleUse } from '../spec/modules.ts';
import { ApiError } from './api-error.ts';
import type {
  ApplyRefusal,
  ApplyRequest,
  FromControlThread,
  LogLine,
  StoppedAddresses,
  ToControlThread,
} from './messages.ts';
import { type ModuleCommand, type ModuleReport, modulesOf } from './modules.ts';
import { type Snapshot, SnapshotReader } from './snapshot.ts';

type Answer = Extract<ToControlThread, { id: number }>;
type Question = Extract<FromControlThread, { id: number }>;

export interface Applied {
  /** Of the classes by which the instance runs now. */
  readonly generation: number;
  /** How long packets had to wait for it. */
  readonly tookMs: number;
  /** What the machine cannot do of it, as sentences. */
  readonly notes: readonly string[];
}

/** A question without its id. */
type Asked<Of> = Of extends Question ? Omit<Of, 'id'> : never;

export class PacketThread {
  /** Reads its flows without a question. */
  readonly flows: FlowReader;
  private readonly tell: (message: FromControlThread) => void;
  private readonly reader = new SnapshotReader();
  private readonly waiting = new Map<number, (answer: never) => void>();
  private lastId = 0;
  private underWay: Promise<Snapshot> | null = null;
  private next: Promise<Snapshot> | null = null;

  constructor(tell: (message: FromControlThread) => void, flows: FlowReader) {
    this.tell = tell;
    this.flows = flows;
  }

  /**
   * Resolves with a snapshot of an instant after this call. Callers that come while one is under way share
   * the next one. So the shared memory is not written while it is read, and many callers cost the packet
   * thread no more than one.
   */
  snapshot(): Promise<Snapshot> {
    // Between the end of one snapshot and the start of the next, none is under way but one is promised.
    if (this.next) return this.next;
    if (!this.underWay) return this.begin();
    this.next = this.underWay.then(this.begin, this.begin);
    return this.next;
  }

  private readonly begin = (): Promise<Snapshot> => {
    this.next = null;
    this.underWay = this.ask({ type: 'snapshot' }).then((taken) => {
      this.underWay = null;
      return this.reader.read(taken);
    });
    return this.underWay;
  };

  /** What waits for the buckets of each class that has `each`. */
  eachClasses(): Promise<readonly EachClass[]> {
    return this.ask({ type: 'each' });
  }

  /** Buckets of these flows and of their classes. */
  inspect(flows: readonly FlowName[]): Promise<Inspection> {
    return this.ask({ type: 'inspect', flows });
  }

  /** Tells what is known of hosts, and what they may. It holds from the next batch on. */
  updateHosts(update: HostsUpdate): void {
    this.tell({ type: 'hosts', update });
  }

  /** Tells whose packets belong to attached subjects. It holds from the next batch on. */
  updateSubjects(update: SubjectsUpdate): void {
    this.tell({ type: 'subjects', update });
  }

  /** Tells which addresses the rules shall stop. */
  setStopped(addresses: StoppedAddresses): void {
    this.tell({ type: 'stopped', addresses });
  }

  /**
   * Records TCP segments of the subject from now on (core/trace/), until the watch is not renewed any more
   * or `null` ends it.
   */
  trace(subject: TraceSubject | null): Promise<TraceBegun | null> {
    return this.ask({ type: 'trace', subject });
  }

  /**
   * The instance runs by another configuration from now on. Rejects with ApiError if the configuration is
   * refused, and all is as before then.
   */
  async apply(request: ApplyRequest): Promise<Applied> {
    const { applied, tookMs } = await this.ask({ type: 'apply', request });
    if (!applied.ok) throw refusalError(applied);
    return { generation: applied.generation, tookMs, notes: applied.notes };
  }

  /** Lists, loads or switches modules. Rejects with ApiError, and all is as before then. */
  async modules(command: ModuleCommand): Promise<readonly ModuleReport[]> {
    return modulesOf(await this.ask({ type: 'module', command }));
  }

  /** All modules that there are, as a configuration would name them. Files have whole paths. */
  moduleUses(): Promise<readonly ModuleUse[]> {
    return this.ask({ type: 'uses' });
  }

  log(line: LogLine): void {
    this.tell({ type: 'log', line });
  }

  /** The answer to a question has come. */
  answered({ id, answer }: Answer): void {
    const resolve = this.waiting.get(id);
    invariant(resolve !== undefined, `answer ${id} is to a question that waits`);
    this.waiting.delete(id);
    resolve(answer as never);
  }

  private ask<Type extends Answer['type']>(
    question: Extract<Asked<Question>, { type: Type }>,
  ): Promise<Extract<Answer, { type: Type }>['answer']> {
    const id = ++this.lastId;
    return new Promise((resolve) => {
      this.waiting.set(id, resolve);
      this.tell({ ...question, id } as Question);
    });
  }
}

function refusalError({ code, message, where, hint }: ApplyRefusal): ApiError {
  // People read the message alone.
  const text = where === '' || message.includes(where) ? message : `${where}: ${message}`;
  const status = ({ restart: 409, invalid: 400, failed: 503, stopping: 503 } as const)[code];
  return new ApiError(status, code, text, where, hint);
}
