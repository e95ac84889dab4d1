/** What the packet thread and the control thread say to each other. */
import type { ControlErrorCode } from './server.ts';
import type { StatusSubject } from './status.ts';

/** Given to the control thread when it starts. */
export interface ControlStart {
  readonly socketPath: string;
  readonly subject: StatusSubject;
  /** statsBytes(classes) of shared memory; written by the packet thread, only after it was asked. */
  readonly snapshot: SharedArrayBuffer;
}

export type FromControlThread =
  | { readonly type: 'listening' }
  | {
      readonly type: 'failed';
      readonly code: ControlErrorCode;
      readonly message: string;
      readonly hint: string;
    }
  /** Please copy the counters into the shared memory. */
  | { readonly type: 'snapshot' }
  | { readonly type: 'closed' };

export type ToControlThread =
  /** The counters have been copied. */
  { readonly type: 'snapshot' } | { readonly type: 'close' };
