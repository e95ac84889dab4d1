/** Events that the counters tell: a class that begins or ceases to drop, and bounds that are reached. */
import { NONE } from '../../base/none.ts';
import { type Stats, TOTAL } from '../../core/packets/stats.ts';
import type { KernelDrops } from '../../io/proc/nfqueues.ts';
import type { Emit } from '../events.ts';
import type { ClassLabel, Snapshot } from '../snapshot.ts';
import { Episodes } from './episodes.ts';

/** What happens while a bound is reached. */
const OVERLOADS = {
  heldFull: 'packets pass undelayed: as many wait as may wait',
  queueFull: 'the kernel refuses packets: as many wait as nfqueue.length allows',
  socketFull: 'the kernel refuses packets: the buffer of the socket is full',
  flowsEvicted: 'flows are forgotten early: the flow table is full',
  eachEvicted: 'buckets of each are forgotten early: their table is full',
  eachFull: 'packets are dropped: the table of the buckets of each is full',
  fairFull: 'packets are dropped: the table of the queues of fair leaves is full',
} as const;

export class Alarms {
  private readonly emit: Emit;
  private readonly drops = new Episodes();
  private readonly overloads = new Episodes();

  constructor(emit: Emit) {
    this.emit = emit;
  }

  /** Call it every second. */
  look({ classes, stats, takenNs }: Snapshot, kernel: KernelDrops): void {
    for (const [path, turn] of this.drops.look(ownDrops(stats, classes), takenNs)) {
      const { isBeginning, grownBy } = turn;
      this.emit('drops', {
        path,
        state: isBeginning ? 'began' : 'ceased',
        packets: grownBy,
        ...(!isBeginning && { seconds: turn.seconds }),
      });
    }
    for (const [what, turn] of this.overloads.look(bounds(stats, kernel), takenNs)) {
      const { isBeginning, grownBy } = turn;
      this.emit('overload', {
        what,
        state: isBeginning ? 'began' : 'ceased',
        count: grownBy,
        ...(!isBeginning && { seconds: turn.seconds }),
        message: OVERLOADS[what as keyof typeof OVERLOADS],
      });
    }
  }
}

/** By path of each class what it has dropped itself: the statistics have the classes inside it as well. */
function ownDrops(stats: Stats, classes: readonly ClassLabel[]): Map<string, number> {
  const { dropTail, dropEarly, dropPolice, dropAqm, dropModule } = stats;
  const own = dropTail.map((tail, c) => tail + dropEarly[c]! + dropPolice[c]! + dropAqm[c]! + dropModule[c]!);
  const all = own.slice();
  for (const [c, { parent }] of classes.entries()) if (parent !== NONE) own[parent]! -= all[c]!;
  return new Map(classes.map(({ path }, c) => [path, own[c]!]));
}

function bounds({ totals }: Stats, { queueFull, socketFull }: KernelDrops): Map<string, number> {
  return new Map<keyof typeof OVERLOADS, number>([
    ['heldFull', totals[TOTAL.heldFull]!],
    ['queueFull', queueFull],
    ['socketFull', socketFull],
    ['flowsEvicted', totals[TOTAL.flowsEvicted]!],
    ['eachEvicted', totals[TOTAL.eachEvicted]!],
    ['eachFull', totals[TOTAL.eachFull]!],
    ['fairFull', totals[TOTAL.fairFull]!],
  ]);
}
