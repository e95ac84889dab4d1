/** The thread of the store without a thread: what it says is collected. */
import type { Batch, HistoryPoint, HistoryQuestion, Level, Stored } from '../../../src/store/batch.ts';
import type { FromStoreThread, Trouble } from '../../../src/store/messages.ts';
import { StoreThread } from '../../../src/store/store-thread.ts';
import { LEVELS, T0 } from './samples.ts';

interface ThreadOptions {
  readonly levels?: readonly Level[];
  readonly session?: string;
  readonly nowMs?: number;
}

export class TestThread {
  readonly said: FromStoreThread[] = [];
  readonly thread: StoreThread;
  #seq = 0;

  constructor(file: string, { levels = LEVELS, session = 'test', nowMs = T0 }: ThreadOptions = {}) {
    const tell = (message: FromStoreThread): void => {
      // Others get a copy, as through a channel between threads.
      this.said.push(structuredClone(message));
    };
    this.thread = new StoreThread(
      { file, levels, session, wantsStored: true, isKnownBroken: false },
      { tell, nowMs: () => nowMs },
    );
  }

  open(): this {
    this.thread.told({ type: 'open' });
    return this;
  }

  flush(batch: Batch, seq = ++this.#seq): this {
    this.thread.told({ type: 'flush', seq, batch });
    return this;
  }

  setLevels(levels: readonly Level[]): void {
    this.thread.told({ type: 'levels', levels });
  }

  history(question: HistoryQuestion): HistoryPoint[] {
    this.thread.told({ type: 'history', id: 1, question });
    const last = this.said.at(-1)!;
    if (last.type !== 'answer') throw new Error(last.type === 'refused' ? last.trouble.message : last.type);
    return [...last.answer] as HistoryPoint[];
  }

  /** Bytes up of each step; null where unknown. */
  up(host: string | null, fromMs: number, toMs: number, stepSeconds: number): (number | null)[] {
    return this.history({ host, fromMs, toMs, stepSeconds }).map(({ upBytes }) => upBytes);
  }

  close(): void {
    this.thread.told({ type: 'close' });
  }

  get stored(): Stored | null {
    const found = this.said.find((message) => message.type === 'stored');
    return found === undefined ? null : found.stored;
  }

  get troubles(): Trouble[] {
    return this.said.flatMap((message) => (message.type === 'failed' ? [message.trouble] : []));
  }

  get notices(): Trouble[] {
    return this.said.flatMap((message) => (message.type === 'notice' ? [message.trouble] : []));
  }

  get written(): number[] {
    return this.said.flatMap((message) => (message.type === 'written' ? [message.seq] : []));
  }
}
