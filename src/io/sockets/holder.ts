/** A process that may hold sockets, as the packet thread knows it. */
export interface Holder {
  readonly pid: number;
  /** The process that began it; 0: not read. */
  parent: number;
  /** Clock ticks since the start of the machine. With the pid it names one process. */
  readonly startTicks: number;
  /** Number of the set of subjects that it belongs to; -1: none. */
  set: number;
  /** The set of its children; -1: none. */
  inheritedSet: number;
  /** User of new sockets, as read in the generation `readIn` of tracked processes; -1: not read yet. */
  uid: number;
  readIn: number;
  /** Of its open files; -1: not open. */
  handle: number;
  /** Where its sockets were found, the last place first: the next one often has the next number. */
  readonly places: Int32Array;
  /** The last socket had the number of the one before, which was closed. */
  hasReused: boolean;
  /** The last place that no other one explains: several sockets begin there. -1: none. */
  firstPlace: number;
  /** The last update has told of it. */
  isTold: boolean;
  /** It began after the newest process that the last update knew. */
  isNew: boolean;
  /** It has ended, or nobody asks for it any more. */
  isGone: boolean;
}

/** A process may fill gaps among its descriptors and add new ones at the same time. */
const PLACES = 4;
/** A socket that was found so far behind another one continues it. */
const STEP_MAX = 16;

/** A socket was found. */
export function notePlace(holder: Holder, descriptor: number): void {
  const { places } = holder;
  let i = 0;
  while (i < PLACES && !(descriptor >= places[i]! && descriptor <= places[i]! + STEP_MAX && places[i]! >= 0))
    i++;
  if (i === PLACES) holder.firstPlace = descriptor;
  holder.hasReused = descriptor === places[0];
  places.copyWithin(1, 0, Math.min(i, PLACES - 1));
  places[0] = descriptor;
}

export function createHolder(pid: number, startTicks: number): Holder {
  return {
    pid,
    startTicks,
    places: new Int32Array(PLACES).fill(-1),
    parent: 0,
    ...{
      set: -1,
      inheritedSet: -1,
      uid: -1,
      readIn: -1,
      handle: -1,
      firstPlace: -1,
    },
    ...{ hasReused: true, isTold: false, isNew: false, isGone: false },
  };
}
