/**
 * One end of a measured TCP connection, run inside a host of the lab by tcp.ts; prints one line of JSON.
 *
 *   tcp-peer receive PORT                          takes one connection to its end
 *   tcp-peer send ADDRESS PORT bytes|seconds N     random bytes, as fast as the connection takes them
 */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

const CHUNK_BYTES = 65536;
/** Arrivals are noted this far apart at least. */
const NOTE_MS = 5;

async function receive(port: number): Promise<void> {
  const server = createServer().listen(port);
  await once(server, 'listening');
  console.log('listening');
  const [socket] = (await once(server, 'connection')) as [Socket];
  server.close();
  const hash = createHash('sha256');
  const arrivals: [ms: number, bytes: number][] = [];
  let bytes = 0;
  let notedMs = Number.NEGATIVE_INFINITY;
  socket.on('data', (data) => {
    const nowMs = performance.now();
    hash.update(data);
    bytes += data.length;
    if (nowMs - notedMs < NOTE_MS) return;
    notedMs = nowMs;
    arrivals.push([nowMs, bytes]);
  });
  await once(socket, 'end');
  socket.end();
  console.log(JSON.stringify({ bytes, sha256: hash.digest('hex'), arrivals }));
}

async function send(address: string, port: number, limit: string, amount: number): Promise<void> {
  const socket = connect(port, address);
  await once(socket, 'connect');
  const hash = createHash('sha256');
  const random = randomBytes(CHUNK_BYTES);
  const untilMs = limit === 'seconds' ? performance.now() + 1000 * amount : Number.POSITIVE_INFINITY;
  const bytesMax = limit === 'bytes' ? amount : Number.POSITIVE_INFINITY;
  let bytes = 0;
  for (let n = 0; bytes < bytesMax && performance.now() < untilMs; n++) {
    // Every chunk differs, so that one lost, doubled or misplaced is seen.
    const chunk = Buffer.from(random.subarray(0, Math.min(CHUNK_BYTES, bytesMax - bytes)));
    if (chunk.length >= 4) chunk.writeUInt32LE(n);
    hash.update(chunk);
    bytes += chunk.length;
    if (!socket.write(chunk)) await once(socket, 'drain');
  }
  socket.end();
  socket.resume();
  await once(socket, 'close');
  console.log(JSON.stringify({ bytes, sha256: hash.digest('hex') }));
}

const [role, ...args] = process.argv.slice(2);
if (role === 'receive') await receive(Number(args[0]));
else await send(args[0]!, Number(args[1]), args[2]!, Number(args[3]));
