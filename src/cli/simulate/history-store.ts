/** The file of `history` as a replay wants it: by host, in order of time. */
import type { RecordedHost } from '../../sim/quotas/replay.ts';
import { type HistoryStep, openHistory } from '../../store/history-file.ts';

/** The first bytes of every file of SQLite (https://www.sqlite.org/fileformat.html, 1.3). */
const MAGIC = 'SQLite format 3\0';

/** `head`: its first bytes. A file is empty while all that was written stands in the log beside it. */
export const isHistoryFile = (head: Uint8Array): boolean =>
  head.length === 0 || MAGIC.split('').every((char, i) => head[i] === char.charCodeAt(0));

/** A host with what is stored of it beside its history. */
export interface StoredHistory {
  readonly recorded: RecordedHost;
  readonly name: string;
  readonly macs: readonly string[];
  readonly addresses: readonly string[];
}

class Points {
  readonly fromMs: number[] = [];
  readonly toMs: number[] = [];
  readonly upBytes: number[] = [];
  readonly downBytes: number[] = [];

  add({ fromMs, toMs }: HistoryStep, upBytes: number, downBytes: number): void {
    this.fromMs.push(fromMs);
    this.toMs.push(toMs);
    this.upBytes.push(upBytes);
    this.downBytes.push(downBytes);
  }
}

/** Throws OperatingError if the file cannot be read. */
export function readHistoryFile(file: string): StoredHistory[] {
  const history = openHistory(file);
  try {
    const hosts = history.hosts();
    const points = new Map(hosts.map(({ id }) => [id, new Points()]));
    for (const step of history.steps()) {
      // Hosts that are missing in a step had nothing, but of one that is not known nobody can say.
      if (!step.isKnown) for (const of of points.values()) of.add(step, Number.NaN, Number.NaN);
      else {
        step.counts.hosts.forEach((id, i) => {
          points.get(id)?.add(step, step.counts.upBytes[i], step.counts.downBytes[i]);
        });
      }
    }
    return hosts.map(({ id, name, macs, addresses }) => {
      const { fromMs, toMs, upBytes, downBytes } = points.get(id) as Points;
      const recorded = {
        id,
        fromMs: Float64Array.from(fromMs),
        toMs: Float64Array.from(toMs),
        upBytes: Float64Array.from(upBytes),
        downBytes: Float64Array.from(downBytes),
      };
      return { recorded, name: name ?? '', macs, addresses };
    });
  } finally {
    history.close();
  }
}
