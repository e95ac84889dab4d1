/**
 * Programs, web services and mail servers that are told of violations, beside the packets and beside the rest
 * of the control thread. A few are told at once, the others wait; who fails is told again, later each time.
 */
import type { OutsideActionSpec } from '../../../spec/hosts.ts';
import type { Clock } from '../../change/clock.ts';
import type { LogLine } from '../../messages.ts';
import { runProgram } from './exec.ts';
import type { ViolationFacts } from './facts.ts';
import { sendLetter } from './mail.ts';
import { postViolation } from './webhook.ts';

export type ActionKind = 'exec' | 'webhook' | 'mail';

interface Job {
  readonly kind: ActionKind;
  readonly spec: OutsideActionSpec;
  readonly facts: ViolationFacts;
  tries: number;
}

export interface ActionsOptions {
  readonly clock: Clock;
  readonly log: (line: LogLine) => void;
  /** Resolves when it is done, rejects if not. Default: the real ones. */
  readonly perform?: (
    kind: ActionKind,
    spec: OutsideActionSpec,
    facts: ViolationFacts,
    signal: AbortSignal,
  ) => Promise<void>;
}

const LIMIT_MS = 10_000;
const AT_ONCE_MAX = 4;
/** All that wait, for their turn or for their next try: 10,000 hosts may be over in one minute. */
const WAITING_MAX = 10_000;
/** From a failure to the next try. There are as many tries as pauses and one more. */
const PAUSES_MS = [10_000, 60_000];

export class OutsideActions {
  readonly #clock: Clock;
  readonly #log: ActionsOptions['log'];
  readonly #perform: NonNullable<ActionsOptions['perform']>;
  readonly #ready: Job[] = [];
  readonly #pauses = new Set<() => void>();
  readonly #stop = new AbortController();
  #running = 0;

  constructor({ clock, log, perform = performReally }: ActionsOptions) {
    this.#clock = clock;
    this.#log = log;
    this.#perform = perform;
  }

  /** What has not ended yet. */
  get waiting(): number {
    return this.#ready.length + this.#pauses.size + this.#running;
  }

  /** Tells each of them once. */
  tell(actions: readonly OutsideActionSpec[], facts: ViolationFacts): void {
    for (const spec of actions)
      for (const kind of ['exec', 'webhook', 'mail'] as const)
        if (spec[kind] !== null) this.#add({ kind, spec, facts, tries: 0 });
  }

  /** Ends all of them. */
  close(): void {
    this.#ready.length = 0;
    for (const forget of this.#pauses) forget();
    this.#pauses.clear();
    this.#stop.abort();
  }

  #add(job: Job): void {
    if (this.waiting >= WAITING_MAX) this.#tellFailure(job, `${WAITING_MAX} others wait`, false);
    else {
      this.#ready.push(job);
      this.#next();
    }
  }

  #next(): void {
    while (this.#running < AT_ONCE_MAX && this.#ready.length > 0) void this.#run(this.#ready.shift()!);
  }

  async #run(job: Job): Promise<void> {
    const { kind, spec, facts } = job;
    this.#running++;
    job.tries++;
    try {
      await this.#perform(kind, spec, facts, this.#stop.signal);
      this.#log({ level: 'info', message: `quota: ${kind} done`, fields: fieldsOf(job) });
    } catch (error) {
      this.#failed(job, error instanceof Error ? error.message : String(error));
    }
    this.#running--;
    if (!this.#stop.signal.aborted) this.#next();
  }

  #failed(job: Job, reason: string): void {
    const pauseMs = this.#stop.signal.aborted ? undefined : PAUSES_MS[job.tries - 1];
    this.#tellFailure(job, reason, pauseMs !== undefined);
    if (pauseMs === undefined) return;
    const forget = this.#clock.after(pauseMs, () => {
      this.#pauses.delete(forget);
      this.#ready.push(job);
      this.#next();
    });
    this.#pauses.add(forget);
  }

  #tellFailure(job: Job, reason: string, isTriedAgain: boolean): void {
    const message = `quota: ${job.kind} failed${isTriedAgain ? ', and is tried again' : ', and is given up'}`;
    this.#log({ level: isTriedAgain ? 'warn' : 'error', message, fields: { ...fieldsOf(job), reason } });
  }
}

function fieldsOf({ kind, spec, facts: { quota, host, name }, tries }: Job): LogLine['fields'] {
  return { to: targetOf(kind, spec), quota, host, name, try: tries };
}

/** Tells actions of one kind apart. What stands behind the `?` of a URL or before the `@` may be secret. */
function targetOf(kind: ActionKind, { exec, webhook, mail }: OutsideActionSpec): string {
  if (kind === 'exec') return exec?.[0] ?? '';
  if (kind === 'mail') return mail?.to ?? '';
  return (webhook ?? '').replace(/[?#].*$/s, '').replace(/^(\w+:\/\/)[^/]*@/, '$1');
}

async function performReally(
  kind: ActionKind,
  { exec, webhook, mail }: OutsideActionSpec,
  facts: ViolationFacts,
  signal: AbortSignal,
): Promise<void> {
  if (kind === 'exec' && exec !== null) await runProgram(exec, facts, LIMIT_MS, signal);
  if (kind === 'webhook' && webhook !== null) await postViolation(webhook, facts, LIMIT_MS, signal);
  if (kind === 'mail' && mail !== null) await sendLetter(mail, facts, LIMIT_MS, signal);
}
