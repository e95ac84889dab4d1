/** From each kind of request to the file system and to an answer. Other kinds are answered with ENOSYS. */
import { constants } from 'node:fs';
import { FILE_HANDLES_MAX } from '../../limits.ts';
import { type Attributes, FileError, type FileSystem } from './filesystem.ts';
import { inodeOf, type NodeTable } from './nodes.ts';
import { OpenFile } from './open-file.ts';
import { MAJOR, MINOR_MIN, OP, RENAME_NOREPLACE, SET } from './protocol.ts';
import {
  attributesReply,
  type DirEntry,
  dataReply,
  emptyReply,
  entryReply,
  initReply,
  listReply,
  openReply,
  statfsReply,
  writeReply,
} from './reply.ts';
import { type Request, textOf } from './request.ts';

export interface Reply {
  readonly bytes: Buffer;
  /** Takes back what the kernel was to get, if it does not want it any more. */
  readonly undo?: () => void;
}

/** Takes what it needs of the request before it waits. Throws FileError. */
export type Handler = (request: Request) => Reply | Promise<Reply>;

interface OpenDirectory {
  readonly nodeId: number;
  entries: readonly DirEntry[] | null;
}

export function createHandlers(
  fileSystem: FileSystem,
  nodes: NodeTable,
  onReady: () => void,
): ReadonlyMap<number, Handler> {
  return new Handlers(fileSystem, nodes, onReady).table();
}

class Handlers {
  readonly #fs: FileSystem;
  readonly #nodes: NodeTable;
  readonly #onReady: () => void;
  readonly #open = new Map<number, OpenFile | OpenDirectory>();
  #nextHandle = 1;

  constructor(fileSystem: FileSystem, nodes: NodeTable, onReady: () => void) {
    this.#fs = fileSystem;
    this.#nodes = nodes;
    this.#onReady = onReady;
  }

  table(): ReadonlyMap<number, Handler> {
    const noSuchFiles: Handler = () => {
      throw new FileError('EPERM', 'only directories and links can be made here');
    };
    return new Map<number, Handler>([
      [OP.init, (request) => this.#init(request)],
      [OP.lookup, (request) => this.#lookUp(request)],
      [OP.getattr, (request) => this.#attributes(request.nodeId)],
      [OP.setattr, (request) => this.#setAttributes(request)],
      [OP.readlink, (request) => this.#readLink(request)],
      [OP.symlink, (request) => this.#makeLink(request)],
      [OP.mkdir, (request) => this.#makeDirectory(request)],
      [OP.unlink, (request) => this.#removeLink(request)],
      [OP.rmdir, (request) => this.#removeDirectory(request)],
      [OP.rename, (request) => this.#rename(request, 8, 0)],
      [OP.rename2, (request) => this.#rename(request, 16, request.word(8))],
      [OP.open, (request) => this.#openFile(request)],
      [OP.read, (request) => this.#read(request)],
      [OP.write, (request) => this.#write(request)],
      [OP.release, (request) => this.#release(request)],
      [OP.opendir, (request) => this.#opened({ nodeId: request.nodeId, entries: null }, 'dir')],
      [OP.readdir, (request) => this.#list(request)],
      [OP.releasedir, (request) => this.#release(request)],
      [OP.statfs, () => ({ bytes: statfsReply() })],
      [OP.destroy, () => ({ bytes: emptyReply() })],
      [OP.mknod, noSuchFiles],
      [OP.create, noSuchFiles],
      [OP.link, noSuchFiles],
    ]);
  }

  #init(request: Request): Reply {
    const major = request.word(0);
    const minor = request.word(4);
    if (major !== MAJOR || minor < MINOR_MIN) throw new FileError('EOPNOTSUPP');
    this.#onReady();
    return { bytes: initReply(minor) };
  }

  /** ENOENT: it was removed while the kernel had it. */
  #path(nodeId: number): string {
    const path = this.#nodes.pathOf(nodeId);
    if (path === null) throw new FileError('ENOENT');
    return path;
  }

  #pathIn(nodeId: number, name: string): string {
    const path = this.#nodes.pathIn(nodeId, name);
    if (path === null) throw new FileError('ENOENT');
    return path;
  }

  #lookUp(request: Request): Promise<Reply> {
    const { nodeId, caller } = request;
    const name = request.name();
    if (this.#fs.isHiddenFrom?.(this.#pathIn(nodeId, name), caller)) throw new FileError('ENOENT');
    return this.#entry(nodeId, name);
  }

  /** Gives the kernel a node for a name in a directory. */
  async #entry(parentId: number, name: string): Promise<Reply> {
    const path = this.#pathIn(parentId, name);
    let attributes: Attributes;
    try {
      attributes = await this.#fs.attributes(path);
    } catch (error) {
      if (error instanceof FileError && error.errno === 'ENOENT') this.#nodes.remove(parentId, name);
      throw error;
    }
    const id = this.#nodes.give(parentId, name, attributes.kind);
    const undo = (): void => this.#nodes.forget(id, 1);
    return { bytes: entryReply(id, { attributes, inode: inodeOf(path) }), undo };
  }

  async #attributes(nodeId: number): Promise<Reply> {
    const path = this.#path(nodeId);
    const attributes = await this.#fs.attributes(path);
    return { bytes: attributesReply({ attributes, inode: inodeOf(path) }) };
  }

  /** Sizes and times are nobody's to set: a program that truncates a file before it writes goes on. */
  async #setAttributes(request: Request): Promise<Reply> {
    const { nodeId, caller } = request;
    const valid = request.word(0);
    const set = {
      ...(valid & SET.mode && { mode: request.word(68) & 0o7777 }),
      ...(valid & SET.uid && { uid: request.word(76) }),
      ...(valid & SET.gid && { gid: request.word(80) }),
    };
    if (Object.keys(set).length > 0) await this.#fs.setAttributes(this.#path(nodeId), set, caller);
    return this.#attributes(nodeId);
  }

  async #readLink({ nodeId }: Request): Promise<Reply> {
    return { bytes: dataReply(Buffer.from(await this.#fs.readLink(this.#path(nodeId)))) };
  }

  async #makeLink(request: Request): Promise<Reply> {
    const { nodeId, caller } = request;
    const [name, target] = request.names();
    if (name === undefined || target === undefined) throw new FileError('EINVAL');
    await this.#fs.makeLink(this.#pathIn(nodeId, name), target, caller);
    return this.#entry(nodeId, name);
  }

  async #makeDirectory(request: Request): Promise<Reply> {
    const { nodeId, caller } = request;
    const name = request.name(8);
    // The kernel has taken the umask off already.
    await this.#fs.makeDirectory(this.#pathIn(nodeId, name), request.word(0) & 0o7777, caller);
    return this.#entry(nodeId, name);
  }

  async #removeLink(request: Request): Promise<Reply> {
    const { nodeId, caller } = request;
    const name = request.name();
    await this.#fs.removeLink(this.#pathIn(nodeId, name), caller);
    this.#nodes.remove(nodeId, name);
    return { bytes: emptyReply() };
  }

  async #removeDirectory(request: Request): Promise<Reply> {
    const { nodeId, caller } = request;
    const name = request.name();
    await this.#fs.removeDirectory(this.#pathIn(nodeId, name), caller);
    this.#nodes.remove(nodeId, name);
    return { bytes: emptyReply() };
  }

  async #rename(request: Request, structBytes: number, flags: number): Promise<Reply> {
    const { nodeId, caller } = request;
    const newParent = request.long(0);
    const [name, newName] = request.names(structBytes);
    if (name === undefined || newName === undefined) throw new FileError('EINVAL');
    // Exchanging two names, or leaving a whiteout, is not of this world.
    if ((flags & ~RENAME_NOREPLACE) !== 0) throw new FileError('EINVAL');
    const from = this.#pathIn(nodeId, name);
    const to = this.#pathIn(newParent, newName);
    if (flags & RENAME_NOREPLACE && (await this.#exists(to))) throw new FileError('EEXIST');
    await this.#fs.rename(from, to, caller);
    this.#nodes.rename(nodeId, name, newParent, newName);
    return { bytes: emptyReply() };
  }

  async #exists(path: string): Promise<boolean> {
    try {
      await this.#fs.attributes(path);
      return true;
    } catch (error) {
      if (error instanceof FileError && error.errno === 'ENOENT') return false;
      throw error;
    }
  }

  #openFile(request: Request): Reply {
    const isAppend = (request.word(0) & constants.O_APPEND) !== 0;
    this.#path(request.nodeId);
    return this.#opened(new OpenFile(request.nodeId, isAppend), 'file');
  }

  #opened(what: OpenFile | OpenDirectory, kind: 'dir' | 'file'): Reply {
    if (this.#open.size >= FILE_HANDLES_MAX) throw new FileError('ENFILE');
    const handle = this.#nextHandle++;
    this.#open.set(handle, what);
    return { bytes: openReply(handle, kind), undo: () => void this.#open.delete(handle) };
  }

  #release(request: Request): Reply {
    this.#open.delete(request.long(0));
    return { bytes: emptyReply() };
  }

  #fileOf(request: Request): OpenFile {
    const open = this.#open.get(request.long(0));
    if (!(open instanceof OpenFile)) throw new FileError('EBADF');
    return open;
  }

  async #read(request: Request): Promise<Reply> {
    const open = this.#fileOf(request);
    const offset = request.long(8);
    const size = request.word(16);
    if (offset === 0 || open.text === null)
      open.text = Buffer.from(await this.#fs.read(this.#path(open.nodeId)));
    return { bytes: dataReply(open.text.subarray(offset, offset + size)) };
  }

  async #write(request: Request): Promise<Reply> {
    const open = this.#fileOf(request);
    const { caller } = request;
    const offset = request.long(8);
    const data = request.data(40, request.word(16));
    const whole = open.join(offset, data);
    await this.#fs.write(this.#path(open.nodeId), textOf(whole), caller);
    open.taken(whole, offset + data.length);
    return { bytes: writeReply(data.length) };
  }

  async #list(request: Request): Promise<Reply> {
    const open = this.#open.get(request.long(0));
    if (open === undefined || open instanceof OpenFile) throw new FileError('EBADF');
    const from = request.long(8);
    const size = request.word(16);
    if (from === 0 || open.entries === null) open.entries = await this.#entriesOf(open.nodeId);
    return { bytes: listReply(open.entries, from, size) };
  }

  async #entriesOf(nodeId: number): Promise<readonly DirEntry[]> {
    const path = this.#path(nodeId);
    const within = path === '' ? '' : `${path}/`;
    const above = path.slice(0, Math.max(0, path.lastIndexOf('/')));
    const entryOf = (name: string, kind: DirEntry['kind'], target: string): DirEntry => ({
      inode: inodeOf(target),
      kind,
      name: Buffer.from(name),
    });
    const listed = await this.#fs.list(path);
    return [
      entryOf('.', 'dir', path),
      entryOf('..', 'dir', above),
      ...listed.map(({ name, kind }) => entryOf(name, kind, within + name)),
    ];
  }
}
