/**
 * Many short and a few long TCP flows through 10 Mbit/s, on real packets: with one queue, and with qosmod at
 * the sender and two classes by DSCP at the line. Two instances, of which the second one also makes the
 * round trip.
 */
import { expect, it } from 'vitest';
import { describeNetns, type Lab, useLab, useShapers } from '../harness.ts';

const PORT = 7400;
const ROUND_TRIP_MS = 20;
/** Long flows alone, until their queue stands; then both. */
const ALONE_SECONDS = 3;
const SECONDS = 14;
const LONG_FLOWS = 4;
/** Twelve full segments. */
const SHORT_BYTES = 12 * 1448;
const GAP_MS = 160;

/** Closes a connection when the other end has; counts what long ones bring while there are short ones. */
const SERVER = `
let beganMs = null;
let bytes = 0;
require('node:net').createServer({ allowHalfOpen: true }, (socket) => {
  let got = 0;
  socket.on('data', (data) => {
    got += data.length;
    const ms = performance.now() - (beganMs ??= performance.now());
    const isBeside = ms > ${ALONE_SECONDS * 1000} && ms <= ${(ALONE_SECONDS + SECONDS) * 1000};
    if (isBeside && got > ${2 * SHORT_BYTES}) bytes += data.length;
  });
  socket.on('end', () => socket.end());
  socket.on('error', () => undefined);
}).listen({ port: ${PORT}, host: '::' }, () => console.log('listening'));
process.stdin.resume().on('end', () => { console.log(JSON.stringify({ bytes })); process.exit(0); });
`;

/** argv: address. Prints the milliseconds of each short flow, from connect to the other end's close. */
const CLIENT = `
const net = require('node:net');
const [address] = process.argv.slice(1);
const chunk = Buffer.alloc(16384);
for (let n = 0; n < ${LONG_FLOWS}; n++) {
  const socket = net.connect(${PORT}, address, () => {
    const fill = () => { while (socket.write(chunk)); };
    socket.on('drain', fill);
    fill();
  });
  socket.on('error', () => undefined);
}
const took = [];
let open = 0;
const short = () => {
  const begun = process.hrtime.bigint();
  open++;
  const socket = net.connect({ port: ${PORT}, host: address, allowHalfOpen: true }, () =>
    socket.end(Buffer.alloc(${SHORT_BYTES})));
  socket.resume().on('close', () => { open--; took.push(Number(process.hrtime.bigint() - begun) / 1e6); });
  socket.on('error', () => undefined);
};
setTimeout(() => {
  const timer = setInterval(short, ${GAP_MS});
  setTimeout(() => {
    clearInterval(timer);
    const wait = setInterval(() => {
      if (open > 0) return;
      clearInterval(wait);
      console.log(JSON.stringify(took));
      process.exit(0);
    }, 50);
  }, ${SECONDS * 1000});
}, ${ALONE_SECONDS * 1000});
`;

interface Measured {
  readonly count: number;
  readonly meanMs: number;
  readonly longBytesPerSec: number;
}

async function measure({ client, server }: Lab): Promise<Measured> {
  const sink = server.spawn([process.execPath, '-e', SERVER]);
  let said = '';
  sink.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  await new Promise((resolve) => sink.stdout?.once('data', resolve));
  const { stdout } = await client.exec([process.execPath, '-e', CLIENT, server.addresses.v4], {
    timeoutMs: 120_000,
  });
  const ended = new Promise((resolve) => sink.once('close', resolve));
  sink.stdin?.end();
  await ended;
  const took = JSON.parse(stdout) as number[];
  const { bytes } = JSON.parse(said.slice(said.indexOf('{'))) as { bytes: number };
  return {
    count: took.length,
    meanMs: took.reduce((sum, ms) => sum + ms, 0) / took.length,
    longBytesPerSec: bytes / SECONDS,
  };
}

const QUEUE = 'queue: { discipline: fifo, aqm: none, limit: 60p }';
const line = (classes: string): string => `
modules: [ { use: delay, options: { delay: ${ROUND_TRIP_MS}ms, limit: 5000, oif: lan0 } } ]
links: { wan: { device: wan0, up: { rate: 10mbit, classes: { ${classes} } } } }
`;
/**
 * In the kernel: TCP of the machine that sends keeps few packets below it, so on a busy machine visits to
 * user space would slow the long flows.
 */
const MARKING = `
modules: [ { use: qosmod, run: kernel, options: { threshold: 20, short: 4, long: 8 } } ]
links: { wan: { device: eth0, up: 900mbit } }
`;

describeNetns('short flows first', () => {
  const world = useLab({ offloads: false });
  const start = useShapers(world);

  it('take less than half of the time, and the long ones keep 95 %', async () => {
    const one = await start(line(`default: { ${QUEUE} }`));
    const without = await measure(world.lab);
    expect((await one.stop()).code).toBe(0);
    const two = await start(
      line(
        `long: { match: { dscp: 8 }, priority: 1, ${QUEUE} }, default: { priority: 0, ceil: 80%, ${QUEUE} }`,
      ),
    );
    const edge = await start(MARKING, { host: world.lab.client });
    const bands = await measure(world.lab);
    for (const { count } of [without, bands]) expect(count).toBeGreaterThan((0.8 * 1000 * SECONDS) / GAP_MS);
    expect(bands.meanMs).toBeLessThan(0.5 * without.meanMs);
    expect(bands.longBytesPerSec).toBeGreaterThan(0.95 * without.longBytesPerSec);
    for (const shaper of [edge, two]) expect((await shaper.stop()).code).toBe(0);
  });
});
