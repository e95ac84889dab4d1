/** Things that go wrong per packet: counted by reason, and told at most once in ten seconds each. */
import type { ModuleLogger } from '../../modules/api/module.ts';

const QUIET_NS = 10e9;

interface Complaint {
  count: number;
  toldNs: number;
}

export class Complaints {
  private readonly log: ModuleLogger;
  private readonly now: () => number;
  private readonly reasons = new Map<string, Complaint>();

  constructor(log: ModuleLogger, now: () => number) {
    this.log = log;
    this.now = now;
  }

  /** `reason` is one of a few sentences; `fields` say more of this one. */
  add(reason: string, fields: object = {}): void {
    const nowNs = this.now();
    const complaint = this.reasons.get(reason) ?? { count: 0, toldNs: Number.NEGATIVE_INFINITY };
    this.reasons.set(reason, complaint);
    complaint.count++;
    if (nowNs - complaint.toldNs < QUIET_NS) return;
    complaint.toldNs = nowNs;
    this.log.warn({ ...fields, times: complaint.count }, reason);
  }

  countOf(reason: string): number {
    return this.reasons.get(reason)?.count ?? 0;
  }
}
