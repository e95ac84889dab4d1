/**
 * Scenarios for native.test.ts in which packets are edited: new bytes with full checksums, as the kernel
 * demands them. It tells a replaced packet's receiver to check (nfqnl_mangle: ip_summed = CHECKSUM_NONE), so
 * a wrong checksum loses the packet.
 */
import { execFileSync } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Socket as TcpSocket, connect as tcpConnect } from 'node:net';
import { listClasses } from '../../src/core/classes/classes.ts';
import { FlowTable } from '../../src/core/flows/flow-table.ts';
import { Steering } from '../../src/core/flows/steering.ts';
import { Edits } from '../../src/core/packets/edits.ts';
import { HeldTable } from '../../src/core/packets/held.ts';
import { Ledger } from '../../src/core/packets/ledger.ts';
import { Trace } from '../../src/core/trace/trace.ts';
import { VerdictLog } from '../../src/core/verdicts/verdict-log.ts';
import { VerdictWriter } from '../../src/core/verdicts/writer.ts';
import { COPY_BYTES, COPY_BYTES_MAX } from '../../src/limits.ts';
import { NF_ACCEPT, VERDICT_UP_TO } from '../../src/packet/batch.ts';
import { planQueues } from '../../src/spec/queue-plan.ts';
import { shaper } from '../sim/world.ts';
import { type Bed, FIRST_QUEUE, type Packet, PORT, queueRule, until, withBed } from './native-bed.ts';

const WHOLE = { copyBytes: [COPY_BYTES_MAX, COPY_BYTES] };
const IPPROTO_UDP = 17;
const IPPROTO_TCP = 6;

/** Sum of 16-bit words in network order (RFC 1071), not yet folded. */
function sumOf(bytes: Buffer): number {
  let sum = 0;
  for (let i = 0; i + 1 < bytes.length; i += 2) sum += bytes.readUInt16BE(i);
  return bytes.length % 2 === 0 ? sum : sum + bytes[bytes.length - 1]! * 256;
}

function checksum(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x10000);
  return ~folded & 0xffff;
}

const isIpv4 = (packet: Buffer): boolean => packet[0]! >> 4 === 4;
const ipBytes = (packet: Buffer): number => (isIpv4(packet) ? (packet[0]! & 15) * 4 : 40);

/**
 * Puts lengths and checksums of a UDP or TCP packet right (RFC
 * 791, 768, 9293; pseudo-header of IPv6: RFC 8200, 8.1).
 */
export function mend(packet: Buffer): Buffer {
  const at = ipBytes(packet);
  const protocol = isIpv4(packet) ? packet[9]! : packet[6]!;
  const transport = packet.subarray(at);
  if (isIpv4(packet)) {
    packet.writeUInt16BE(packet.length, 2);
    packet.writeUInt16BE(0, 10);
    packet.writeUInt16BE(checksum(sumOf(packet.subarray(0, at))), 10);
  } else {
    packet.writeUInt16BE(transport.length, 4);
  }
  if (protocol === IPPROTO_UDP) transport.writeUInt16BE(transport.length, 4);
  const sumAt = protocol === IPPROTO_TCP ? 16 : 6;
  transport.writeUInt16BE(0, sumAt);
  const addresses = isIpv4(packet) ? packet.subarray(12, 20) : packet.subarray(8, 40);
  const sum = checksum(sumOf(addresses) + protocol + transport.length + sumOf(transport));
  // RFC 768: a sum of 0 is sent as all ones.
  transport.writeUInt16BE(protocol === IPPROTO_UDP && sum === 0 ? 0xffff : sum, sumAt);
  return packet;
}

/** The UDP packet with another payload. */
export function withPayload(packet: Buffer, payload: Buffer | string): Buffer {
  return mend(Buffer.concat([packet.subarray(0, ipBytes(packet) + 8), Buffer.from(payload)]));
}

/** UDP datagrams that this namespace refused for their checksum. */
function checksumErrors(): number {
  const [names, values] = readFileSync('/proc/net/snmp', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('Udp:'))
    .map((line) => line.split(' '));
  const six = /^Udp6InCsumErrors\s+(\d+)$/m.exec(readFileSync('/proc/net/snmp6', 'utf8'));
  return Number(values![names!.indexOf('InCsumErrors')]) + Number(six![1]);
}

/** A socket on the other address family of the loopback, with what it has received. */
async function listenSix(): Promise<{ socket: Socket; received: string[] }> {
  const socket = createSocket('udp6');
  const received: string[] = [];
  socket.on('message', (bytes) => received.push(bytes.toString()));
  socket.bind(PORT, '::1');
  await once(socket, 'listening');
  return { socket, received };
}

const shown = ({ nfqueue, lengthBytes, copiedBytes }: Packet): number[] => [
  nfqueue,
  lengthBytes,
  copiedBytes,
];

async function sayLong(bed: Bed, ...lengths: number[]): Promise<void> {
  for (const length of lengths) await bed.say('x'.repeat(length));
}

/**
 * The core's verdict writer over the port of `bed`; edits
 * packets whose text ends with "!" if it may, else accepts them.
 */
class Editor {
  packets = 0;
  readonly refused: string[] = [];
  /** Verdict rows sent: packets that a row counts for are joined, new bytes have a length. */
  readonly rows: { isJoined: boolean; payloadBytes: number }[] = [];
  private readonly bed: Bed;
  private readonly held = new HeldTable(1024);
  private readonly edits = new Edits(this.held);
  private readonly writer: VerdictWriter;

  constructor(bed: Bed) {
    this.bed = bed;
    const spec = shaper({ wan: { up: { rate: 1, burst: 1 } } });
    const plan = planQueues(spec);
    const steering = new Steering(plan, listClasses(spec));
    const ledger = new Ledger(1, this.held);
    const flows = new FlowTable(16, 1, 2, ledger);
    const log = new VerdictLog(this.held);
    const trace = new Trace(this.held, flows);
    this.writer = new VerdictWriter(0xff, this.held, flows, this.edits, ledger, steering, log, trace, plan);
    const { port } = bed;
    const send = port.send.bind(port);
    port.send = (count) => {
      const { verdict, payloadBytes } = port.batch.verdicts;
      for (let row = 0; row < count; row++)
        this.rows.push({ isJoined: (verdict[row]! & VERDICT_UP_TO) !== 0, payloadBytes: payloadBytes[row]! });
      send(count);
    };
  }

  /** Gives every packet that waits its verdict. */
  run(): void {
    const { held, writer } = this;
    const packets = this.bed.take();
    writer.connect(this.bed.port, packets.length);
    for (const [p, { id, nfqueue, hook, lengthBytes, bytes }] of packets.entries()) {
      const h = held.take();
      held.packetId[h] = id;
      held.lengthBytes[h] = lengthBytes;
      held.mark[h] = held.flags[h] = 0;
      held.setWay(h, nfqueue, hook, 0);
      held.setDscp(h, 0);
      writer.received(h);
      const text = bytes.subarray(28).toString();
      if (!this.edits.mayEdit(h, this.bed.port.batch.arrivals, p)) this.refused.push(text.slice(0, 4));
      else if (text.endsWith('!')) this.edit(h, withPayload(bytes, `${text.slice(0, -1)} edited`));
      else writer.accept(h);
      if (lengthBytes > bytes.length) writer.accept(h);
    }
    writer.flush();
    this.packets += packets.length;
  }

  private edit(h: number, packet: Buffer): void {
    const at = this.writer.editRoom(h, packet.length);
    this.writer.slabOf(h).set(packet, at);
    this.writer.acceptEdited(h, at, packet.length);
  }
}

export const editScenarios: Record<string, () => Promise<unknown>> = {
  /** Edited packets among others in one batch, one of them too long for its copy. */
  async writerEdits() {
    return withBed(async (bed) => {
      queueRule({});
      const editor = new Editor(bed);
      await bed.say('a', 'b', 'c!', 'd', 'e', 'f!', 'g!', 'h', `long${'.'.repeat(500)}!`, 'i');
      await until(() => {
        editor.run();
        return editor.packets === 10;
      }, 'ten packets');
      await until(() => bed.received.length === 10, 'ten datagrams');
      const received = bed.received.map((text) => text.slice(0, 10));
      return { received, rows: editor.rows, refused: editor.refused, failures: bed.failures() };
    });
  },

  /**
   * New bytes outside the slab, and for a batch verdict: each comes back by itself, and the packets can still
   * be accepted.
   */
  async editRefusals() {
    return withBed(async (bed) => {
      queueRule({});
      await bed.say('a', 'b', 'c');
      const [a, b, c] = (await bed.collect(3)) as [Packet, Packet, Packet];
      const payload = withPayload(a.bytes, 'edited');
      bed.give([
        { id: a.id, tag: 1, payload, payloadOffset: bed.port.slab.length - payload.length + 1 },
        { id: a.id, tag: 2, payload, payloadOffset: 0xffffffff },
        { id: c.id, tag: 3, payload, verdict: NF_ACCEPT | VERDICT_UP_TO },
        { id: b.id, tag: 4, payload: withPayload(b.bytes, 'b edited') },
      ]);
      const failures = bed.failures();
      bed.give([{ id: c.id, verdict: NF_ACCEPT | VERDICT_UP_TO }]);
      return { failures, received: await bed.receivedCount(3), counters: bed.port.counters() };
    });
  },

  /** UDP over both versions of IP: the same length, longer, shorter, then with a wrong checksum. */
  async editPayload() {
    return withBed(async (bed) => {
      queueRule({});
      queueRule({ six: true });
      const six = await listenSix();
      for (const text of ['same', 'long', 'short', 'wrong', 'plain']) {
        await bed.say(`4 ${text}`);
        six.socket.send(`6 ${text}`, PORT, '::1');
      }
      const packets = await bed.collect(10);
      bed.give(
        packets.map(({ id, bytes }) => {
          const text = bytes.subarray(ipBytes(bytes) + 8).toString();
          if (text.endsWith('plain')) return { id };
          if (text.endsWith('same')) return { id, payload: withPayload(bytes, text.toUpperCase()) };
          if (text.endsWith('long'))
            return { id, payload: withPayload(bytes, `${text} ${'er'.repeat(700)}`) };
          if (text.endsWith('short')) return { id, payload: withPayload(bytes, text.slice(0, 1)) };
          const payload = withPayload(bytes, text.toUpperCase());
          payload[payload.length - 1]! ^= 1;
          return { id, payload };
        }),
      );
      await until(() => bed.received.length === 4 && six.received.length === 4, 'eight edited packets');
      six.socket.close();
      return { four: bed.received, six: six.received, wrong: checksumErrors(), failures: bed.failures() };
    }, WHOLE);
  },

  /** One port, one NFQUEUE with whole copies and one with short ones; the largest datagram is edited. */
  async copyRanges() {
    return withBed(async (bed) => {
      const sixty = ['-m', 'length', '--length', '60:'];
      queueRule({ match: ['-p', 'udp', '--dport', String(PORT), ...sixty] });
      queueRule({
        match: ['-p', 'udp', '--sport', String(PORT)],
        nfqueue: ['--queue-num', String(FIRST_QUEUE + 1)],
      });
      await sayLong(bed, 100, 1472, 65_000);
      const whole = await bed.collect(3);
      const largest = whole[2]!;
      const edited = withPayload(largest.bytes, Buffer.alloc(65_400, 'y'));
      bed.give([{ id: whole[0]!.id }, { id: whole[1]!.id }, { id: largest.id, payload: edited }]);
      await bed.receivedCount(3);
      bed.reply(...['x'.repeat(50), 'x'.repeat(500)]);
      const short = await bed.collect(2);
      bed.give(short.map(({ id, nfqueue }) => ({ id, nfqueue })));
      return {
        packets: [...whole, ...short].map(shown),
        bytes: whole[1]!.bytes.subarray(28).toString() === 'x'.repeat(1472),
        received: bed.received.map((text) => [text.length, text.at(-1)]),
        counters: bed.port.counters(),
      };
    }, WHOLE);
  },

  /** Every byte of a TCP stream is changed in superpackets, and in segments on the way back. */
  async editSuperpackets() {
    // Superpackets are then 45 segments of 1448 B at most; those of
    // the loopback's own MTU have 65,535 B, and are never whole.
    execFileSync('ip', ['link', 'set', 'lo', 'mtu', '1500']);
    const options = { copyBytes: [COPY_BYTES_MAX, COPY_BYTES_MAX], gso: [true, false] };
    return withBed(async (bed) => {
      queueRule({ match: ['-p', 'tcp', '--dport', '9100'] });
      queueRule({
        match: ['-p', 'tcp', '--sport', '9100'],
        nfqueue: ['--queue-num', String(FIRST_QUEUE + 1)],
      });
      const skbInfo = [0, 0];
      let longest = 0;
      let cut = 0;
      bed.port.onReady(() => {
        for (const { id, nfqueue, bytes, lengthBytes, copiedBytes, skbInfo: info } of bed.take()) {
          skbInfo[nfqueue]! |= info;
          longest = Math.max(longest, lengthBytes);
          if (copiedBytes < lengthBytes) cut++;
          const data = ipBytes(bytes) + (bytes[ipBytes(bytes) + 12]! >> 4) * 4;
          for (let i = data; i < bytes.length; i++) bytes[i] = bytes[i]! + (nfqueue === 0 ? 1 : 2);
          bed.give([bytes.length > data ? { id, nfqueue, payload: mend(bytes) } : { id, nfqueue }]);
        }
        bed.port.arm(Number.POSITIVE_INFINITY);
      });
      const accepted: TcpSocket[] = [];
      const server = createServer((socket) => {
        accepted.push(socket);
        socket.pipe(socket);
      }).listen(9100, '127.0.0.1');
      const client = tcpConnect(9100, '127.0.0.1');
      const echoed: Buffer[] = [];
      client.on('data', (bytes) => echoed.push(bytes as Buffer));
      const bytesEchoed = (): number => echoed.reduce((sum, { length }) => sum + length, 0);
      client.write(Buffer.alloc(1 << 20, 'abcdefg'));
      await until(() => bytesEchoed() >= 1 << 20, 'the echo');
      client.destroy();
      for (const socket of accepted) socket.destroy();
      server.close();
      return {
        skbInfo,
        longest,
        cut,
        intact: Buffer.concat(echoed).equals(Buffer.alloc(1 << 20, 'defghij')),
      };
    }, options);
  },
};
