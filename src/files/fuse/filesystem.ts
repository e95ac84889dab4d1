/**
 * A tree of directories, small text files and links, as the FUSE server of this folder asks for it. Whoever
 * implements this knows nothing of FUSE: no node numbers, open handles, offsets or pages.
 *
 * Rules for implementers:
 *
 * - Nodes are named by paths from the root, without a slash at either end: '' is the root, 'a/b' is b in a.
 *   No name is empty, '.', '..', or has a slash or NUL in it.
 * - Errors are thrown as FileError. Every other error becomes EIO for the program and is told in the log.
 * - Every call may come while others wait; the server makes no order between calls of different programs.
 * - With the mount option default_permissions the kernel checks modes before most calls: it asks
 *   `attributes` for that. A change still names its caller, because some rights are not in modes.
 * - A path may be gone when a call arrives: that is ENOENT.
 */

/** Which program asks. */
export interface Caller {
  readonly uid: number;
  readonly gid: number;
  /** 0: a program of another pid namespace. */
  readonly pid: number;
}

export type FileKind = 'dir' | 'file' | 'link';

export interface Attributes {
  readonly kind: FileKind;
  /** Permission bits only, such as 0o755. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Of the last change, in milliseconds since 1970. */
  readonly changedMs: number;
  /** Absent: 1, which says of a directory that its count tells nothing of the directories inside. */
  readonly links?: number;
  /**
   * Absent: 4096 for a file, as in sysfs; programs that read until the end need no true size. For a link it
   * is the length of the target, or absent.
   */
  readonly sizeBytes?: number;
  /**
   * For so long the kernel may take the node for what it is here, without asking. Absent: 0, so that every
   * path through a directory asks for that directory again. Changes made through the mount are seen at once
   * all the same, and texts are never kept.
   */
  readonly validMs?: number;
}

export interface ListedName {
  readonly name: string;
  readonly kind: FileKind;
}

/** Names of errno that a FileError may bear. `errno.ts` has their numbers. */
export type ErrnoName =
  | 'EPERM'
  | 'ENOENT'
  | 'EINTR'
  | 'EIO'
  | 'EAGAIN'
  | 'EACCES'
  | 'EBUSY'
  | 'EEXIST'
  | 'EXDEV'
  | 'ENODEV'
  | 'ENFILE'
  | 'ENOTDIR'
  | 'EISDIR'
  | 'EINVAL'
  | 'EFBIG'
  | 'ENOSPC'
  | 'EROFS'
  | 'ERANGE'
  | 'ENAMETOOLONG'
  | 'ENOSYS'
  | 'ENOTEMPTY'
  | 'EBADF'
  | 'EOPNOTSUPP'
  | 'ENOTCONN'
  | 'ETIMEDOUT'
  | 'ENODATA'
  | 'ESRCH';

/** An answer that is an errno. `message` is for the log and for people who read an `error` file. */
export class FileError extends Error {
  override readonly name = 'FileError';
  readonly errno: ErrnoName;

  constructor(errno: ErrnoName, message: string = errno) {
    super(message);
    this.errno = errno;
  }
}

export interface FileSystem {
  /** ENOENT: there is no such node. Asked very often, so it should be cheap. */
  attributes(path: string): Promise<Attributes>;

  /** Whether this program is told ENOENT of a node that is there. Asked with each look-up. */
  isHiddenFrom?(path: string, caller: Caller): boolean;

  /** Names in a directory, without "." and "..". Taken when a program begins to list: one state a listing. */
  list(path: string): Promise<readonly ListedName[]>;

  /**
   * The whole text of a file. The server asks when a program reads from the beginning and answers the rest
   * of its reads from that text: one reader sees one state, however small its reads.
   */
  read(path: string): Promise<string>;

  /**
   * One write(2) of a program: one change, with the whole text that the program gave. What is thrown is the
   * errno of write(2). `open-file.ts` says when a write goes on with the text of the one before.
   */
  write(path: string, text: string, caller: Caller): Promise<void>;

  makeDirectory(path: string, mode: number, caller: Caller): Promise<void>;

  /** ENOTEMPTY, where directories that the user made are still inside. */
  removeDirectory(path: string, caller: Caller): Promise<void>;

  /** `ln -s TARGET PATH`. The target is as the program gave it: relative to the link, or absolute. */
  makeLink(path: string, target: string, caller: Caller): Promise<void>;

  /** unlink(2) of a link, or of a file where files can be removed; else EPERM. */
  removeLink(path: string, caller: Caller): Promise<void>;

  /** EINVAL: not a link. */
  readLink(path: string): Promise<string>;

  /** rename(2). EEXIST, ENOTEMPTY or EXDEV, where the target cannot be replaced or is of another tree. */
  rename(from: string, to: string, caller: Caller): Promise<void>;

  /** chmod and chown. Sizes and times never arrive here: the server lets programs truncate and touch. */
  setAttributes(
    path: string,
    set: { readonly mode?: number; readonly uid?: number; readonly gid?: number },
    caller: Caller,
  ): Promise<void>;
}
