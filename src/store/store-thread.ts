/**
 * What the thread of the store does with each message. An error closes the file; the next attempt opens it.
 */
import type { Batch, Level, Stored } from './batch.ts';
import { loadHosts, loadStored } from './load.ts';
import type { FromStoreThread, StoreAnswer, StoreStart, ToStoreThread } from './messages.ts';
import { FileLock, type OpenFile, openFile } from './open-file.ts';
import { readHistoryPoints } from './query.ts';
import { checkFile, ForeignFileError } from './schema.ts';
import { type Database, openDatabaseForReading } from './sqlite.ts';
import { InUseError, isBroken, ReplacedError, troubleOf } from './trouble.ts';
import { Writer } from './write.ts';

export interface StoreThreadWorld {
  readonly tell: (message: FromStoreThread, transferred: readonly ArrayBuffer[]) => void;
  readonly nowMs: () => number;
}

export class StoreThread {
  readonly #start: StoreStart;
  readonly #world: StoreThreadWorld;
  readonly #lock = new FileLock();
  #levels: readonly Level[];
  #wantsStored: boolean;
  #isKnownBroken: boolean;
  #hasFailed = false;
  #open: { readonly file: OpenFile; readonly writer: Writer } | null = null;

  constructor(start: StoreStart, world: StoreThreadWorld) {
    this.#start = start;
    this.#world = world;
    this.#levels = start.levels;
    this.#wantsStored = start.wantsStored;
    this.#isKnownBroken = start.isKnownBroken;
  }

  /** Whether a flush or the opening of the file has failed. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  told(message: ToStoreThread): void {
    if (message.type === 'open') this.#attempt(() => this.#opened());
    else if (message.type === 'flush') this.#attempt(() => this.#flush(message.seq, message.batch));
    else if (message.type === 'levels') this.#setLevels(message.levels);
    else if (message.type === 'history')
      this.#answer(message.id, (database) => readHistoryPoints(database, message.question));
    else if (message.type === 'hosts') this.#answer(message.id, loadHosts);
    else {
      this.#close();
      this.#lock.release();
    }
  }

  #flush(seq: number, batch: Batch): void {
    const { file, writer } = this.#opened();
    file.check();
    writer.write(batch, this.#start.session, seq);
    this.#tell({ type: 'written', seq });
  }

  #setLevels(levels: readonly Level[]): void {
    this.#levels = levels;
    this.#attempt(() => this.#open?.writer.setLevels(levels, this.#world.nowMs()));
  }

  #opened(): { readonly file: OpenFile; readonly writer: Writer } {
    if (this.#open !== null) return this.#open;
    const file = this.#openFile();
    try {
      // Its first transaction also shows whether the file can be written at all.
      this.#open = { file, writer: new Writer(file.database, this.#levels, this.#world.nowMs()) };
      this.#isKnownBroken = false;
      this.#tell({ type: 'opened' });
      return this.#open;
    } catch (error) {
      file.close();
      throw error;
    }
  }

  #openFile(): OpenFile {
    try {
      return openFile(this.#start.file, this.#lock, this.#isKnownBroken, {
        read: (stored) => this.#tellStored(stored),
        notice: (trouble) => this.#tell({ type: 'notice', trouble }),
      });
    } catch (error) {
      if (this.#wantsStored && !isOfOthers(error)) this.#readAtLeast();
      throw error;
    }
  }

  /** A file that cannot be written may be readable: windows of quotas then go on from there. */
  #readAtLeast(): void {
    try {
      this.#tellStored(readOnce(this.#start.file, loadStored));
    } catch (error) {
      // The failure to open it for writing is told.
      if (!(error instanceof Error)) throw error;
    }
  }

  #tellStored(stored: Stored): void {
    if (!this.#wantsStored) return;
    this.#wantsStored = false;
    this.#tell({ type: 'stored', stored }, buffersOf(stored));
  }

  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#isKnownBroken = this.#open !== null && isBroken(error);
      this.#close();
      // The lock went with its file.
      if (error instanceof ReplacedError) this.#lock.release();
      this.#hasFailed = true;
      const trouble = troubleOf(error, this.#start.file);
      this.#tell({ type: 'failed', trouble, isKnownBroken: this.#isKnownBroken });
    }
  }

  /** From the file as it is; a question does not open it for writing. */
  #answer(id: number, work: (database: Database) => StoreAnswer): void {
    const database = this.#open?.file.database;
    try {
      const answer = database === undefined ? readOnce(this.#start.file, work) : work(database);
      this.#tell({ type: 'answer', id, answer });
    } catch (error) {
      this.#tell({ type: 'refused', id, trouble: troubleOf(error, this.#start.file) });
    }
  }

  #close(): void {
    this.#open?.file.close();
    this.#open = null;
  }

  #tell(message: FromStoreThread, transferred: readonly ArrayBuffer[] = []): void {
    this.#world.tell(message, transferred);
  }
}

function buffersOf({ quotas }: Stored): ArrayBuffer[] {
  return quotas.windows.flatMap(({ host, bucket, upBytes, downBytes }) =>
    [host, bucket, upBytes, downBytes].map(({ buffer }) => buffer as ArrayBuffer),
  );
}

function readOnce<T>(file: string, work: (database: Database) => T): T {
  const database = openDatabaseForReading(file);
  try {
    checkFile(database);
    return work(database);
  } finally {
    database.close();
  }
}

/** What stands in the file is not ours to go on with. */
function isOfOthers(error: unknown): boolean {
  return error instanceof InUseError || error instanceof ForeignFileError;
}
