/**
 * Bytes that people grant to a host beyond its limits. A grant without an end counts in each window as
 * traffic does, with the opposite sign: it raises the limit until it is as old as the window is long. A grant
 * with an end raises the limits of all windows until then.
 */
import type { Measure } from './plan.ts';

export interface Grant {
  readonly id: number;
  readonly host: string;
  /** null: all quotas. */
  readonly quota: string | null;
  readonly bytes: number;
  readonly fromNs: number;
  /** null: in each window for as long as that window is. */
  readonly untilNs: number | null;
}

export class Grants {
  readonly #byHost = new Map<string, Grant[]>();
  #nextId = 1;

  add(wanted: Omit<Grant, 'id'>): Grant {
    const grant = { ...wanted, id: this.#nextId };
    this.restore(grant);
    return grant;
  }

  restore(grant: Grant): void {
    this.#nextId = Math.max(this.#nextId, grant.id + 1);
    this.#byHost.set(grant.host, [...this.of(grant.host), grant]);
  }

  get hosts(): IterableIterator<string> {
    return this.#byHost.keys();
  }

  of(host: string): readonly Grant[] {
    return this.#byHost.get(host) ?? [];
  }

  /** What all grants together add to a limit of the host. */
  extraBytes(host: string, measure: Measure, quotaName: string, nowNs: number): number {
    return this.of(host)
      .filter(({ quota }) => quota === null || quota === quotaName)
      .filter(({ fromNs, untilNs }) => nowNs < (untilNs ?? fromNs + measure.overNs))
      .reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Takes those out that hold no more, and returns them. `longestNs`: of the windows of a quota. */
  takeEnded(longestNs: (quota: string | null) => number, nowNs: number): Grant[] {
    return [...this.#byHost.values()].flat().filter((grant) => {
      const hasEnded = nowNs >= (grant.untilNs ?? grant.fromNs + longestNs(grant.quota));
      if (hasEnded) this.remove(grant);
      return hasEnded;
    });
  }

  remove(grant: Grant): void {
    const left = this.of(grant.host).filter(({ id }) => id !== grant.id);
    if (left.length > 0) this.#byHost.set(grant.host, left);
    else this.#byHost.delete(grant.host);
  }

  /** The grants of one host become those of another, and are returned as they are now. */
  move(from: string, into: string): Grant[] {
    const moved = this.of(from).map((grant) => ({ ...grant, host: into }));
    this.#byHost.delete(from);
    for (const grant of moved) this.restore(grant);
    return moved;
  }
}
