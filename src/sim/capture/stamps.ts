/**
 * Instants of captured packets from stamps of clocks that may be wrong.
 *
 *   stamps      0   1   2  |10 years|  3   4        the third packet's stamp is wrong: it counts as at 2
 *   stamps      0   1   2   0   1   2               the clock stepped back: time goes on from 2
 *   stamps      0   1   2  |12 days|  …             a pause, if no stamp comes back
 *
 * An instant never decreases: a packet stamped a little before its predecessor gets the predecessor's
 * instant.
 */

/** A step back of more than this is a clock that was set, not packets in another order. */
const STEP_BACK_NS_MIN = 1e9;
/** A step forward of more than this may be a wrong stamp. */
const JUMP_NS_MIN = 3600e9;
/** A jump is a wrong stamp if one of so many packets behind it goes back by more than half of it. */
const RETURN_PACKETS = 64;
/** Jumps that are remembered as wrong. */
const WRONG_JUMPS_MAX = 1024;

export class StampReader {
  /** Number of times that the clock stepped back for good, or a stamp was wrong. */
  steps = 0;
  private readonly wrongJumps: ReadonlySet<number>;
  private packet = 0;
  private sec = 0;
  private ns = 0;
  private instantNs = 0;

  /** `wrongJumps` are numbers of packets whose stamp jumped ahead wrongly, from a JumpFinder. */
  constructor(wrongJumps: ReadonlySet<number> = new Set()) {
    this.wrongJumps = wrongJumps;
  }

  /** Instant of the next packet in nanoseconds since the first. */
  next(sec: number, ns: number): number {
    const number = this.packet++;
    const spanNs = number === 0 ? 0 : (sec - this.sec) * 1e9 + (ns - this.ns);
    if (number > 0 && spanNs < 0 && spanNs > -STEP_BACK_NS_MIN) return this.instantNs;
    this.sec = sec;
    this.ns = ns;
    if (spanNs < 0) this.steps++;
    else if (!this.wrongJumps.has(number)) this.instantNs += spanNs;
    return this.instantNs;
  }

  /** The instant of a packet without a stamp: that of the packet before. */
  withoutStamp(): number {
    this.packet++;
    return this.instantNs;
  }
}

/**
 * Finds stamps that jump ahead and come back. Takes the stamps of all packets once before they are read for
 * real.
 */
export class JumpFinder {
  readonly wrongJumps = new Set<number>();
  /** Longest step forward that is no wrong stamp so far, and the packet behind it. */
  private packet = 0;
  private sec = 0;
  private ns = 0;
  private jumpNs = 0;
  private jumpPacket = 0;

  add(sec: number, ns: number): void {
    const number = this.packet++;
    const spanNs = number === 0 ? 0 : (sec - this.sec) * 1e9 + (ns - this.ns);
    this.sec = sec;
    this.ns = ns;
    if (spanNs > JUMP_NS_MIN) {
      this.jumpNs = spanNs;
      this.jumpPacket = number;
    } else if (spanNs < 0 && this.jumpNs > 0 && number - this.jumpPacket <= RETURN_PACKETS) {
      if (-spanNs > this.jumpNs / 2 && this.wrongJumps.size < WRONG_JUMPS_MAX) {
        this.wrongJumps.add(this.jumpPacket);
        this.jumpNs = 0;
      }
    }
  }

  addWithoutStamp(): void {
    this.packet++;
  }
}
