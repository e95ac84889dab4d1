/**
 * Messages between the packet thread and the control thread. A question of the control thread has an id, and
 * its answer has the same one.
 */
import type { EachClass } from '../core/each/fullest.ts';
import type { ControlErrorCode } from './server.ts';
import type { SnapshotTaken } from './snapshot.ts';
import type { StatusSubject } from './status.ts';

/** Given to the control thread when it starts. */
export interface ControlStart {
  readonly socketPath: string;
  readonly subject: StatusSubject;
}

export type FromControlThread =
  | { readonly type: 'listening' }
  | {
      readonly type: 'failed';
      readonly code: ControlErrorCode;
      readonly message: string;
      readonly hint: string;
    }
  | { readonly type: 'snapshot' | 'each'; readonly id: number }
  /** A client wants the instance to end. */
  | { readonly type: 'stop' };

export type ToControlThread =
  | { readonly type: 'snapshot'; readonly id: number; readonly answer: SnapshotTaken }
  | { readonly type: 'each'; readonly id: number; readonly answer: readonly EachClass[] }
  | { readonly type: 'close' };
