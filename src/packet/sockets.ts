/**
 * The seam between the core and the sockets of this machine: whose packet is it? The live world asks the
 * kernel (sock_diag), a test answers from a table. Nothing here allocates: one question and one answer are
 * overwritten by every call.
 */

/** How the kernel answers whose socket a packet belongs to. One object, overwritten by each question. */
export interface SocketAnswer {
  uid: number;
  /** Of sockfs; 0: the connection has none, and its port no listener. */
  inode: number;
  /** 64-bit id of the control group in two unsigned words; both 0: not told. */
  cgroupHigh: number;
  cgroupLow: number;
  /** TCP_ESTABLISHED 1 … TCP_LISTEN 10, TCP_NEW_SYN_RECV 12 (the kernel's numbers). */
  state: number;
}

// States of SocketAnswer (include/net/tcp_states.h).
export const TCP_FIN_WAIT1 = 4;
export const TCP_TIME_WAIT = 6;
export const TCP_LAST_ACK = 9;
/** The socket listens: no connection has these ends yet. */
export const TCP_LISTEN = 10;
export const TCP_CLOSING = 11;
/** No process has accepted the connection yet. Uid and inode are those of the socket that listens for it. */
export const TCP_NEW_SYN_RECV = 12;

/** The ends as the local side sees them: words as in Parsed, ports as numbers. */
export interface SocketQuestion {
  /** IPPROTO_TCP, UDP, UDPLITE. */
  protocol: number;
  /** 4 or 6. */
  family: number;
  local0: number;
  local1: number;
  local2: number;
  local3: number;
  localPort: number;
  remote0: number;
  remote1: number;
  remote2: number;
  remote3: number;
  remotePort: number;
  /** Device of the packet; 0: any. */
  ifIndex: number;
}

export interface SocketOwners {
  /** Fill it, then ask(). */
  readonly question: SocketQuestion;
  readonly answer: SocketAnswer;
  /** Asks the kernel. Returns whether there is such a socket. No allocation. */
  ask(): boolean;
  /**
   * Which tracked process holds this socket, which no update named? Returns the set number of that process
   * (SubjectsUpdate.sets), or -1.
   */
  setOfInode(inode: number, uid: number): number;
  /** The tracked processes and how new ones inherit; takes the place of the former. */
  track(update: TrackedProcesses): void;
}

/** Processes whose sockets belong to a subject, and how processes that begin later come to belong to one. */
export interface TrackedProcesses {
  /** Live processes that belong to some subject that is a process, a group of processes or a program. */
  readonly pids: Int32Array;
  /** Field 22 of /proc/PID/stat: guards against a pid that another process has by now. */
  readonly startTicks: Float64Array;
  /** Number into `sets` of the update. */
  readonly setOfPid: Int32Array;
  /** The set that a child of this process gets. */
  readonly inheritedSet: Int32Array;
  /** A new process with this executable gets this set, if no ancestor gives one. */
  readonly exes: readonly { readonly path: string; readonly set: number }[];
  /** The newest pid that the scan has seen. */
  readonly lastPid: number;
}
