/** Who may do what, by owner, group and mode, as path_resolution(7) and chmod(2) have it. */
import { Processes } from '../../io/proc/processes.ts';
import { type Attributes, type Caller, FileError } from '../fuse/filesystem.ts';

export const READ = 4;
export const WRITE = 2;
export const SEARCH = 1;
const STICKY = 0o1000;
const PROCESSES = new Processes();

/** The groups of a caller. The kernel tells only the effective one. */
export type GroupsOf = (caller: Caller) => readonly number[];

/** Also the supplementary groups of the process, as long as it lives. */
export const groupsOfProcess: GroupsOf = ({ gid, pid }) => [
  gid,
  ...((pid === 0 ? null : PROCESSES.groups(pid)) ?? []),
];

export class Rights {
  readonly #groupsOf: GroupsOf;

  constructor(groupsOf: GroupsOf) {
    this.#groupsOf = groupsOf;
  }

  may({ mode, uid, gid }: Attributes, caller: Caller, wanted: number): boolean {
    if (caller.uid === 0) return true;
    const isGroup = (): boolean => this.#groupsOf(caller).includes(gid);
    const shift = caller.uid === uid ? 6 : isGroup() ? 3 : 0;
    return ((mode >> shift) & wanted) === wanted;
  }

  /** Throws EACCES. `what` is the subject of the message. */
  need(attributes: Attributes, caller: Caller, wanted: number, what: string): void {
    if (!this.may(attributes, caller, wanted))
      throw new FileError('EACCES', `${what} may not be written by you`);
  }

  /** Throws if an entry may not go. With the sticky bit only owners remove it, its own or the directory's. */
  needRemoval(directory: Attributes, entry: Attributes, caller: Caller, what: string): void {
    this.need(directory, caller, WRITE | SEARCH, what);
    const isFree = (directory.mode & STICKY) === 0 || [0, entry.uid, directory.uid].includes(caller.uid);
    if (!isFree) throw new FileError('EPERM', `${what} has the sticky bit: only owners remove there`);
  }

  /** What chmod and chown make of the attributes. Throws EPERM. */
  changed(
    before: Attributes,
    set: { readonly mode?: number; readonly uid?: number; readonly gid?: number },
    caller: Caller,
  ): { readonly mode: number; readonly uid: number; readonly gid: number } {
    const { mode = before.mode, uid = before.uid, gid = before.gid } = set;
    if (caller.uid !== 0) {
      if (caller.uid !== before.uid) throw new FileError('EPERM', 'only the owner changes owner and mode');
      if (uid !== before.uid) throw new FileError('EPERM', 'only root gives a file to another user');
      if (gid !== before.gid && !this.#groupsOf(caller).includes(gid))
        throw new FileError('EPERM', 'you are not in that group');
    }
    return { mode: mode & 0o7777, uid, gid };
  }
}
