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
  /** The descriptor of the socket that was found last: the next one often has the same or the next number. */
  lastDescriptor: number;
  /** The lowest of those that were found one behind the other. */
  firstDescriptor: number;
  /** The last update has told of it. */
  isTold: boolean;
  /** It began after the newest process that the last update knew. */
  isNew: boolean;
  /** It has ended, or nobody asks for it any more. */
  isGone: boolean;
}

export function createHolder(pid: number, startTicks: number): Holder {
  return {
    pid,
    startTicks,
    parent: 0,
    ...{
      set: -1,
      inheritedSet: -1,
      uid: -1,
      readIn: -1,
      handle: -1,
      lastDescriptor: -1,
      firstDescriptor: -1,
    },
    ...{ isTold: false, isNew: false, isGone: false },
  };
}
