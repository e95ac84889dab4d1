/** Scenarios for native.test.ts about opening, overflowing, waking and closing. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type Addon, loadAddon, type NativeOptions } from '../../src/io/nfqueue/addon.ts';
import {
  askForPromptness,
  type NfqueueCounters,
  NfqueueError,
  openNfqueue,
} from '../../src/io/nfqueue/nfqueue.ts';
import {
  Bed,
  DEFAULTS,
  FIRST_QUEUE,
  kernelQueues,
  queueRule,
  sleep,
  until,
  withBed,
  words,
} from './native-bed.ts';

export const lifecycleScenarios: Record<string, () => Promise<unknown>> = {
  async socketOverflow() {
    const addon = loadAddon();
    const small = {
      layout: addon.layout,
      NativeQueue: function SmallQueue(options: NativeOptions) {
        return new addon.NativeQueue({ ...options, receiveBufferBytes: 20_000 });
      },
    } as unknown as Addon;
    return withBed(
      async (bed) => {
        queueRule({});
        await bed.say(...words(500));
        const kernel = kernelQueues()[0]!;
        const packets = await bed.collect(500 - kernel.socketFull);
        bed.give(packets.map(({ id }) => ({ id })));
        const received = (await bed.receivedCount(packets.length)).length;
        // The socket goes on: what comes after the overflow arrives.
        await bed.say('after');
        const [after] = await bed.collect(1);
        bed.give([{ id: after!.id }]);
        await bed.receivedCount(packets.length + 1);
        return {
          socketFull: kernel.socketFull,
          packets: packets.length,
          received,
          counters: bed.port.counters(),
        };
      },
      {},
      small,
    );
  },

  async queueOverflow() {
    return withBed(
      async (bed) => {
        queueRule({});
        await bed.say(...words(40));
        const packets = await bed.collect(16);
        return { packets: packets.length, kernel: kernelQueues()[0] };
      },
      { lengthPackets: 16 },
    );
  },

  async secondOpener() {
    return withBed(async (bed) => {
      queueRule({});
      const errors: unknown[] = [];
      for (const firstQueue of [FIRST_QUEUE, FIRST_QUEUE - 1, FIRST_QUEUE + 2]) {
        try {
          openNfqueue({ ...DEFAULTS, firstQueue }).close();
          errors.push(null);
        } catch (error) {
          const { code, syscall, hint } = error as NfqueueError;
          errors.push({ typed: error instanceof NfqueueError, code, syscall, hint });
        }
      }
      await bed.say('still here');
      const [packet] = await bed.collect(1);
      bed.give([{ id: packet!.id }]);
      return {
        errors,
        received: await bed.receivedCount(1),
        queues: kernelQueues().length,
        pid: process.pid,
      };
    });
  },

  async noCapability() {
    try {
      openNfqueue(DEFAULTS).close();
      return null;
    } catch (error) {
      const { code, hint } = error as NfqueueError;
      return { code, hint };
    }
  },

  /** Rules are there and packets pour in while 64 queues are bound: none may stay without a verdict. */
  async earlyPackets() {
    queueRule({ match: ['-p', 'icmp'], nfqueue: ['--queue-balance', '40:103', '--queue-bypass'] });
    const addresses = Array.from({ length: 4 }, (_, i) => `127.0.0.${i + 1}`);
    const floods = addresses.map((address) => spawn('ping', ['-f', '-q', address], { stdio: 'ignore' }));
    let seen = 0;
    let leftHeld = 0;
    const counters: NfqueueCounters[] = [];
    try {
      for (let round = 0; round < 50; round++) {
        const bed = await Bed.create({
          ...{ count: 64, gso: new Array(64).fill(true), copyBytes: new Array(64).fill(128) },
        });
        bed.acceptAll(() => seen++);
        await sleep(5);
        for (const flood of floods) flood.kill('SIGSTOP');
        await until(
          () => kernelQueues().every(({ held }) => held === 0),
          'a verdict for all held packets',
        ).catch(() => {
          leftHeld++;
        });
        for (const flood of floods) flood.kill('SIGCONT');
        counters.push(bed.port.counters());
        bed.close();
      }
    } finally {
      for (const flood of floods) flood.kill('SIGKILL');
    }
    return { seen, leftHeld, counters };
  },

  async worker() {
    queueRule({});
    const source = `
      import { parentPort } from 'node:worker_threads';
      const { openNfqueue } = await import(${JSON.stringify(import.meta.resolve('../../src/io/nfqueue/nfqueue.js'))});
      const port = openNfqueue(${JSON.stringify(DEFAULTS)});
      let total = 0;
      port.onReady(() => {
        const rows = port.drain();
        const { arrivals, verdicts } = port.batch;
        for (let p = 0; p < rows; p++) {
          verdicts.packetId[p] = arrivals.packetId[p];
          verdicts.verdict[p] = 1;
        }
        if (rows > 0) port.send(rows);
        total += rows;
        parentPort.postMessage(total);
      });
      parentPort.postMessage(0);`;
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`));
    let total = -1;
    worker.on('message', (count: number) => {
      total = count;
    });
    await until(() => total === 0, 'worker listens');
    // The main thread may own other queues at the same time.
    const bed = await Bed.create({ firstQueue: 60 });
    await bed.say(...words(50));
    await until(() => total === 50, 'the worker to give verdicts');
    const received = (await bed.receivedCount(50)).length;
    bed.close();
    const exitCode = await worker.terminate();
    return { received, exitCode, queuesLeft: kernelQueues().length };
  },

  async throwingCallback() {
    return withBed(async (bed) => {
      const uncaught: string[] = [];
      process.on('uncaughtException', (error) => uncaught.push(error.message));
      let microtask = false;
      bed.port.onReady(() => {
        bed.port.arm(Number.POSITIVE_INFINITY);
        queueMicrotask(() => {
          microtask = true;
        });
        throw new Error('from the callback');
      });
      bed.port.arm(0);
      await until(() => uncaught.length === 1, 'uncaught exception');
      bed.port.onReady(() => bed.port.close());
      bed.port.arm(0);
      await until(() => kernelQueues().length === 0, 'closed from its own callback');
      let afterClose = '';
      try {
        bed.port.send(0);
      } catch (error) {
        afterClose = (error as Error & { code: string }).code;
      }
      return { uncaught, microtask, drained: bed.port.drain(), afterClose, counters: bed.port.counters() };
    });
  },

  /** The port wakes a thousand times a second, and waits in place: everything else of the loop goes on. */
  async othersTakeTurns() {
    return withBed(async (bed) => {
      const { port } = bed;
      const turns = { wakeups: 0, intervals: 0, immediates: 0, ticks: 0, promises: 0, echoes: 0, signals: 0 };
      port.onReady(() => {
        turns.wakeups++;
        port.drain();
        port.arm(port.visitNs + 1e6);
        if (turns.wakeups % 10 !== 0) return;
        setImmediate(() => turns.immediates++);
        process.nextTick(() => turns.ticks++);
        void Promise.resolve().then(() => turns.promises++);
      });
      const timer = setInterval(() => turns.intervals++, 5);
      process.on('SIGUSR2', () => turns.signals++);
      // A child, and the pipes to it, come while the loop waits in place.
      const echo = spawn('cat');
      echo.stdout.on('data', () => {
        turns.echoes++;
        if (turns.echoes % 10 === 0) process.kill(process.pid, 'SIGUSR2');
        if (turns.echoes < 50) echo.stdin.write('x');
      });
      port.arm(0);
      setTimeout(() => echo.stdin.write('x'), 20);
      await until(() => turns.echoes === 50 && turns.intervals >= 50 && turns.signals >= 3, 'all of them');
      const exit = new Promise((resolve) => echo.on('exit', resolve));
      echo.stdin.end();
      const exitCode = await exit;
      clearInterval(timer);
      return { ...turns, exitCode };
    });
  },

  /** Nothing but the timer of the port is due. */
  async waitsInPlace() {
    return withBed(async (bed) => {
      const { port } = bed;
      let wakeups = 0;
      port.onReady(() => {
        wakeups++;
        port.arm(wakeups < 200 ? port.visitNs + 1e6 : Number.POSITIVE_INFINITY);
      });
      const turns = (): number => performance.nodeTiming.uvMetricsInfo.loopCount;
      const before = turns();
      port.arm(0);
      await sleep(1000);
      return { wakeups, turns: turns() - before };
    });
  },

  /** Where this thread sleeps, while a ping and its reply come every millisecond. */
  async waitsByReading() {
    queueRule({ match: ['-p', 'icmp'] });
    return withBed(async (bed) => {
      bed.acceptAll();
      const folder = mkdtempSync(join(tmpdir(), 'shaper-waits-'));
      const file = join(folder, 'places');
      // It writes to a file: a pipe would be a descriptor that is ready all the time.
      const look = `for i in $(seq 200); do cat /proc/${process.pid}/wchan; echo; sleep 0.003; done > ${file}`;
      const ping = spawn('ping', ['-q', '-i', '0.001', '-c', '1500', '127.0.0.1'], { stdio: 'ignore' });
      const looker = spawn('sh', ['-c', look], { stdio: 'ignore' });
      await Promise.all([ping, looker].map((child) => new Promise((resolve) => child.on('exit', resolve))));
      const places = readFileSync(file, 'utf8').trim().split('\n');
      rmSync(folder, { recursive: true });
      return { inRead: places.filter((place) => place.includes('skb')).length, looks: places.length };
    });
  },

  async promptness() {
    const asked = askForPromptness();
    const again = askForPromptness();
    const child = Number(execFileSync('nice', { encoding: 'utf8' }));
    const own = getPriority();
    const { setFirst } = loadAddon();
    setFirst(false);
    const givenBack = getPriority();
    setFirst(true);
    return { asked, again, own, child, givenBack, takenAgain: getPriority() };
  },

  /** The process ends from within the callback, with the port open and packets held. */
  async exitWhileOpen() {
    queueRule({});
    const bed = await Bed.create();
    await bed.say(...words(5));
    await bed.collect(5);
    bed.port.onReady(() => process.exit(0));
    setTimeout(() => bed.port.arm(0), 10);
    return { held: kernelQueues()[0]!.held };
  },
};
