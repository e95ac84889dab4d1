/**
 * Which hosts the process of the page has to be told of. Sums slide all the time, so a host of which only
 * numbers have changed is told now and then.
 */
import type { PageHost } from './messages.ts';

/** A page shows three digits, and nobody looks at it more often. */
const NUMBERS_MS = 5000;

interface Told {
  readonly standing: string;
  readonly numbers: string;
  readonly atMs: number;
}

export interface HostsNews {
  readonly changed: readonly PageHost[];
  readonly gone: readonly string[];
}

/** All of a host but numbers that change by themselves. */
function standingOf({ name, addresses, isStopped, quotas }: PageHost): string {
  return JSON.stringify([
    name,
    addresses,
    isStopped,
    quotas.map(({ quota, overNs, direction, state, limitBytes }) => [
      ...[quota, overNs, direction, state, limitBytes],
    ]),
  ]);
}

export class News {
  private told = new Map<string, Told>();

  /** The process knows nothing any more. */
  forget(): void {
    this.told.clear();
  }

  /** What has to be told at `nowMs`, taken as told. */
  take(hosts: ReadonlyMap<string, PageHost>, nowMs: number): HostsNews {
    const changed: PageHost[] = [];
    for (const [id, host] of hosts) {
      const before = this.told.get(id);
      const standing = standingOf(host);
      if (before?.standing === standing && nowMs - before.atMs < NUMBERS_MS) continue;
      const numbers = JSON.stringify(host.quotas);
      if (before?.standing === standing && before.numbers === numbers) continue;
      this.told.set(id, { standing, numbers, atMs: nowMs });
      changed.push(host);
    }
    const gone = [...this.told.keys()].filter((id) => !hosts.has(id));
    for (const id of gone) this.told.delete(id);
    return { changed, gone };
  }
}
