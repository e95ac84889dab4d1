/** Tells of connections that pacing has given way to, so that people see where it did harm. */

import type { Logger } from 'pino';
import { formatRate } from '../base/units.ts';
import { flowText } from '../control/bucket-text.ts';
import type { Engine } from '../core/engine.ts';
import type { FlowTuple } from '../core/flows/flow-keys.ts';
import type { FreedConnection } from '../core/pacing/shares.ts';
import type { News } from './news.ts';
import type { Unwinder } from './unwinder.ts';

const LOOK_MS = 1000;

/** As in `pace-off` of control/events.ts. */
export interface PaceOff {
  readonly path: string;
  readonly flow: string;
  readonly reason: string;
}

export interface FreedWatchOptions {
  /** Those of now, each once. */
  readonly freed: () => readonly FreedConnection[];
  /** null if the flow has ended. */
  readonly tupleOf: (freed: FreedConnection) => FlowTuple | null;
  readonly pathOf: (classRow: number) => string;
  readonly onFreed: (told: PaceOff) => void;
}

export class FreedWatch {
  private readonly options: FreedWatchOptions;
  private readonly timer: NodeJS.Timeout;

  constructor(options: FreedWatchOptions) {
    this.options = options;
    this.timer = setInterval(() => this.look(), LOOK_MS);
    this.timer.unref();
  }

  close(): void {
    clearInterval(this.timer);
  }

  look(): void {
    const { freed, tupleOf, pathOf, onFreed } = this.options;
    for (const one of freed()) {
      const { classRow, movedBytesPerSec, shareBytesPerSec } = one;
      const tuple = tupleOf(one);
      if (tuple === null) continue;
      onFreed({
        path: pathOf(classRow),
        flow: flowText(tuple),
        reason: `it moved ${formatRate(movedBytesPerSec)} of its share of ${formatRate(shareBytesPerSec)}, and nothing else held it back`,
      });
    }
  }
}

/** Watches the engine from now on. */
export function watchFreed(
  engine: Engine,
  { logger, news, unwinder }: { logger: Logger; news: News; unwinder: Unwinder },
): void {
  const watch = new FreedWatch({
    freed: () => engine.pacing.freed(),
    tupleOf: ({ flow, generation }) =>
      engine.flows.generation(flow) === generation ? engine.flows.flowKeys.tuple(flow) : null,
    pathOf: (row) => engine.classes[row]!.path,
    onFreed: (told) => {
      logger.info(told, 'a connection is not paced for a minute');
      news.tell('pace-off', told);
    },
  });
  unwinder.add('watch for freed connections', () => watch.close());
}
