/**
 * Slow twin of the book of quotas: lists of all that was counted, and states as the rules say, limit by
 * limit. It knows no rows, no columns and no store.
 */
import type { QuotaSpec } from '../../src/spec/hosts.ts';
import { SlowSums } from './sliding-sum.ts';

interface Limit {
  readonly quota: QuotaSpec;
  readonly overNs: number;
  readonly direction: 'up' | 'down' | 'total';
  readonly bytes: number;
}

interface SlowGrant {
  readonly host: number;
  readonly quota: string | null;
  readonly bytes: number;
  readonly fromNs: number;
  readonly untilNs: number | null;
}

export interface SlowStanding {
  readonly usedBytes: number;
  readonly limitBytes: number;
  readonly state: string;
}

export class SlowBook {
  readonly #quotas: readonly QuotaSpec[];
  readonly #widthNs: (overNs: number) => number;
  readonly #limits: readonly Limit[];
  #sums: Map<number, SlowSums>;
  #states = new Map<string, string>();
  #grants: SlowGrant[] = [];

  constructor(quotas: readonly QuotaSpec[], widthNs: (overNs: number) => number) {
    this.#quotas = quotas;
    this.#widthNs = widthNs;
    this.#limits = quotas.flatMap((quota) =>
      quota.windows.flatMap(({ overNs, upBytes, downBytes, totalBytes }) => {
        const limits: Limit[] = [
          { quota, overNs, direction: 'up', bytes: upBytes },
          { quota, overNs, direction: 'down', bytes: downBytes },
          { quota, overNs, direction: 'total', bytes: totalBytes },
        ];
        return limits.filter(({ bytes }) => bytes < Number.POSITIVE_INFINITY);
      }),
    );
    this.#sums = new Map(this.#limits.map(({ overNs }) => [overNs, new SlowSums(overNs, widthNs(overNs))]));
  }

  /** What a store has that was written now. */
  copy(): SlowBook {
    const copy = new SlowBook(this.#quotas, this.#widthNs);
    copy.#sums = new Map([...this.#sums].map(([overNs, sums]) => [overNs, sums.copy()]));
    copy.#states = new Map(this.#states);
    copy.#grants = [...this.#grants];
    return copy;
  }

  count(host: number, upBytes: number, downBytes: number, nowNs: number): void {
    for (const sums of this.#sums.values()) sums.count(host, upBytes, downBytes, nowNs);
  }

  grant(host: number, bytes: number, quota: string | null, nowNs: number, untilNs: number | null): void {
    this.#grants.push({ host, quota, bytes, fromNs: nowNs, untilNs });
  }

  reset(host: number): void {
    for (const sums of this.#sums.values()) sums.clear(host);
  }

  merge(from: number, into: number): void {
    for (const sums of this.#sums.values()) sums.merge(from, into);
    for (const [n] of this.#limits.entries()) {
      const worst = [this.#stateOf(from, n), this.#stateOf(into, n)].sort(bySeverity).at(-1) as string;
      this.#states.set(`${into} ${n}`, worst);
      this.#states.delete(`${from} ${n}`);
    }
    this.#grants = this.#grants.map((grant) => (grant.host === from ? { ...grant, host: into } : grant));
  }

  judge(hosts: number, nowNs: number): void {
    for (let host = 0; host < hosts; host++) {
      this.standings(host, nowNs).forEach(({ usedBytes, limitBytes }, n) => {
        this.#states.set(`${host} ${n}`, this.#nextState(host, n, usedBytes, limitBytes));
      });
    }
  }

  standings(host: number, nowNs: number): SlowStanding[] {
    return this.#limits.map((limit, n) => {
      const sums = this.#sums.get(limit.overNs) as SlowSums;
      const up = limit.direction === 'down' ? 0 : sums.upBytes(host, nowNs);
      const down = limit.direction === 'up' ? 0 : sums.downBytes(host, nowNs);
      const limitBytes = limit.bytes + this.#granted(host, limit, nowNs);
      return { usedBytes: up + down, limitBytes, state: this.#stateOf(host, n) };
    });
  }

  #granted(host: number, { quota, overNs }: Limit, nowNs: number): number {
    return this.#grants
      .filter((grant) => grant.host === host && (grant.quota === null || grant.quota === quota.name))
      .filter(({ fromNs, untilNs }) => nowNs < (untilNs === null ? fromNs + overNs : untilNs))
      .reduce((sum, { bytes }) => sum + bytes, 0);
  }

  #stateOf(host: number, n: number): string {
    return this.#states.get(`${host} ${n}`) ?? 'ok';
  }

  #nextState(host: number, n: number, used: number, limit: number): string {
    const { quota } = this.#limits[n];
    const wasExceeded = this.#stateOf(host, n) === 'exceeded';
    if (used > (wasExceeded ? Math.min(limit, Math.round(limit * quota.releaseShare)) : limit))
      return 'exceeded';
    const isWarned = quota.warnShare !== null && used > 0 && used >= Math.round(limit * quota.warnShare);
    return isWarned ? 'warned' : 'ok';
  }
}

const bySeverity = (a: string, b: string): number =>
  ['ok', 'warned', 'exceeded'].indexOf(a) - ['ok', 'warned', 'exceeded'].indexOf(b);
