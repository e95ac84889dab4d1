/** A TCP connection of this process with itself, over the loopback of its network namespace. */
import { once } from 'node:events';
import { createServer, type Server, Socket } from 'node:net';
import { afterPatience } from './patience.ts';

const ADDRESS = '127.0.0.1';

/** The packets from the source of a connection to its target. */
export interface LoopbackFlow {
  readonly address: string;
  readonly sourcePort: number;
  readonly targetPort: number;
}

export interface Loopback {
  readonly flow: LoopbackFlow;
  /** Sends from the source to the target. */
  say(bytes: Uint8Array): void;
  /** `callback` runs with what has arrived at the target. */
  onHeard(callback: (bytes: Uint8Array) => void): void;
  /** Resets the connection, so that neither end lingers. */
  close(): void;
}

/** Rejects with the error of the system, or after `timeoutMs` with an AbortError. */
export async function openLoopback(timeoutMs: number): Promise<Loopback> {
  const server = createServer();
  const accepted: Socket[] = [];
  server.on('connection', (socket) => accepted.push(socket));
  const source = new Socket();
  const late = new AbortController();
  const callOff = afterPatience(timeoutMs, () => late.abort());
  try {
    server.listen(0, ADDRESS);
    await once(server, 'listening');
    const { port: targetPort } = server.address() as { port: number };
    source.connect({ port: targetPort, host: ADDRESS });
    await once(source, 'connect', { signal: late.signal });
    const target = await acceptedFrom(source, server, accepted, late.signal);
    const flow = { address: ADDRESS, sourcePort: source.localPort ?? 0, targetPort };
    return new OpenLoopback(flow, source, target);
  } catch (error) {
    for (const socket of [source, ...accepted]) socket.destroy();
    throw error;
  } finally {
    callOff();
    server.close();
  }
}

/** The other end of `source`. Somebody else may have connected to the port as well. */
async function acceptedFrom(
  source: Socket,
  server: Server,
  accepted: readonly Socket[],
  signal: AbortSignal,
): Promise<Socket> {
  for (;;) {
    const target = accepted.find(({ remotePort }) => remotePort === source.localPort);
    for (const socket of accepted) if (target && socket !== target) socket.destroy();
    if (target) return target;
    await once(server, 'connection', { signal });
  }
}

class OpenLoopback implements Loopback {
  readonly flow: LoopbackFlow;
  private readonly source: Socket;
  private readonly target: Socket;

  constructor(flow: LoopbackFlow, source: Socket, target: Socket) {
    this.flow = flow;
    this.source = source;
    this.target = target;
    // A broken connection shows in what is not heard.
    for (const socket of [source, target]) socket.on('error', () => undefined);
  }

  say(bytes: Uint8Array): void {
    this.source.write(bytes);
  }

  onHeard(callback: (bytes: Uint8Array) => void): void {
    this.target.on('data', callback);
  }

  close(): void {
    for (const socket of [this.source, this.target]) socket.resetAndDestroy();
  }
}
