/**
 * The connections of the control socket. They are bounded: one too many ends the one that has been idle
 * longest. A connection counts as idle until its request has come with all its headers, however busily it
 * sends them, and again when its answer is taken. Only if none is idle, the one whose request is oldest goes.
 * A stream of events is never chosen, because there are fewer streams than connections.
 *
 * Requests of one connection are handled one after another, so that a client cannot pile up answers.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { CONTROL_CLIENTS_MAX, CONTROL_PIPELINED_MAX } from '../../limits.ts';

export type Listener = (incoming: IncomingMessage, outgoing: ServerResponse) => void;

interface Waiting {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
}

interface Connection {
  /** The answer that is being made. */
  current: ServerResponse | null;
  readonly waiting: Waiting[];
}

export class Connections {
  private readonly listener: Listener;
  private readonly connections = new Map<Socket, Connection>();
  /** Without a request, the one that has been so longest first. */
  private readonly idle = new Set<Socket>();
  /** With a request, the oldest first. */
  private readonly busy = new Set<Socket>();

  constructor(listener: Listener) {
    this.listener = listener;
  }

  opened(socket: Socket): void {
    if (this.connections.size >= CONTROL_CLIENTS_MAX) this.makeRoom();
    this.connections.set(socket, { current: null, waiting: [] });
    this.idle.add(socket);
    socket.once('close', () => this.forget(socket));
    socket.on('error', () => socket.destroy());
  }

  /** A request has come with all its headers. */
  request(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { socket } = incoming;
    const connection = this.connections.get(socket);
    if (!connection || socket.destroyed) return;
    if (connection.waiting.length >= CONTROL_PIPELINED_MAX) {
      socket.destroy();
      return;
    }
    connection.waiting.push({ incoming, outgoing });
    this.idle.delete(socket);
    this.busy.add(socket);
    if (connection.current === null) this.proceed(socket, connection);
  }

  /** Whether the client can still be told that its request is wrong. */
  mayAnswer(socket: Socket): boolean {
    return socket.writable && this.connections.get(socket)?.current?.headersSent !== true;
  }

  closeAll(): void {
    for (const socket of [...this.connections.keys()]) socket.destroy();
  }

  private proceed(socket: Socket, connection: Connection): void {
    const next = socket.destroyed ? undefined : connection.waiting.shift();
    connection.current = next?.outgoing ?? null;
    if (next === undefined) {
      this.busy.delete(socket);
      if (this.connections.has(socket)) this.idle.add(socket);
      return;
    }
    next.outgoing.once('close', () => this.proceed(socket, connection));
    this.listener(next.incoming, next.outgoing);
  }

  private makeRoom(): void {
    const [idlest] = this.idle;
    const leaving = idlest ?? [...this.busy].find((socket) => !this.isStream(socket));
    if (leaving === undefined) return;
    this.forget(leaving);
    leaving.destroy();
  }

  private isStream(socket: Socket): boolean {
    const current = this.connections.get(socket)?.current;
    return current?.headersSent === true && !current.writableEnded;
  }

  private forget(socket: Socket): void {
    this.connections.delete(socket);
    this.idle.delete(socket);
    this.busy.delete(socket);
  }
}
