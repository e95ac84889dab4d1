/** What a change of a specification is made of, and how it is refused. */
import type { ShaperSpec } from './spec.ts';

/** New path to old path of every class that moved. The classes inside it moved with it and are not listed. */
export type Renamed = ReadonlyMap<string, string>;

export interface Edited {
  readonly spec: ShaperSpec;
  readonly renamed: Renamed;
}

/**
 * A change that cannot be made while packets flow, or that contradicts itself. Nothing has changed. The
 * message has the place and the reason.
 */
export class ChangeRefusedError extends Error {
  override readonly name: string = 'ChangeRefusedError';
  /** A path of a class, or the key of the configuration. */
  readonly where: string;
  readonly reason: string;
  /** What can be done instead. */
  readonly hint: string;

  constructor(where: string, reason: string, hint: string) {
    super(`${where}: ${reason}`);
    this.where = where;
    this.reason = reason;
    this.hint = hint;
  }
}
