/**
 * The clock of the packet thread, read without asking it. Each snapshot says what that clock showed. The one
 * that came fastest tells best by how much it differs from our own.
 */
export class EngineClock {
  private readonly ownNs: () => number;
  private offsetNs = Number.NEGATIVE_INFINITY;

  /** `ownNs` runs as fast as the clock of the packet thread. */
  constructor(ownNs: () => number) {
    this.ownNs = ownNs;
  }

  /** A snapshot has come that was taken at this instant. */
  heard(takenNs: number): void {
    this.offsetNs = Math.max(this.offsetNs, takenNs - this.ownNs());
  }

  nowNs(): number {
    return this.ownNs() + this.offsetNs;
  }
}
