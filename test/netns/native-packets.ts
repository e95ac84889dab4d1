/** Scenarios for native.test.ts in which packets get their verdicts. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer, type Socket, connect as tcpConnect } from 'node:net';
import { RELEASE_SLACK_NS } from '../../src/limits.ts';
import { NF_ACCEPT, NF_DROP, VERDICT_SET_MARK, VERDICT_UP_TO } from '../../src/packet/batch.ts';
import {
  FIRST_QUEUE,
  iptables,
  kernelQueues,
  queueRule,
  sleep,
  until,
  withBed,
  words,
} from './native-bed.ts';

export const packetScenarios: Record<string, () => Promise<unknown>> = {
  async acceptAndDrop() {
    iptables('-t', 'mangle', '-A', 'PREROUTING', '-p', 'udp', '-j', 'MARK', '--set-mark', '0x1234');
    return withBed(async (bed) => {
      queueRule({});
      await bed.say(...words(19), 'x'.repeat(500));
      const packets = await bed.collect(20);
      bed.give(packets.map(({ id }, i) => ({ id, verdict: i % 2 ? NF_ACCEPT : NF_DROP })));
      const received = [...(await bed.receivedCount(10))];
      const shown = packets.map((packet) => ({ ...packet, text: packet.bytes.subarray(28).toString() }));
      return { packets: shown, received, held: kernelQueues()[0]!.held, failures: bed.failures().length };
    });
  },

  async ipv6() {
    return withBed(async (bed) => {
      queueRule({
        six: true,
        match: ['-p', 'icmpv6', '--icmpv6-type', '128'],
        nfqueue: ['--queue-num', '41'],
      });
      const ping = spawn('ping', ['-6', '-c', '1', '-W', '30', '::1'], { stdio: 'ignore' });
      const status = new Promise((resolve) => ping.on('close', resolve));
      const [packet] = await bed.collect(1);
      bed.give([{ id: packet!.id, nfqueue: packet!.nfqueue }]);
      return { version: packet!.bytes[0]! >> 4, nfqueue: packet!.nfqueue, status: await status };
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
      bed.give(packets.reverse().map(({ id }) => ({ id })));
      return { early, held, received: await bed.receivedCount(300) };
    });
  },

  async batchVerdict() {
    return withBed(async (bed) => {
      queueRule({});
      await bed.say(...words(10));
      const packets = await bed.collect(10);
      bed.give([{ id: packets[5]!.id, verdict: NF_ACCEPT | VERDICT_UP_TO }]);
      const first = [...(await bed.receivedCount(6))];
      bed.give([{ id: packets[9]!.id, verdict: NF_DROP | VERDICT_UP_TO }]);
      return { first, held: kernelQueues()[0]!.held, failures: bed.failures() };
    });
  },

  async mark() {
    iptables('-t', 'security', '-A', 'INPUT', '-m', 'mark', '--mark', '0x77', '-j', 'DROP');
    return withBed(async (bed) => {
      queueRule({});
      await bed.say(...words(3));
      const [a, b, c] = await bed.collect(3);
      bed.give([
        { id: a!.id, verdict: NF_ACCEPT | VERDICT_SET_MARK, mark: 0x77 },
        { id: b!.id, verdict: NF_ACCEPT, mark: 0x77 },
        { id: c!.id, verdict: NF_ACCEPT | VERDICT_SET_MARK | VERDICT_UP_TO, mark: 0x76 },
      ]);
      return bed.receivedCount(2);
    });
  },

  async refusals() {
    return withBed(async (bed) => {
      queueRule({});
      await bed.say(...words(2));
      const [a, b] = await bed.collect(2);
      bed.give([
        { id: a!.id },
        { id: 999_999, tag: 77 },
        { id: b!.id, nfqueue: 5, tag: 78 },
        { id: b!.id, tag: 79, payload: Buffer.alloc(0) },
      ]);
      const failures = [...bed.failures(), ...bed.failures()];
      bed.give(Array.from({ length: 1000 }, (_, i) => ({ id: 500_000 + i, tag: 1000 + i })));
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
      bed.give(Array.from({ length: 600 }, (_, i) => ({ id: 1, nfqueue: 9, tag: i })));
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
      const afterDisarm = wakeups - before;
      return { lateNs, afterDisarm };
    });
  },

  /** A timer that waits is set again: by how much does the instant for which the kernel has it move? */
  async timerSet() {
    return withBed(async (bed) => {
      const { port } = bed;
      const isTimer = (name: string): boolean => readlinkSync(`/proc/self/fd/${name}`).includes('timerfd');
      // The event loop has none of its own: it waits with a time-out.
      const fd = readdirSync('/proc/self/fd')
        .filter((name) => existsSync(`/proc/self/fd/${name}`))
        .find(isTimer);
      /** At the latest: between reading the clock and the timer some time passes. */
      const setForNs = (): number => {
        const nowNs = port.nowNs();
        const info = readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8');
        const [, seconds, nanoseconds] = /it_value: \((\d+), (\d+)\)/.exec(info)!;
        return nowNs + Number(seconds) * 1e9 + Number(nanoseconds);
      };
      const move = (laterNs: number): number => {
        const firstNs = port.nowNs() + 1e9;
        port.arm(firstNs);
        port.arm(firstNs + laterNs);
        const movedNs = setForNs() - firstNs;
        port.arm(Number.POSITIVE_INFINITY);
        return movedNs;
      };
      // A pause of this process makes it look earlier, never later.
      const moved = [RELEASE_SLACK_NS, RELEASE_SLACK_NS + 50e6, -50e6].map((laterNs) =>
        Math.max(...Array.from({ length: 10 }, () => move(laterNs))),
      );
      const yearNs = 365 * 86_400e9;
      port.arm(yearNs);
      return { moved, missedNs: setForNs() - yearNs };
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
          nfqueue: ['--queue-num', String(FIRST_QUEUE + 1)],
        });
        const longest = [0, 0];
        const skbInfo = [0, 0];
        const copied: number[] = [];
        bed.acceptAll((packet) => {
          longest[packet.nfqueue] = Math.max(longest[packet.nfqueue]!, packet.lengthBytes);
          skbInfo[packet.nfqueue]! |= packet.skbInfo;
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

  async bridgePort() {
    execFileSync('sysctl', ['-q', '-w', 'net.bridge.bridge-nf-call-iptables=1']);
    return withBed(async (bed) => {
      queueRule({ match: ['-p', 'icmp', '--icmp-type', 'echo-reply'] });
      const ping = spawn('ping', ['-c', '1', '-W', '30', '10.77.0.2'], { stdio: 'ignore' });
      const status = new Promise((resolve) => ping.on('close', resolve));
      const [far] = await bed.collect(1);
      bed.give([{ id: far!.id }]);
      return { far, status: await status };
    });
  },

  async linkAddress() {
    return withBed(async (bed) => {
      queueRule({ chain: 'OUTPUT' });
      await bed.say('local');
      const [local] = await bed.collect(1);
      bed.give([{ id: local!.id }]);
      queueRule({ match: ['-p', 'icmp', '-i', 'n0'], nfqueue: ['--queue-num', String(FIRST_QUEUE + 1)] });
      // The peer's replies come in by the veth and carry its address.
      const ping = spawn('ping', ['-c', '1', '-W', '30', '10.77.0.2'], { stdio: 'ignore' });
      const [far] = await bed.collect(1);
      bed.give([{ id: far!.id, nfqueue: far!.nfqueue }]);
      const status = await new Promise((resolve) => ping.on('close', resolve));
      return { local, far, status };
    });
  },
};
