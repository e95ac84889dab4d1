/**
 * Opens flows to a host, so many a second, each with a socket of its own and one packet: `flow-maker.ts
 * ADDRESS FLOWS_PER_SEC`. A socket is closed after 0.1 s. It says `sending` when it begins.
 */
import { createSocket } from 'node:dgram';
import { performance } from 'node:perf_hooks';

const [address, rate] = process.argv.slice(2);
const perSec = Number(rate);
const EVERY_MS = 5;
const OPEN_MS = 100;
const startMs = performance.now();
let made = 0;

setInterval(() => {
  const due = ((performance.now() - startMs) / 1000) * perSec;
  // After a pause it does not make up for what it has missed.
  made = Math.max(made, due - perSec / 10);
  for (; made < due; made++) {
    const socket = createSocket('udp4');
    socket.send('x', 9, address);
    setTimeout(() => socket.close(), OPEN_MS);
  }
}, EVERY_MS);
console.log('sending');
