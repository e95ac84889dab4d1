/**
 * Explains why NFQUEUEs could not be opened, and says what the user can do. The kernel returns EPERM both
 * without the capability and for an NFQUEUE that another socket owns; procfs tells the two apart.
 */
import { readFileSync } from 'node:fs';
import { EXIT_IMPOSSIBLE, OperatingError } from '../../base/errors.ts';
import { NFQUEUES_FILE, parseNfqueues } from '../proc/nfqueues.ts';

const STATUS_FILE = '/proc/self/status';
/** linux/capability.h */
const CAP_NET_ADMIN = 12n;

export class NfqueueError extends OperatingError {
  override readonly name = 'NfqueueError';
  /**
   * EPERM without CAP_NET_ADMIN, EBUSY if another program owns the queue number, EPROTONOSUPPORT if the
   * kernel has no NFQUEUE, otherwise the name of the errno that `syscall` returned.
   */
  readonly code: string;
  readonly syscall: string;

  constructor(code: string, syscall: string, hint: string, cause?: unknown) {
    super(EXIT_IMPOSSIBLE, `cannot open the queues: ${syscall}: ${code}`, hint, cause);
    this.code = code;
    this.syscall = syscall;
  }
}

/** A failed system call as the addon reports it. `queue` is the number of an NFQUEUE, or NONE. */
export interface SystemFailure {
  readonly code: string;
  readonly syscall: string;
  readonly queue: number;
}

export function isSystemFailure(error: unknown): error is Error & SystemFailure {
  return error instanceof Error && 'code' in error && 'syscall' in error && 'queue' in error;
}

/** Texts of the two files by which failures are judged; null if a file cannot be read. */
export interface Circumstances {
  readonly queuesText: string | null;
  readonly statusText: string | null;
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // The file is absent or not ours to read, so the caller judges without it.
    return null;
  }
}

export function readCircumstances(): Circumstances {
  return { queuesText: readText(NFQUEUES_FILE), statusText: readText(STATUS_FILE) };
}

/** Netlink port of the socket that owns the queue number (mostly its process id); 0 if there is none. */
export function ownerOf(queue: number, queuesText: string): number {
  return parseNfqueues(queuesText).find(({ number }) => number === queue)?.portId ?? 0;
}

/** Whether this process may administer its network; null if unknown. */
export function hasNetAdmin(statusText: string | null): boolean | null {
  const match = statusText?.match(/^CapEff:\s*([0-9a-f]+)$/m);
  return match ? ((BigInt(`0x${match[1]}`) >> CAP_NET_ADMIN) & 1n) === 1n : null;
}

const NEEDS_CAPABILITY =
  'needs root or CAP_NET_ADMIN in this network namespace (sudo, or AmbientCapabilities=)';
const NO_NFQUEUE = 'this kernel has no NFQUEUE: load nfnetlink_queue (modprobe) or use a kernel that has it';

/** Makes the error for the user, from the failure and the texts of procfs alone. */
export function explainFailure(failure: SystemFailure, circumstances: Circumstances): NfqueueError {
  const { code, syscall, queue } = failure;
  const { queuesText, statusText } = circumstances;
  const owner = queue >= 0 && queuesText ? ownerOf(queue, queuesText) : 0;
  const taken =
    `queue ${queue} belongs to another program${owner > 0 ? ` (netlink port ${owner}, usually its pid)` : ''}: ` +
    'stop it or choose another nfqueue.first';
  if (code === 'EPERM' && (owner > 0 || (queue >= 0 && hasNetAdmin(statusText) === true))) {
    return new NfqueueError('EBUSY', syscall, taken, failure);
  }
  if (code === 'EBUSY') return new NfqueueError(code, syscall, taken, failure);
  if (code === 'EPERM' || code === 'EACCES')
    return new NfqueueError('EPERM', syscall, NEEDS_CAPABILITY, failure);
  if (code === 'EPROTONOSUPPORT' || code === 'EAFNOSUPPORT') {
    return new NfqueueError('EPROTONOSUPPORT', syscall, NO_NFQUEUE, failure);
  }
  // nfnetlink returns EINVAL for a subsystem that it does not have (nfnetlink_rcv_msg).
  if (code === 'EINVAL' && queue >= 0 && queuesText === null) {
    return new NfqueueError('EPROTONOSUPPORT', syscall, NO_NFQUEUE, failure);
  }
  if (code === 'ENOMEM' || code === 'ENOBUFS' || code === 'EMFILE' || code === 'ENFILE') {
    return new NfqueueError(code, syscall, 'the system is short of memory or file descriptors', failure);
  }
  return new NfqueueError(
    code,
    syscall,
    queue >= 0 ? `the kernel refused queue ${queue}` : 'unexpected',
    failure,
  );
}
