/**
 * Opens flows to a host, so many a second, each with a socket of its own and one packet: `flow-maker.ts ADDRESS
 * FLOWS_PER_SEC`. Says `sending` when it begins, and ends with SIGTERM.
 */
import { createSocket } from 'node:dgram';
import { performance } from 'node:perf_hooks';

const [address, rate] = process.argv.slice(2);
const perSec = Number(rate);
const EVERY_MS = 5;
const startMs = performance.now();
let made = 0;

setInterval(() => {
  const due = ((performance.now() - startMs) / 1000) * perSec;
  // After a pause it does not make up for what it has missed.
  made = Math.max(made, due - perSec / 10);
  for (; made < due; made++) {
    const socket = createSocket('udp4');
    socket.send('x', 9, address, () => socket.close());
  }
}, EVERY_MS);
console.log('sending');
