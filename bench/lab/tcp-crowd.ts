/**
 * Many TCP connections that send as much as they can, run inside a host of the lab by pacing-cost.ts.
 *
 *   tcp-crowd receive PORT                       until its standard input ends
 *   tcp-crowd send ADDRESS PORT COUNT            opens COUNT connections, says "sending", ends with its input
 */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

const CHUNK = Buffer.alloc(16_384);
/** Connections that are being opened at once. */
const OPENING = 50;

function fill(socket: Socket): void {
  const write = (): void => {
    while (socket.write(CHUNK)) {
      // Until the buffer is full.
    }
  };
  socket.on('drain', write);
  write();
}

async function send(address: string, port: number, count: number): Promise<void> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const opening = Array.from({ length: Math.min(OPENING, count - sockets.length) }, () =>
      connect(port, address),
    );
    await Promise.all(opening.map((socket) => once(socket, 'connect')));
    sockets.push(...opening);
  }
  for (const socket of sockets) fill(socket.on('error', () => undefined).resume());
  console.log('sending');
}

function receive(port: number): void {
  const server = createServer((socket) => socket.on('error', () => undefined).resume());
  server.listen({ port, backlog: 1024 }, () => console.log('listening'));
}

const [role, ...args] = process.argv.slice(2);
process.stdin.resume().on('end', () => process.exit(0));
if (role === 'receive') receive(Number(args[0]));
else await send(args[0]!, Number(args[1]), Number(args[2]));
