/** What crosses between the thread that counts and the thread of the store. */
import type { Batch, HistoryPoint, HistoryQuestion, Level, Stored, StoredHost } from './batch.ts';

export interface StoreStart {
  readonly file: string;
  readonly levels: readonly Level[];
  /** Names this run of the program, so that no batch of it is counted twice. */
  readonly session: string;
  /** The thread before this one has not yet given what is stored. */
  readonly wantsStored: boolean;
  /** A flush of the thread before has met a broken page. */
  readonly isKnownBroken: boolean;
}

export interface Trouble {
  readonly message: string;
  readonly hint: string;
}

export type ToStoreThread =
  | { readonly type: 'open' }
  | { readonly type: 'flush'; readonly seq: number; readonly batch: Batch }
  | { readonly type: 'levels'; readonly levels: readonly Level[] }
  | { readonly type: 'history'; readonly id: number; readonly question: HistoryQuestion }
  | { readonly type: 'hosts'; readonly id: number }
  | { readonly type: 'close' };

export type StoreAnswer = readonly HistoryPoint[] | readonly StoredHost[];

export type FromStoreThread =
  /** Once for each thread that wants it, even if the file can be read and not be written. */
  | { readonly type: 'stored'; readonly stored: Stored }
  | { readonly type: 'opened' }
  | { readonly type: 'written'; readonly seq: number }
  /** The file could not be opened, or a flush not written. The thread ends. */
  | { readonly type: 'failed'; readonly trouble: Trouble; readonly isKnownBroken: boolean }
  | { readonly type: 'notice'; readonly trouble: Trouble }
  | { readonly type: 'answer'; readonly id: number; readonly answer: StoreAnswer }
  | { readonly type: 'refused'; readonly id: number; readonly trouble: Trouble };
