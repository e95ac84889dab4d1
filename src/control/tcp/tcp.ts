/**
 * The command `tcp`: the segments of a connection or a class as they come, for some seconds. One subject is
 * watched at a time, because the packet thread records one.
 */
import { NONE } from '../../base/none.ts';
import { toBitsPerSec } from '../../base/units.ts';
import type { FlowReader } from '../../core/flows/flow-reader.ts';
import type { TraceBegun } from '../../core/trace/trace.ts';
import { TraceReader } from '../../core/trace/trace-reader.ts';
import { ApiError } from '../api-error.ts';
import type { Clock } from '../change/clock.ts';
import type { PacketThread } from '../packet-thread.ts';
import type { WhyCommand } from '../why/why.ts';
import { Recorder } from './recorder.ts';
import type { TcpEvent, TcpState } from './report.ts';
import { type Limited, mainOf, stateOf } from './state.ts';
import { parseTcpSubject, type TcpSubject } from './subject.ts';

export type TracedThread = Pick<PacketThread, 'snapshot' | 'trace'> & {
  readonly flows: Pick<FlowReader, 'read' | 'classChanges'>;
};

export interface TcpOptions {
  readonly packets: TracedThread;
  /** Paths of the classes of now. */
  readonly paths: () => readonly string[];
  readonly why: WhyCommand;
  readonly clock: Clock;
}

export interface TcpListener {
  tell(event: TcpEvent): void;
  /** It has not read much of what was told. */
  isBehind(): boolean;
  end(): void;
}

/** Begins to tell, and returns the function that ends it. Throws ApiError. */
export type TcpCommand = (subject: string, seconds: number, listener: TcpListener) => () => void;

/** Between two looks at what was recorded. */
const LOOK_MS = 100;
/** Looks between two states, which renew the watch as well. */
const LOOKS_PER_STATE = 10;
/** States between two questions what limits the connection, each of which watches it for half a second. */
const STATES_PER_QUESTION = 2;
/** An answer counts if the connection still sent data so short a time before it came. */
const SENDING_NS = 3e8;
const NOT_KNOWN: Limited = { shareBitsPerSecond: null, limitedBy: null };

export function tcpCommand(options: TcpOptions): TcpCommand {
  let watch: Watch | null = null;
  return (text, seconds, listener) => {
    const subject = parseTcpSubject(text, options.paths());
    if (watch !== null) {
      const message = `${watch.subject.text} is watched already, and one subject is watched at a time`;
      throw new ApiError(409, 'watched', message, 'query.subject', 'ask again when that has ended');
    }
    const own = new Watch(subject, seconds, listener, options, () => {
      if (watch === own) watch = null;
    });
    watch = own;
    void own.run();
    return () => own.stop();
  };
}

class Watch {
  readonly subject: TcpSubject;
  private readonly seconds: number;
  private readonly listener: TcpListener;
  private readonly options: TcpOptions;
  private readonly onStop: () => void;
  private isOver = false;
  private forget: () => void = () => undefined;
  private limited: Limited = NOT_KNOWN;
  private question: Promise<void> | null = null;

  constructor(
    subject: TcpSubject,
    seconds: number,
    listener: TcpListener,
    options: TcpOptions,
    onStop: () => void,
  ) {
    this.subject = subject;
    this.seconds = seconds;
    this.listener = listener;
    this.options = options;
    this.onStop = onStop;
  }

  /** Nobody wants to know any more, or all is told. */
  stop(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.forget();
    void this.options.packets.trace(null);
    this.onStop();
  }

  async run(): Promise<void> {
    const { packets, clock } = this.options;
    const { text, traced } = this.subject;
    const begun = await packets.trace(traced);
    // Stopped, before the watch had begun.
    if (begun === null || this.isOver) return;
    const startedAt = new Date(clock.wallMs()).toISOString();
    this.listener.tell({ type: 'begin', subject: text, startedAt, seconds: this.seconds });
    const reader = new TraceReader(begun);
    const recorder = new Recorder(packets.flows, begun.atNs);
    recorder.untilNs = begun.atNs + this.seconds * 1e9;
    for (let look = 1; !this.isOver; look++) {
      await this.pause();
      if (this.isOver) return;
      this.look(reader, recorder);
      if (look % LOOKS_PER_STATE !== 0 && !this.isGone()) continue;
      await this.round(reader, recorder, begun, look / LOOKS_PER_STATE);
    }
  }

  private pause(): Promise<void> {
    return new Promise((resolve) => {
      const forget = this.options.clock.after(LOOK_MS, resolve);
      this.forget = () => {
        forget();
        resolve();
      };
    });
  }

  /** What a client has no room for waits, within the bounds of the recorder. */
  private look(reader: TraceReader, recorder: Recorder, isLast = false): void {
    reader.take(recorder);
    if (this.listener.isBehind() && !isLast) return;
    for (const event of recorder.told()) this.listener.tell(event);
  }

  /** Once a second: renews the watch, tells the state, and ends when it is time or the class is gone. */
  private async round(reader: TraceReader, recorder: Recorder, begun: TraceBegun, n: number): Promise<void> {
    const renewed = await this.options.packets.trace(this.subject.traced);
    if (renewed === null || this.isOver) return;
    const isGone = this.isGone();
    if (isGone) recorder.untilNs = Math.min(recorder.untilNs, renewed.atNs);
    const isLast = renewed.atNs >= recorder.untilNs;
    const nowNs = Math.min(renewed.atNs, recorder.untilNs);
    // The question takes time. No record of the picture may be overwritten meanwhile.
    if (isLast) this.look(reader, recorder, true);
    const { missed } = reader;
    this.forgetGone();
    const isAsked = isLast ? !isGone && this.limited.limitedBy === null : n % STATES_PER_QUESTION === 1;
    if (isAsked) this.question ??= this.ask(recorder, renewed.atNs);
    if (isLast && isAsked) await this.question;
    if (this.isOver) return;
    if (!isLast) this.look(reader, recorder);
    const type: TcpState['type'] = isLast ? 'end' : 'state';
    const gone = isGone ? this.subject.text : null;
    this.listener.tell(
      stateOf(type, recorder, begun.atNs, nowNs, missed, isGone ? NOT_KNOWN : this.limited, gone),
    );
    if (!isLast) return;
    this.stop();
    this.listener.end();
  }

  /** The class that is watched is there no more. Nothing of what was in it is recorded any more. */
  private isGone(): boolean {
    const { traced } = this.subject;
    return traced.kind === 'class' && !this.options.paths().includes(traced.path);
  }

  /** A class that is there no more limits nothing. */
  private forgetGone(): void {
    const where = this.limited.limitedBy?.where ?? '';
    if (where !== '' && !this.options.paths().includes(where)) this.limited = NOT_KNOWN;
  }

  /**
   * What limits the connection with most data, and which share it has. When it has ended, what limited it
   * while it sent.
   */
  private async ask(recorder: Recorder, askedNs: number): Promise<void> {
    const { clock } = this.options;
    const askedMs = clock.monotonicMs();
    try {
      const main = mainOf(recorder);
      if (main === null) return;
      const { dataHalf, halves } = main.connection;
      const flow = main.flows[dataHalf];
      const { flows } = await this.options.why(flow);
      const answer = flows.find((one) => one.live && one.flow === flow);
      const share = await this.shareOf(recorder, main.names[dataHalf]);
      if (answer === undefined) return;
      const nowNs = askedNs + 1e6 * (clock.monotonicMs() - askedMs);
      const isSending = nowNs - halves[dataHalf].lastDataNs < SENDING_NS;
      if (!isSending && this.limited.limitedBy !== null) return;
      const { kind, where } = answer.limitedBy;
      this.limited = { shareBitsPerSecond: share, limitedBy: { kind, where, sentence: answer.sentence } };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    } finally {
      this.question = null;
    }
  }

  /** What the class that paces the flow gives each connection; null if none does. */
  private async shareOf(recorder: Recorder, name: Parameters<Recorder['read']>[0]): Promise<number | null> {
    const { packets } = this.options;
    const { classes, classChanges, stats } = await packets.snapshot();
    const record = recorder.read(name);
    if (record === null || classChanges !== packets.flows.classChanges) return null;
    for (const leaf of [record.leaf, record.secondLeaf]) {
      for (let row = leaf; row !== NONE; row = classes[row]!.parent) {
        if (!classes[row]!.isPaced) continue;
        const bytesPerSec = stats.shareBytesPerSec[row]!;
        if (bytesPerSec > 0) return Math.round(toBitsPerSec(bytesPerSec));
        break;
      }
    }
    return null;
  }
}
