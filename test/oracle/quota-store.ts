/** A store in memory that keeps what the book tells it to, row by row as its comments say. */
import type {
  QuotaChanges,
  StoredGrant,
  StoredQuotas,
  StoredStanding,
  StoredViolation,
  StoredWindow,
} from '../../src/quotas/stored.ts';

interface Bucket {
  readonly host: string;
  readonly bucket: number;
  readonly upBytes: number;
  readonly downBytes: number;
}

interface Window {
  readonly overMs: number;
  readonly widthMs: number;
  readonly buckets: Map<string, Bucket>;
}

export class FakeQuotaStore {
  #clock: StoredQuotas['clock'] = null;
  #windows = new Map<number, Window>();
  readonly #standings = new Map<string, StoredStanding>();
  readonly #violations = new Map<string, StoredViolation>();
  readonly #grants = new Map<number, StoredGrant>();

  write(changes: QuotaChanges): void {
    this.#clock = changes.clock;
    for (const host of changes.cleared) this.#clear(host);
    this.#windows = new Map(changes.windows.map((window) => [window.overMs, this.#written(window, changes)]));
    for (const standing of changes.standings) {
      const key = JSON.stringify([standing.host, standing.quota, standing.overMs, standing.direction]);
      if (standing.state === 'ok') this.#standings.delete(key);
      else this.#standings.set(key, standing);
    }
    for (const violation of changes.violations) {
      this.#violations.set(JSON.stringify([violation.host, violation.quota]), violation);
    }
    for (const { host, quota } of changes.endedViolations) {
      this.#violations.delete(JSON.stringify([host, quota]));
    }
    for (const grant of changes.grants) this.#grants.set(grant.id, grant);
    for (const id of changes.endedGrants) this.#grants.delete(id);
  }

  stored(): StoredQuotas {
    const hosts = [
      ...new Set(
        [...this.#windows.values()].flatMap(({ buckets }) => [...buckets.values()].map(({ host }) => host)),
      ),
    ];
    const windows = [...this.#windows.values()].map(({ overMs, widthMs, buckets }): StoredWindow => {
      const rows = [...buckets.values()];
      return {
        overMs,
        widthMs,
        goneBucket: Number.NEGATIVE_INFINITY,
        host: Int32Array.from(rows, ({ host }) => hosts.indexOf(host)),
        bucket: Float64Array.from(rows, ({ bucket }) => bucket),
        upBytes: Float64Array.from(rows, ({ upBytes }) => upBytes),
        downBytes: Float64Array.from(rows, ({ downBytes }) => downBytes),
      };
    });
    return {
      clock: this.#clock,
      hosts,
      windows,
      standings: [...this.#standings.values()],
      violations: [...this.#violations.values()],
      grants: [...this.#grants.values()],
    };
  }

  #written(window: StoredWindow, { hosts }: QuotaChanges): Window {
    const buckets = this.#windows.get(window.overMs)?.buckets ?? new Map<string, Bucket>();
    for (const [key, { bucket }] of buckets) if (bucket <= window.goneBucket) buckets.delete(key);
    window.host.forEach((place, i) => {
      const host = hosts[place];
      const bucket = window.bucket[i];
      const [upBytes, downBytes] = [window.upBytes[i], window.downBytes[i]];
      buckets.set(`${host} ${bucket}`, { host, bucket, upBytes, downBytes });
    });
    return { overMs: window.overMs, widthMs: window.widthMs, buckets };
  }

  #clear(host: string): void {
    for (const { buckets } of this.#windows.values()) {
      for (const [key, bucket] of buckets) if (bucket.host === host) buckets.delete(key);
    }
    for (const [key, standing] of this.#standings) if (standing.host === host) this.#standings.delete(key);
    for (const [key, violation] of this.#violations)
      if (violation.host === host) this.#violations.delete(key);
  }
}
