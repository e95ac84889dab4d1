/**
 * Scenarios for native.test.ts. Each runs in a process of its own inside a fresh network namespace:
 * `node --import tsx native-scenarios.ts NAME` prints its result as JSON.
 */
import { execFileSync, spawn } from 'node:child_process';
import { createServer, type Socket, connect as tcpConnect } from 'node:net';
import { Worker } from 'node:worker_threads';
import { type Addon, loadAddon } from '../../src/io/addon.ts';
import { type NfqueueCounters, NfqueueError, openNfqueue } from '../../src/io/nfqueue.ts';
import { NF_ACCEPT, NF_DROP, VERDICT_SET_MARK, VERDICT_UP_TO } from '../../src/packet/batch.ts';
import { Bed, DEFAULTS, FIRST_QUEUE, iptables, kernelQueues, queueRule, sleep, until } from './native-bed.ts';

const words = (count: number): string[] => Array.from({ length: count }, (_, i) => `w${i}`);

async function withBed<T>(run: (bed: Bed) => Promise<T>, options = {}, addon?: Addon): Promise<T> {
  const bed = await Bed.create(options, addon);
  try {
    return await run(bed);
  } finally {
    bed.close();
  }
}

/** The RFC 1071 sum over an IPv4 header whose checksum field is zero. */
function ipChecksum(header: Buffer): number {
  let sum = 0;
  for (let i = 0; i < header.length; i += 2) sum += header.readUInt16BE(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** The packet with other text: lengths and the IP checksum put right, no UDP checksum (0, RFC 768). */
function withText(packet: Buffer, text: string): Buffer {
  const edited = Buffer.concat([packet.subarray(0, 28), Buffer.from(text)]);
  edited.writeUInt16BE(edited.length, 2);
  edited.writeUInt16BE(0, 10);
  edited.writeUInt16BE(ipChecksum(edited.subarray(0, 20)), 10);
  edited.writeUInt16BE(edited.length - 20, 24);
  edited.writeUInt16BE(0, 26);
  return edited;
}

const scenarios: Record<string, () => Promise<unknown>> = {
  async acceptAndDrop() {
    iptables('-t', 'mangle', '-A', 'PREROUTING', '-p', 'udp', '-j', 'MARK', '--set-mark', '0x1234');
    return withBed(async (bed) => {
      queueRule({});
      await bed.say(...words(19), 'x'.repeat(500));
      const packets = await bed.collect(20);
      bed.answer(packets.map(({ id }, i) => ({ id, verdict: i % 2 ? NF_ACCEPT : NF_DROP })));
      const received = [...(await bed.receivedCount(10))];
      const shown = packets.map((packet) => ({ ...packet, text: packet.bytes.subarray(28).toString() }));
      return { packets: shown, received, held: kernelQueues()[0]!.held, failures: bed.failures().length };
    });
  },

  async ipv6() {
    return withBed(async (bed) => {
      queueRule({ six: true, match: ['-p', 'icmpv6', '--icmpv6-type', '128'], queue: ['--queue-num', '41'] });
      const ping = spawn('ping', ['-6', '-c', '1', '-W', '2', '::1'], { stdio: 'ignore' });
      const status = new Promise((resolve) => ping.on('close', resolve));
      const [packet] = await bed.collect(1);
      bed.answer([{ id: packet!.id, queue: packet!.queue }]);
      return { version: packet!.bytes[0]! >> 4, queue: packet!.queue, status: await status };
    });
  },

  async holdAndReorder() {
    return withBed(async (bed) => {
      queueRule({});
      await bed.say(...words(300));
      const packets = await bed.collect(300);
      await sleep(30);
      const early = bed.received.length;
      const held = kernelQueues()[0]!.held;
      bed.answer(packets.reverse().map(({ id }) => ({ id })));
      return { early, held, received: await bed.receivedCount(300) };
    });
  },

  async batchVerdict() {
    return withBed(async (bed) => {
      queueRule({});
      await bed.say(...words(10));
      const packets = await bed.collect(10);
      bed.answer([{ id: packets[5]!.id, verdict: NF_ACCEPT | VERDICT_UP_TO }]);
      const first = [...(await bed.receivedCount(6))];
      bed.answer([{ id: packets[9]!.id, verdict: NF_DROP | VERDICT_UP_TO }]);
      return { first, held: kernelQueues()[0]!.held, failures: bed.failures() };
    });
  },

  async mark() {
    iptables('-t', 'security', '-A', 'INPUT', '-m', 'mark', '--mark', '0x77', '-j', 'DROP');
    return withBed(async (bed) => {
      queueRule({});
      await bed.say(...words(3));
      const [a, b, c] = await bed.collect(3);
      bed.answer([
        { id: a!.id, verdict: NF_ACCEPT | VERDICT_SET_MARK, mark: 0x77 },
        { id: b!.id, verdict: NF_ACCEPT, mark: 0x77 },
        { id: c!.id, verdict: NF_ACCEPT | VERDICT_SET_MARK | VERDICT_UP_TO, mark: 0x76 },
      ]);
      return bed.receivedCount(2);
    });
  },

  async payload() {
    return withBed(async (bed) => {
      queueRule({});
      await bed.say('plain', 'short', 'left alone');
      const [a, b, c] = await bed.collect(3);
      bed.answer([
        { id: a!.id, payload: withText(a!.bytes, `edited ${'and longer '.repeat(20)}`) },
        { id: b!.id, payload: withText(b!.bytes, 'odd') },
        { id: c!.id },
      ]);
      return bed.receivedCount(3);
    });
  },

  async refusals() {
    return withBed(async (bed) => {
      queueRule({});
      await bed.say(...words(2));
      const [a, b] = await bed.collect(2);
      bed.answer([
        { id: a!.id },
        { id: 999_999, tag: 77 },
        { id: b!.id, queue: 5, tag: 78 },
        { id: b!.id, tag: 79, payload: Buffer.alloc(0) },
      ]);
      const failures = [...bed.failures(), ...bed.failures()];
      bed.answer(Array.from({ length: 1000 }, (_, i) => ({ id: 500_000 + i, tag: 1000 + i })));
      const tags: number[] = [];
      for (let i = 0; i < 8; i++) tags.push(...bed.failures().map(({ tag }) => tag));
      return { received: await bed.receivedCount(2), failures, tags, counters: bed.port.counters() };
    });
  },

  /** A row that cannot be sent comes back by itself, although the socket announces nothing. */
  async unsentWakes() {
    return withBed(async (bed) => {
      const tags: number[] = [];
      bed.port.onReady(() => {
        tags.push(...bed.failures().map(({ tag }) => tag));
        bed.port.arm(Number.POSITIVE_INFINITY);
      });
      bed.answer(Array.from({ length: 600 }, (_, i) => ({ id: 1, queue: 9, tag: i })));
      bed.port.arm(Number.POSITIVE_INFINITY);
      await until(() => tags.length === 600, 'all failures');
      return { tags, counters: bed.port.counters() };
    });
  },

  async timer() {
    return withBed(async (bed) => {
      const { port } = bed;
      let wakeups = 0;
      let wokeNs = 0;
      port.onReady(() => {
        wakeups++;
        wokeNs = port.nowNs();
      });
      const lateNs: number[] = [];
      for (const delayNs of [5e6, 1e6, 200e3, 0, -1e9]) {
        const before = wakeups;
        const dueNs = port.nowNs() + delayNs;
        port.arm(dueNs);
        await until(() => wakeups > before, 'timer');
        lateNs.push(wokeNs - dueNs);
        // The callback did not arm again: it must not be called on and on.
        await sleep(5);
        if (wakeups !== before + 1) throw new Error(`${wakeups - before} wake-ups for one due time`);
      }
      const before = wakeups;
      port.arm(port.nowNs() + 10e6);
      port.arm(Number.POSITIVE_INFINITY);
      await sleep(30);
      return { lateNs, afterDisarm: wakeups - before };
    });
  },

  /** 1 MB of TCP through one queue with superpackets and, in the other direction, one without. */
  async superpackets() {
    execFileSync('ip', ['link', 'set', 'lo', 'mtu', '1500']);
    return withBed(
      async (bed) => {
        queueRule({ match: ['-p', 'tcp', '--dport', '9100'] });
        queueRule({
          match: ['-p', 'tcp', '--sport', '9100'],
          queue: ['--queue-num', String(FIRST_QUEUE + 1)],
        });
        const longest = [0, 0];
        const skbInfo = [0, 0];
        const copied: number[] = [];
        bed.acceptAll((packet) => {
          longest[packet.queue] = Math.max(longest[packet.queue]!, packet.lengthBytes);
          skbInfo[packet.queue]! |= packet.skbInfo;
          if (packet.lengthBytes > 128) copied.push(packet.copiedBytes);
        });
        const sent = Buffer.alloc(1 << 20, 'shaper ');
        const accepted: Socket[] = [];
        const server = createServer((socket) => {
          accepted.push(socket);
          socket.pipe(socket);
        }).listen(9100, '127.0.0.1');
        const client = tcpConnect(9100, '127.0.0.1');
        const echoed: Buffer[] = [];
        let echoedBytes = 0;
        client.on('data', (bytes) => {
          echoed.push(bytes as Buffer);
          echoedBytes += bytes.length;
        });
        client.write(sent);
        await until(() => echoedBytes >= sent.length, 'the echo');
        client.destroy();
        for (const socket of accepted) socket.destroy();
        server.close();
        return {
          granted: bed.port.granted,
          longest,
          skbInfo,
          copied: [...new Set(copied)],
          intact: Buffer.concat(echoed).equals(sent),
        };
      },
      { gso: [true, false] },
    );
  },

  async uidAndMac() {
    return withBed(
      async (bed) => {
        queueRule({ chain: 'OUTPUT' });
        await bed.say('local');
        const [local] = await bed.collect(1);
        bed.answer([{ id: local!.id }]);
        queueRule({ match: ['-p', 'icmp', '-i', 'n0'], queue: ['--queue-num', String(FIRST_QUEUE + 1)] });
        // The peer's answers come in by the veth and carry its address.
        const ping = spawn('ping', ['-c', '1', '-W', '2', '10.77.0.2'], { stdio: 'ignore' });
        const [far] = await bed.collect(1);
        bed.answer([{ id: far!.id, queue: far!.queue }]);
        const status = await new Promise((resolve) => ping.on('close', resolve));
        return { granted: bed.port.granted.uidGid, local, far, status };
      },
      { uidGid: true },
    );
  },

  async socketOverflow() {
    const addon = loadAddon();
    const small = {
      layout: addon.layout,
      NativeQueue: function SmallQueue(...args: ConstructorParameters<Addon['NativeQueue']>) {
        args[7] = 20_000;
        return new addon.NativeQueue(...args);
      },
    } as unknown as Addon;
    return withBed(
      async (bed) => {
        queueRule({});
        await bed.say(...words(500));
        const kernel = kernelQueues()[0]!;
        const packets = await bed.collect(500 - kernel.socketFull);
        bed.answer(packets.map(({ id }) => ({ id })));
        const received = (await bed.receivedCount(packets.length)).length;
        // The socket goes on: what comes after the overflow arrives.
        await bed.say('after');
        const [after] = await bed.collect(1);
        bed.answer([{ id: after!.id }]);
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
      bed.answer([{ id: packet!.id }]);
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
    queueRule({ match: ['-p', 'icmp'], queue: ['--queue-balance', '40:103', '--queue-bypass'] });
    const addresses = Array.from({ length: 4 }, (_, i) => `127.0.0.${i + 1}`);
    const floods = addresses.map((address) => spawn('ping', ['-f', '-q', address], { stdio: 'ignore' }));
    let seen = 0;
    let unanswered = 0;
    const counters: NfqueueCounters[] = [];
    try {
      for (let round = 0; round < 50; round++) {
        const bed = await Bed.create({ count: 64, gso: new Array(64).fill(true), uidGid: true });
        bed.acceptAll(() => seen++);
        await sleep(5);
        for (const flood of floods) flood.kill('SIGSTOP');
        await until(() => kernelQueues().every(({ held }) => held === 0), 'all held packets answered').catch(
          () => {
            unanswered++;
          },
        );
        for (const flood of floods) flood.kill('SIGCONT');
        counters.push(bed.port.counters());
        bed.close();
      }
    } finally {
      for (const flood of floods) flood.kill('SIGKILL');
    }
    return { seen, unanswered, counters };
  },

  async worker() {
    queueRule({});
    const source = `
      import { parentPort } from 'node:worker_threads';
      const { register } = await import(${JSON.stringify(import.meta.resolve('tsx/esm/api'))});
      register();
      const { openNfqueue } = await import(${JSON.stringify(new URL('../../src/io/nfqueue.ts', import.meta.url).href)});
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
    await until(() => total === 50, 'worker answered');
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
        Promise.resolve().then(() => {
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
};

const name = process.argv[2] ?? '';
const scenario = scenarios[name];
if (!scenario) throw new Error(`no scenario ${name}`);
console.log(JSON.stringify(await scenario()));
// What a scenario left open must not hide behind a hanging process: say it and leave.
setTimeout(() => {
  process.stderr.write(`still open: ${process.getActiveResourcesInfo().join(' ')}\n`);
  process.exit(9);
}, 3000).unref();
