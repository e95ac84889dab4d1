/**
 * Answers requests of the kernel. They are independent of each other: one that waits for the file system
 * keeps no other waiting. Each gets exactly one answer, whatever happens.
 */

import { FILE_ANSWER_MS_MAX } from '../../limits.ts';
import { errnoNumber, errnoOf } from './errno.ts';
import type { ErrnoName, FileSystem } from './filesystem.ts';
import { createHandlers, type Handler, type Reply } from './handlers.ts';
import { NodeTable } from './nodes.ts';
import { OP } from './protocol.ts';
import { emptyReply, seal } from './reply.ts';
import { Request } from './request.ts';

/**
 * A program that gets a signal waits so much longer for its answer. Most signals do not end a program, and a
 * change that goes on behind EINTR would be made twice.
 */
const INTERRUPT_MS = 1000;
const LOOK_MS = 1000;
/** Faults of the same kind are told so often. */
const TELL_MS = 10_000;

/** The kernel no longer waits for an answer. */
export type SendResult = 'sent' | 'unwanted';

export interface SessionOptions {
  readonly fileSystem: FileSystem;
  readonly send: (answer: Buffer) => SendResult;
  /** The kernel has begun: programs can use the mount. */
  readonly onReady: () => void;
  /** A fault of the file system, which the program sees as EIO. */
  readonly onFault: (error: unknown) => void;
}

interface Waiting {
  readonly unique: number;
  deadlineMs: number;
  errno: ErrnoName;
}

export class Session {
  readonly #options: SessionOptions;
  readonly #nodes = new NodeTable();
  readonly #handlers: ReadonlyMap<number, Handler>;
  readonly #waiting = new Map<number, Waiting>();
  readonly #sweeping: NodeJS.Timeout;
  #toldMs = Number.NEGATIVE_INFINITY;
  #onIdle: (() => void) | null = null;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#handlers = createHandlers(options.fileSystem, this.#nodes, options.onReady);
    this.#sweeping = setInterval(() => this.#sweep(), LOOK_MS);
    this.#sweeping.unref();
  }

  /** How many nodes the kernel knows. */
  get nodes(): number {
    return this.#nodes.size;
  }

  /** One request. The memory may be used again when this returns. */
  handle(bytes: Uint8Array): void {
    const request = new Request(bytes);
    if (!request.isWhole) return;
    const { opcode, unique } = request;
    if (opcode === OP.forget) this.#nodes.forget(request.nodeId, request.long(0));
    else if (opcode === OP.batchForget) this.#forgetAll(request);
    else if (opcode === OP.interrupt) this.#interrupt(request.long(0));
    else {
      const waiting: Waiting = {
        unique,
        deadlineMs: performance.now() + FILE_ANSWER_MS_MAX,
        errno: 'ETIMEDOUT',
      };
      this.#waiting.set(unique, waiting);
      void this.#answer(waiting, this.#handlers.get(opcode), request);
    }
  }

  /** Resolves when nothing waits for an answer. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#onIdle = resolve;
      this.#lookIdle();
    });
  }

  /** There is nobody to answer any more. */
  close(): void {
    clearInterval(this.#sweeping);
    this.#waiting.clear();
    this.#lookIdle();
  }

  async #answer(waiting: Waiting, handler: Handler | undefined, request: Request): Promise<void> {
    try {
      if (handler === undefined) this.#fail(waiting, 'ENOSYS');
      else this.#succeed(waiting, await handler(request));
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === null) this.#tell(error);
      this.#fail(waiting, errno ?? 'EIO');
    }
  }

  #succeed(waiting: Waiting, { bytes, undo }: Reply): void {
    const isWanted = this.#takeOut(waiting);
    if (!isWanted || this.#options.send(seal(bytes, waiting.unique)) === 'unwanted') undo?.();
  }

  #fail(waiting: Waiting, errno: ErrnoName): void {
    if (this.#takeOut(waiting)) this.#options.send(seal(emptyReply(), waiting.unique, errnoNumber(errno)));
  }

  /** Whether it is the first answer. */
  #takeOut(waiting: Waiting): boolean {
    if (this.#waiting.get(waiting.unique) !== waiting) return false;
    this.#waiting.delete(waiting.unique);
    this.#lookIdle();
    return true;
  }

  #forgetAll(request: Request): void {
    const count = request.word(0);
    for (let i = 0; i < count; i++) this.#nodes.forget(request.long(8 + 16 * i), request.long(16 + 16 * i));
  }

  #interrupt(unique: number): void {
    const waiting = this.#waiting.get(unique);
    if (waiting === undefined) return;
    waiting.deadlineMs = performance.now() + INTERRUPT_MS;
    waiting.errno = 'EINTR';
  }

  #sweep(): void {
    const nowMs = performance.now();
    for (const waiting of this.#waiting.values()) {
      if (nowMs >= waiting.deadlineMs) this.#fail(waiting, waiting.errno);
    }
  }

  #lookIdle(): void {
    if (this.#waiting.size === 0) this.#onIdle?.();
  }

  #tell(error: unknown): void {
    const nowMs = performance.now();
    if (nowMs - this.#toldMs < TELL_MS) return;
    this.#toldMs = nowMs;
    this.#options.onFault(error);
  }
}
