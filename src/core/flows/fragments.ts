/**
 * Ports of datagrams in fragments: the first fragment carries them, later ones do not (RFC 791 section 3.2,
 * RFC 8200 section 4.5). The table remembers them by addresses, identification and (IPv4 only) protocol, so
 * that later fragments join the first one's flow, class and bucket. Where connection tracking runs, the
 * kernel reassembles packets before us and the table stays empty.
 *
 * There is one slot per hash, and the newest datagram takes it. A second 32-bit hash with other keys tells
 * datagrams of one slot apart.
 */
import { hashWords } from '../../base/hash.ts';
import { FRAGMENT_IDLE_NS, FRAGMENTS_MAX } from '../../limits.ts';
import type { Parsed } from '../../packet/parse.ts';

const KEY_WORDS = 10;

export class FragmentTable {
  private readonly key0: number;
  private readonly key1: number;
  private readonly words = new Int32Array(KEY_WORDS);
  private readonly check = new Int32Array(FRAGMENTS_MAX);
  private readonly seenNs = new Float64Array(FRAGMENTS_MAX).fill(Number.NEGATIVE_INFINITY);
  private readonly ports = new Uint32Array(FRAGMENTS_MAX);
  private readonly hasPorts = new Uint8Array(FRAGMENTS_MAX);
  private readonly protocol = new Uint8Array(FRAGMENTS_MAX);

  constructor(key0: number, key1: number) {
    this.key0 = key0;
    this.key1 = key1;
  }

  /** Remembers a first fragment, or gives a later one (parsed.fragment 2) the ports of its first. */
  join(parsed: Parsed, p: number, nowNs: number): void {
    const { words } = this;
    // IPv6 identifies datagrams without the protocol. A later fragment may name another header instead.
    words[0] = parsed.family[p] === 6 ? 0 : parsed.protocol[p];
    words[1] = parsed.fragmentId[p];
    words[2] = parsed.src0[p];
    words[3] = parsed.dst0[p];
    words[4] = parsed.src1[p];
    words[5] = parsed.src2[p];
    words[6] = parsed.src3[p];
    words[7] = parsed.dst1[p];
    words[8] = parsed.dst2[p];
    words[9] = parsed.dst3[p];
    const slot = hashWords(this.key0, this.key1, words, KEY_WORDS) & (FRAGMENTS_MAX - 1);
    const check = hashWords(this.key1, this.key0, words, KEY_WORDS);
    if (parsed.fragment[p] === 1) {
      this.check[slot] = check;
      this.seenNs[slot] = nowNs;
      this.ports[slot] = ((parsed.sport[p] << 16) | parsed.dport[p]) >>> 0;
      this.hasPorts[slot] = parsed.hasPorts[p];
      this.protocol[slot] = parsed.protocol[p];
    } else if (this.check[slot] === check && nowNs - this.seenNs[slot] <= FRAGMENT_IDLE_NS) {
      parsed.sport[p] = this.ports[slot] >>> 16;
      parsed.dport[p] = this.ports[slot] & 0xffff;
      parsed.hasPorts[p] = this.hasPorts[slot];
      parsed.protocol[p] = this.protocol[slot];
    }
  }
}
