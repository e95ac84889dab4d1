/**
 * Size-aware marking: packets of TCP flows that have sent little are marked as short, later ones as long, so
 * that two bands at the bottleneck let short transfers go first. docs/modules/qosmod.md has the idea and
 * figures.
 *
 * Reference: the module of this name in the itmBench paper; Guo and Matta, "The war between mice and
 * elephants" (2001).
 *
 * A flow here is one direction of a connection. The order of the paper holds: a packet is classified before
 * it is logged. So the first packet of a flow is unknown and keeps its DSCP, and packets 2 to threshold + 2
 * are short. A FIN is always short. ECN is not touched.
 */
import {
  ACCEPT,
  defineModule,
  FIN,
  type Itm,
  type ModuleInstance,
  type Packet,
} from '../modules/api/index.ts';

export const UNKNOWN = 0;
export const SHORT = 1;
export const LONG = 2;

interface Options {
  readonly threshold: number;
  readonly short: number;
  readonly long: number;
  readonly mtu: number;
}

/** A flow that is silent for longer is a new one afterwards, in both forms. */
const IDLE_SECONDS = 60;

export default defineModule<Options>({
  label: 'qosmod',
  about: 'marks packets by how much their TCP flow has sent: short flows, long flows',
  options: {
    threshold: {
      type: 'integer',
      default: 20,
      min: 0,
      max: 10_000,
      help: 'packets after which a flow is long; the listing of the paper lets two more pass',
    },
    short: { type: 'integer', default: 4, min: 0, max: 63, help: 'DSCP of short flows (4: minimise delay)' },
    long: { type: 'integer', default: 0, min: 0, max: 63, help: 'DSCP of long flows' },
    mtu: {
      type: 'integer',
      default: 1500,
      min: 576,
      max: 65_535,
      help: 'kernel-run only: longer packets are superpackets, of which each MTU counts as a packet',
    },
  },
  hooks: ['postrouting'],
  interest: { proto: 'tcp' },
  create: (itm, options) => new Marker(itm, options),
  kernel: (options) => ({ postrouting: [...marking('ip', options), ...marking('ip6', options)] }),
});

/** Rows are 2 * flow + direction. */
class Marker implements ModuleInstance {
  private readonly itm: Itm;
  private readonly options: Options;
  /** Packets on the wire so far, at most those that matter; 0: the flow is not known. */
  private packets = new Int32Array(1024);
  /** Both ports, so that a number that was given to another connection at once is noticed. */
  private ports = new Int32Array(1024);
  private seenNs = new Float64Array(1024);

  constructor(itm: Itm, options: Options) {
    this.itm = itm;
    this.options = options;
  }

  classify(p: Packet): number {
    const row = this.known(p);
    if (row < 0 || p.tcp === null) return UNKNOWN;
    // The counter of the paper starts at 0 with the first packet: it is one less than the packets seen.
    const isShort = this.packets[row] - 1 <= this.options.threshold || (p.tcp.flags & FIN) !== 0;
    return isShort ? SHORT : LONG;
  }

  log(p: Packet): void {
    if (p.flow < 0) return;
    const before = this.known(p);
    const row = 2 * p.flow + p.direction;
    if (row >= this.packets.length) this.grow(row);
    const enough = this.options.threshold + 2;
    this.packets[row] = Math.min(enough, (before < 0 ? 0 : this.packets[row]) + p.segments);
    this.ports[row] = (p.sport << 16) | p.dport;
    this.seenNs[row] = this.itm.now();
  }

  process(p: Packet, cls: number): typeof ACCEPT {
    const dscp = cls === SHORT ? this.options.short : this.options.long;
    if (p.dscp !== dscp) p.dscp = dscp;
    return ACCEPT;
  }

  /** Row of the packet's flow; -1 if this is its first packet, or one after a long silence. */
  private known(p: Packet): number {
    const row = 2 * p.flow + p.direction;
    if (row < 0 || row >= this.packets.length || this.packets[row] === 0) return -1;
    if (this.ports[row] !== ((p.sport << 16) | p.dport)) return -1;
    return this.itm.now() - this.seenNs[row] > IDLE_SECONDS * 1e9 ? -1 : row;
  }

  private grow(row: number): void {
    const rows = 2 ** Math.ceil(Math.log2(row + 1));
    const larger = <T extends Int32Array | Float64Array>(to: T, from: T): T => {
      to.set(from);
      return to;
    };
    this.packets = larger(new Int32Array(rows), this.packets);
    this.ports = larger(new Int32Array(rows), this.ports);
    this.seenNs = larger(new Float64Array(rows), this.seenNs);
  }
}

/** Flows that the kernel-run form remembers, per family. What comes beyond them is not marked. */
const KERNEL_FLOWS_MAX = 65_535;
/** Two segments without data, with which a connection begins. */
const HANDSHAKE_BYTES = 100;
/** Headers of IPv6, and of TCP with time stamps: a superpacket has them once. */
const HEADER_BYTES = 72;
/**
 * A superpacket that crosses the threshold has one mark. So many of its segments may have the wrong one as
 * short ones; all others of up to nine segments then have at most four wrong ones as long ones.
 */
const CROSSING_PACKETS = 4;

/**
 * The same in rules of nft 1.0.6, without connection tracking: the keys of meters are flows. A limit that
 * grows by one packet a week is a counter, and a quota counts bytes. The first meter is over from a flow's
 * second packet on, the second one from packet threshold + 3 on. The kernel counts a superpacket as one, so
 * a third meter has the bytes of as many full packets.
 */
function marking(family: 'ip' | 'ip6', { threshold, short, long, mtu }: Options): string[] {
  const flow = `${family} saddr . ${family} daddr . tcp sport . tcp dport timeout ${IDLE_SECONDS}s`;
  const meter = (name: string, over: string): string =>
    `meter qosmod_${name}_${family} size ${KERNEL_FLOWS_MAX} { ${flow} ${over} }`;
  const packets = (count: number): string => `limit rate over 1/week burst ${count} packets`;
  const fullPackets = threshold + 1 + CROSSING_PACKETS;
  const bytes = `quota over ${fullPackets * (mtu - HEADER_BYTES) + HANDSHAKE_BYTES} bytes`;
  const set = (dscp: number): string => `${family} dscp set ${dscp}`;
  const unlessLast = 'tcp flags & fin != fin';
  return [
    `${meter('seen', packets(1))} ${set(short)}`,
    `${meter('packets', packets(threshold + 2))} ${unlessLast} ${set(long)}`,
    `${meter('bytes', bytes)} ${unlessLast} ${set(long)}`,
  ];
}
