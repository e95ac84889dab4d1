/**
 * History and the state of quotas on disk, as seen by the thread that counts. Nothing here waits for the
 * disk and nothing throws: the file belongs to a thread of its own (worker.ts), and while it cannot be
 * written all goes on in memory.
 *
 * A flush stays here until the thread says that it is in the file. It is sent again as it was, under the
 * same number, which the file remembers: so it is counted once even if an answer is lost. Meanwhile further
 * flushes are joined (pending.ts).
 */
import { randomUUID } from 'node:crypto';
import type { Worker } from 'node:worker_threads';
import { EXIT_FAILED, OperatingError } from '../base/errors.ts';
import { startWorkerFile } from '../threads/worker-file.ts';
import type {
  Batch,
  Flush,
  HistoryPoint,
  HistoryQuestion,
  Level,
  Stored,
  StoredHost,
  StoreState,
} from './batch.ts';
import type { FromStoreThread, StoreAnswer, StoreStart, ToStoreThread, Trouble } from './messages.ts';
import { Pending } from './pending.ts';

/** Pauses between attempts: each twice the one before. */
const PAUSE_MS_MIN = 1000;
const PAUSE_MS_MAX = 60_000;
/** How long the end of the program waits for the last flush. */
const CLOSE_MS_MAX = 5000;

export interface StoreOptions {
  /** Absolute path. Its folder is made. */
  readonly file: string;
  /** The finest first (levelsOf makes them of the specification). */
  readonly levels: readonly Level[];
  /** Whenever the state is another one than before. The first one is well. */
  readonly onState: (state: StoreState) => void;
  /** Something that people should know and that is no failure: a broken file was set aside. */
  readonly onNotice: (message: string, hint: string) => void;
  /**
   * The file could be read only now, after `opened` had given null: the disk was not there, say. Counting has
   * begun without what is in it.
   */
  readonly onLate: (stored: Stored) => void;
}

const WELL: StoreState = { ok: true, message: '', hint: '' };

export function openStore(options: StoreOptions): Store {
  return new Store(options);
}

export class Store {
  /** What was stored before this run; null if the file cannot be read (onState says why). Never rejects. */
  readonly opened: Promise<Stored | null>;
  readonly #options: StoreOptions;
  readonly #session = randomUUID();
  readonly #pending: Pending;
  readonly #questions = new Map<number, Question>();
  #levels: readonly Level[];
  #worker: Worker | null = null;
  #resolveOpened!: (stored: Stored | null) => void;
  #isOpenedTold = false;
  #hasStored = false;
  #isKnownBroken = false;
  #inFlight: { readonly seq: number; readonly batch: Batch } | null = null;
  #seq = 0;
  #questionId = 0;
  #state = WELL;
  #pauseMs = PAUSE_MS_MIN;
  #retry: NodeJS.Timeout | null = null;
  #whenIdle: (() => void) | null = null;
  #isClosing = false;

  constructor(options: StoreOptions) {
    this.#options = options;
    this.#levels = options.levels;
    this.#pending = new Pending(finestMs(options.levels));
    this.opened = new Promise((resolve) => {
      this.#resolveOpened = resolve;
    });
    this.#startThread();
    this.#tell({ type: 'open' });
  }

  get state(): StoreState {
    return this.#state;
  }

  /** Whether everything told so far is in the file. */
  get isIdle(): boolean {
    return this.#inFlight === null && this.#pending.isEmpty;
  }

  flush(flush: Flush): void {
    if (this.#isClosing) return;
    this.#pending.add(flush);
    this.#send();
  }

  /** What fits the new levels stays. */
  setLevels(levels: readonly Level[]): void {
    this.#levels = levels;
    this.#pending.stepMs = finestMs(levels);
    this.#tell({ type: 'levels', levels });
  }

  /**
   * Without what was flushed in the last moment. Rejects with OperatingError while the file cannot be read.
   */
  history(question: HistoryQuestion): Promise<readonly HistoryPoint[]> {
    return this.#ask((id) => ({ type: 'history', id, question })) as Promise<readonly HistoryPoint[]>;
  }

  hosts(): Promise<readonly StoredHost[]> {
    return this.#ask((id) => ({ type: 'hosts', id })) as Promise<readonly StoredHost[]>;
  }

  /** Writes what waits, if that works within a few seconds, and ends the thread. Never rejects. */
  async close(): Promise<void> {
    if (this.#isClosing) return;
    this.#isClosing = true;
    if (this.#retry !== null) this.#attempt();
    const worker = this.#worker;
    if (worker === null) return;
    worker.ref();
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    const idle = new Promise<void>((resolve) => {
      this.#whenIdle = resolve;
      if (this.isIdle) resolve();
    });
    let limit: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      limit = setTimeout(resolve, CLOSE_MS_MAX);
    });
    await Promise.race([idle.then(() => this.#tell({ type: 'close' })).then(() => ended), late]);
    clearTimeout(limit);
    await worker.terminate();
  }

  #startThread(): Worker {
    const start: StoreStart = {
      file: this.#options.file,
      levels: this.#levels,
      session: this.#session,
      wantsStored: !this.#hasStored,
      isKnownBroken: this.#isKnownBroken,
    };
    const worker = startWorkerFile(import.meta.url, 'worker', { workerData: start, name: 'store' });
    this.#worker = worker;
    worker.unref();
    worker.on('message', (message: FromStoreThread) => this.#told(message));
    let reason = 'it ended';
    worker.once('error', (error: Error) => {
      reason = error.message;
    });
    worker.once('exit', () => {
      this.#refuseQuestions(worker, { message: 'the thread of the history ended', hint: '' });
      if (this.#worker !== worker) return;
      this.#worker = null;
      if (!this.#isClosing) this.#failed({ message: `the thread of the history: ${reason}`, hint: FAULT });
      this.#whenIdle?.();
    });
    return worker;
  }

  #told(message: FromStoreThread): void {
    if (message.type === 'stored') this.#read(message.stored);
    else if (message.type === 'opened') {
      this.#isKnownBroken = false;
      // With a flush on its way its answer decides: a full disk can be opened.
      if (this.#inFlight === null) this.#isWell();
    } else if (message.type === 'written') this.#written(message.seq);
    else if (message.type === 'failed') {
      this.#isKnownBroken = message.isKnownBroken;
      // It ends; the next attempt starts another one.
      this.#worker = null;
      this.#failed(message.trouble);
    } else if (message.type === 'notice')
      this.#options.onNotice(message.trouble.message, message.trouble.hint);
    else {
      const question = this.#questions.get(message.id);
      this.#questions.delete(message.id);
      if (message.type === 'answer') question?.resolve(message.answer);
      else question?.reject(refusal(message.trouble));
    }
  }

  #read(stored: Stored): void {
    if (this.#hasStored) return;
    this.#hasStored = true;
    if (this.#isOpenedTold) this.#options.onLate(stored);
    else this.#tellOpened(stored);
  }

  #written(seq: number): void {
    if (this.#inFlight?.seq !== seq) return;
    this.#inFlight = null;
    this.#isWell();
    this.#send();
    if (this.isIdle) this.#whenIdle?.();
  }

  #isWell(): void {
    this.#pauseMs = PAUSE_MS_MIN;
    this.#tellState(WELL);
  }

  #failed({ message, hint }: Trouble): void {
    this.#tellState({ ok: false, message, hint });
    if (!this.#isOpenedTold) this.#tellOpened(null);
    if (this.#isClosing) {
      this.#whenIdle?.();
      return;
    }
    if (this.#retry !== null) return;
    this.#retry = setTimeout(() => this.#attempt(), this.#pauseMs);
    this.#retry.unref();
    this.#pauseMs = Math.min(2 * this.#pauseMs, PAUSE_MS_MAX);
  }

  #attempt(): void {
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
    if (this.#worker === null) this.#startThread();
    if (this.#inFlight !== null) this.#tell({ type: 'flush', ...this.#inFlight });
    else if (this.#pending.isEmpty) this.#tell({ type: 'open' });
    else this.#send();
  }

  /** Typed arrays are copied, not transferred: they are needed again if the thread fails. */
  #send(): void {
    if (this.#inFlight !== null || this.#pending.isEmpty || this.#retry !== null || this.#worker === null)
      return;
    this.#inFlight = { seq: ++this.#seq, batch: this.#pending.take() };
    this.#tell({ type: 'flush', ...this.#inFlight });
  }

  #ask(message: (id: number) => ToStoreThread): Promise<StoreAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#isClosing) return reject(refusal({ message: 'the program ends', hint: '' }));
      // While the file cannot be written, it may be readable.
      const worker = this.#worker ?? this.#startThread();
      const id = ++this.#questionId;
      this.#questions.set(id, { worker, resolve, reject });
      this.#tell(message(id));
    });
  }

  #refuseQuestions(worker: Worker, trouble: Trouble): void {
    for (const [id, question] of this.#questions) {
      if (question.worker !== worker) continue;
      this.#questions.delete(id);
      question.reject(refusal(trouble));
    }
  }

  #tell(message: ToStoreThread): void {
    this.#worker?.postMessage(message);
  }

  #tellOpened(stored: Stored | null): void {
    this.#isOpenedTold = true;
    this.#resolveOpened(stored);
  }

  #tellState(state: StoreState): void {
    const { ok, message } = this.#state;
    this.#state = state;
    if (state.ok !== ok || state.message !== message) this.#options.onState(state);
  }
}

interface Question {
  readonly worker: Worker;
  readonly resolve: (answer: StoreAnswer) => void;
  readonly reject: (error: OperatingError) => void;
}

const FAULT = 'this is a fault of the program; counting goes on in memory';

function refusal({ message, hint }: Trouble): OperatingError {
  return new OperatingError(EXIT_FAILED, `history cannot be read: ${message}`, hint);
}

function finestMs(levels: readonly Level[]): number {
  return 1000 * Math.min(...levels.map(({ stepSeconds }) => stepSeconds));
}
