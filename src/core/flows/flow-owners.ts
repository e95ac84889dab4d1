/**
 * Whose packets a flow has. The packets of a local flow belong to a socket of this machine, and so to a
 * process, a user and a control group: the kernel is asked when the flow is classified. Forwarded packets
 * belong to whoever is behind their devices and addresses, and ask nobody.
 *
 *   LOCAL_IN   the local end is the destination     \   socket? > uid, control group, inode > set of the
 *   LOCAL_OUT  the local end is the source          /   processes that have it > subjects (subjects/)
 *
 * The first packets of a connection that comes in have no socket that any process has opened: the listening
 * one is their owner for now, and the next packet asks again. A socket that its process has closed tells no
 * owner any more: the flow keeps the one that it had.
 *
 * The answer stays in a record beside the flow's, so a waiting packet finds its class again without a
 * question, and people can be told who the owner is. Memory: 48 bytes a flow, reserved with the first update.
 */
import { NONE } from '../../base/none.ts';
import { OWNER_QUESTIONS_MAX } from '../../limits.ts';
import { NF_INET_FORWARD, NF_INET_LOCAL_IN } from '../../packet/batch.ts';
import type { Parsed } from '../../packet/parse.ts';
import {
  type SocketAnswer,
  type SocketOwners,
  type SocketQuestion,
  TCP_CLOSING,
  TCP_FIN_WAIT1,
  TCP_LAST_ACK,
  TCP_LISTEN,
  TCP_NEW_SYN_RECV,
  TCP_TIME_WAIT,
} from '../../packet/sockets.ts';
import { IPPROTO_TCP, SYN } from '../../packet/tcp-header.ts';
import type { ClassInfo } from '../classes/classes.ts';
import type { Ledger } from '../packets/ledger.ts';
import { CHANGE_OF_MEANING, CHANGE_OF_SETS, Subjects } from '../subjects/subjects.ts';
import type { SubjectsUpdate } from '../subjects/update.ts';
import type { FlowTable } from './flow-table.ts';

const IPPROTO_UDP = 17;
const IPPROTO_UDPLITE = 136;

// Words of a record.
const GENERATION = 0;
const STATE = 1;
const QUESTIONS = 2;
const UID = 3;
const INODE = 4;
const CGROUP_HIGH = 5;
const CGROUP_LOW = 6;
/** Sets of the processes that have the socket and of the group, as Subjects numbers them in this epoch. */
const SET = 7;
const CGROUP_SET = 8;
const EPOCH = 9;
const HOOK = 10;
/** 1 if the update before named the socket. */
const IS_TOLD = 11;
const WORDS = 12;

/** No process has this uid. */
const NO_USER = 0xffffffff;
/** Subjects count epochs from 1. */
const NO_EPOCH = 0;

// States of a record.
/** Nobody has asked. */
export const OWNER_NOT_ASKED = 0;
/** The socket is known. */
export const OWNER_KNOWN = 1;
/** The socket that listens is known: the connection has none of its own yet. */
export const OWNER_LISTENS = 2;
/** The kernel has no such socket here, or it belongs to no process. */
export const OWNER_NOT_FOUND = 3;
/** The protocol has no sockets that the kernel can be asked for, or the packet shows no ports. */
export const OWNER_NO_PORTS = 4;

/** A flow's owner, for people. */
export interface FlowOwner {
  /** OWNER_* */
  readonly state: number;
  readonly uid: number;
  readonly inode: number;
  readonly cgroupHigh: number;
  readonly cgroupLow: number;
}

export class FlowOwners {
  readonly subjects = new Subjects();
  private readonly flows: FlowTable;
  private readonly sockets: SocketOwners | null;
  private readonly ledger: Ledger;
  private words = new Uint32Array(0);
  /** Of the last find(): the next packet of the flow must ask again. */
  lastIsPassing = false;

  /** Without `sockets` no local flow has a known owner. */
  constructor(flows: FlowTable, sockets: SocketOwners | null, ledger: Ledger) {
    this.flows = flows;
    this.sockets = sockets;
    this.ledger = ledger;
  }

  /** Whether anybody asks for owners. */
  get isUsed(): boolean {
    return this.subjects.isUsed;
  }

  /** Goes by another update. Returns whether flows that are known may belong to other classes now. */
  update(update: SubjectsUpdate, classes: readonly ClassInfo[]): boolean {
    const { subjects, flows } = this;
    this.sockets?.track(update.processes);
    const change = subjects.update(update, classes);
    if (subjects.isUsed && this.words.length === 0)
      this.words = new Uint32Array(flows.flowKeys.table.rows * WORDS);
    return change === CHANGE_OF_MEANING || (change === CHANGE_OF_SETS && this.haveOthers());
  }

  /**
   * Finds the subjects of arrival `p` of flow `f`, which may be NONE, at `hook`. With `mayKeep` the answer
   * that the flow has is good enough.
   */
  find(
    f: number,
    parsed: Parsed,
    p: number,
    hook: number,
    ifIndexIn: number,
    ifIndexOut: number,
    mayKeep: boolean,
  ): void {
    const { subjects } = this;
    this.lastIsPassing = false;
    subjects.begin();
    if (hook === NF_INET_FORWARD) {
      if (subjects.hasForwarded) this.findForwarded(parsed, p, ifIndexIn, ifIndexOut);
      return;
    }
    // Without room for the flow each of its packets would ask.
    if (f === NONE) {
      this.ledger.ownerUnknown();
      return;
    }
    const { words } = this;
    const at = this.recordOf(f);
    if (!mayKeep || words[at + STATE] === OWNER_NOT_ASKED || words[at + HOOK] !== hook) {
      words[at + HOOK] = hook;
      this.ask(at, parsed, p, hook === NF_INET_LOCAL_IN ? ifIndexIn : ifIndexOut);
    }
    this.lastIsPassing = words[at + STATE] === OWNER_LISTENS && words[at + QUESTIONS] < OWNER_QUESTIONS_MAX;
    this.addOwner(at);
  }

  /**
   * Finds the subjects of flow `f` by what is known of it, and asks nobody. Returns its owner; null if it is
   * no local flow. Overwrites row 0 of `parsed`.
   */
  recall(f: number, parsed: Parsed): FlowOwner | null {
    const { flows, words, subjects } = this;
    subjects.begin();
    if (!subjects.isUsed) return null;
    const at = this.recordOf(f);
    const state = words[at + STATE];
    if (state !== OWNER_NOT_ASKED) {
      this.addOwner(at);
      const [uid, inode] = [words[at + UID], words[at + INODE]];
      return { state, uid, inode, cgroupHigh: words[at + CGROUP_HIGH], cgroupLow: words[at + CGROUP_LOW] };
    }
    if (!subjects.hasForwarded) return null;
    flows.flowKeys.describe(f, parsed, 0);
    this.findForwarded(parsed, 0, flows.ifIndexIn(f), flows.ifIndexOut(f));
    return null;
  }

  /**
   * Whether arrival `p` of flow `f` begins a connection, whose socket is another one than that of the
   * connection before with these ends. The flow's owner is forgotten then.
   */
  begins(f: number, parsed: Parsed, p: number, hook: number): boolean {
    if ((parsed.tcpFlags[p] & SYN) === 0 || hook === NF_INET_FORWARD) return false;
    const at = this.recordOf(f);
    this.words[at + STATE] = OWNER_NOT_ASKED;
    this.words[at + QUESTIONS] = 0;
    return true;
  }

  private findForwarded(parsed: Parsed, p: number, ifIndexIn: number, ifIndexOut: number): void {
    const { subjects } = this;
    const { family, src0, src1, src2, src3, dst0, dst1, dst2, dst3 } = parsed;
    subjects.addDevice(ifIndexIn);
    subjects.addDevice(ifIndexOut);
    subjects.addAddress(family[p], src0[p], src1[p], src2[p], src3[p]);
    subjects.addAddress(family[p], dst0[p], dst1[p], dst2[p], dst3[p]);
  }

  /** The record of flow `f`, empty if it was another flow's. */
  private recordOf(f: number): number {
    const { words } = this;
    const at = (f >> this.flows.flowKeys.table.shift) * WORDS;
    const generation = this.flows.generation(f) >>> 0;
    if (words[at + GENERATION] !== generation) {
      words.fill(0, at, at + WORDS);
      words[at + GENERATION] = generation;
    }
    return at;
  }

  /** Asks the kernel whose the packet is, and writes it down. */
  private ask(at: number, parsed: Parsed, p: number, ifIndex: number): void {
    const { words, sockets, ledger } = this;
    const protocol = parsed.protocol[p];
    const hasSockets = protocol === IPPROTO_TCP || protocol === IPPROTO_UDP || protocol === IPPROTO_UDPLITE;
    if (!hasSockets || parsed.hasPorts[p] === 0 || sockets === null) {
      words[at + STATE] = hasSockets && sockets === null ? OWNER_NOT_FOUND : OWNER_NO_PORTS;
      ledger.ownerUnknown();
      return;
    }
    fillQuestion(sockets.question, parsed, p, words[at + HOOK] === NF_INET_LOCAL_IN, ifIndex);
    words[at + QUESTIONS] += 1;
    ledger.ownerAsked();
    const isFound = sockets.ask();
    const { answer } = sockets;
    const isClosed = protocol === IPPROTO_TCP && isClosing(answer.state);
    // A socket that its process has closed shows no owner, or that of the listening one.
    if (words[at + STATE] === OWNER_KNOWN && (!isFound || isClosed)) return;
    const hasOwner = isFound && (answer.inode !== 0 || answer.cgroupHigh !== 0 || answer.cgroupLow !== 0);
    if (hasOwner) {
      this.note(at, answer);
      return;
    }
    words[at + STATE] = OWNER_NOT_FOUND;
    ledger.ownerUnknown();
  }

  private note(at: number, answer: SocketAnswer): void {
    const { words } = this;
    const isListener = answer.state === TCP_LISTEN || answer.state === TCP_NEW_SYN_RECV;
    words[at + STATE] = isListener ? OWNER_LISTENS : OWNER_KNOWN;
    // Without an inode the kernel shows 0 for the user too.
    words[at + UID] = answer.inode === 0 ? NO_USER : answer.uid;
    words[at + INODE] = answer.inode;
    words[at + CGROUP_HIGH] = answer.cgroupHigh;
    words[at + CGROUP_LOW] = answer.cgroupLow;
    words[at + EPOCH] = NO_EPOCH;
  }

  /** The packet belongs to the subjects of the owner in the record. */
  private addOwner(at: number): void {
    const { words, subjects } = this;
    const state = words[at + STATE];
    if (state !== OWNER_KNOWN && state !== OWNER_LISTENS) return;
    if (words[at + EPOCH] !== subjects.epoch) this.findSets(at);
    subjects.addSet(words[at + SET] | 0);
    subjects.addSet(words[at + CGROUP_SET] | 0);
    subjects.addUser(words[at + UID]);
  }

  /** Notes the sets of the owner in the record. */
  private findSets(at: number): void {
    const { words, subjects, sockets } = this;
    const inode = words[at + INODE];
    let set = subjects.setOfInode(inode);
    words[at + IS_TOLD] = set === NONE ? 0 : 1;
    if (set === NONE && inode !== 0 && sockets !== null)
      set = subjects.setOfTold(sockets.setOfInode(inode, words[at + UID]));
    words[at + SET] = set;
    words[at + CGROUP_SET] = subjects.setOfCgroup(words[at + CGROUP_HIGH], words[at + CGROUP_LOW]);
    words[at + EPOCH] = subjects.epoch;
  }

  /**
   * Whether the last update gives an owner other subjects than it had. A socket that it does not name any
   * more has been closed, or its process belongs to nothing now: the next packet asks. Groups that it does
   * not name are gone.
   */
  private haveOthers(): boolean {
    const { words, subjects, flows } = this;
    const { highWater, stride } = flows.flowKeys.table;
    let isNew = false;
    for (let f = 0, at = 0; f < highWater; f += stride, at += WORDS) {
      if (words[at + EPOCH] !== subjects.epoch || words[at + GENERATION] !== flows.generation(f) >>> 0)
        continue;
      const set = subjects.setOfInode(words[at + INODE]);
      const group = subjects.setOfCgroup(words[at + CGROUP_HIGH], words[at + CGROUP_LOW]);
      if (set === NONE && words[at + IS_TOLD] === 1) flows.unclassify(f);
      if (this.changes(at + SET, set)) isNew = true;
      if (this.changes(at + CGROUP_SET, group)) isNew = true;
      words[at + IS_TOLD] = set === NONE ? 0 : 1;
    }
    return isNew;
  }

  /** Whether the number of a set becomes another one. */
  private changes(at: number, set: number): boolean {
    const { words } = this;
    if (set === NONE || set === (words[at] | 0)) return false;
    words[at] = set;
    return true;
  }
}

/** Whether a connection ends: then its process may have closed the socket (include/net/tcp_states.h). */
function isClosing(state: number): boolean {
  return (
    (state >= TCP_FIN_WAIT1 && state <= TCP_TIME_WAIT) || state === TCP_LAST_ACK || state === TCP_CLOSING
  );
}

/** Asks for the socket at the local end of parsed row `p`: its destination if the packet comes in. */
function fillQuestion(q: SocketQuestion, parsed: Parsed, p: number, isIn: boolean, ifIndex: number): void {
  const { src0, src1, src2, src3, dst0, dst1, dst2, dst3, sport, dport } = parsed;
  q.protocol = parsed.protocol[p];
  q.family = parsed.family[p];
  q.local0 = isIn ? dst0[p] : src0[p];
  q.local1 = isIn ? dst1[p] : src1[p];
  q.local2 = isIn ? dst2[p] : src2[p];
  q.local3 = isIn ? dst3[p] : src3[p];
  q.localPort = isIn ? dport[p] : sport[p];
  q.remote0 = isIn ? src0[p] : dst0[p];
  q.remote1 = isIn ? src1[p] : dst1[p];
  q.remote2 = isIn ? src2[p] : dst2[p];
  q.remote3 = isIn ? src3[p] : dst3[p];
  q.remotePort = isIn ? sport[p] : dport[p];
  q.ifIndex = ifIndex;
}
