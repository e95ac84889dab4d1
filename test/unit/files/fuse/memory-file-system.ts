/** A file system in memory: directories and links can be made, each directory has two files. */
import {
  type Attributes,
  type Caller,
  FileError,
  type FileSystem,
  type ListedName,
} from '../../../../src/files/fuse/filesystem.ts';

interface Entry {
  kind: Attributes['kind'];
  mode: number;
  uid: number;
  gid: number;
  text: string;
  children: Map<string, Entry>;
}

export class MemoryFileSystem implements FileSystem {
  readonly root: Entry = directory(0o755, { uid: 0, gid: 0, pid: 0 });
  /** Every change, as a line. */
  readonly changes: string[] = [];
  /** Awaited before each answer. */
  before: (call: string, path: string) => Promise<void> = async () => undefined;
  /** How many milliseconds the kernel may keep what it was told. */
  validMs = 0;

  async attributes(path: string): Promise<Attributes> {
    await this.before('attributes', path);
    const { kind, mode, uid, gid, text } = this.#find(path);
    const { validMs } = this;
    return {
      ...{ kind, mode, uid, gid, validMs, changedMs: 1_700_000_000_123 },
      ...(kind !== 'dir' && { sizeBytes: Buffer.byteLength(text) }),
    };
  }

  async list(path: string): Promise<readonly ListedName[]> {
    await this.before('list', path);
    return [...this.#find(path).children].map(([name, { kind }]) => ({ name, kind }));
  }

  async read(path: string): Promise<string> {
    await this.before('read', path);
    return this.#find(path).text;
  }

  async write(path: string, text: string, caller: Caller): Promise<void> {
    await this.before('write', path);
    const entry = this.#find(path);
    this.changes.push(`write ${path} ${JSON.stringify(text)} by ${caller.uid}`);
    if (text.includes('bad')) throw new FileError('EINVAL', 'a bad value');
    entry.text = text;
  }

  async makeDirectory(path: string, mode: number, caller: Caller): Promise<void> {
    await this.before('makeDirectory', path);
    this.#put(path, directory(mode, caller));
  }

  async removeDirectory(path: string): Promise<void> {
    await this.before('removeDirectory', path);
    const inside = [...this.#find(path).children.values()];
    if (inside.some(({ kind }) => kind !== 'file')) throw new FileError('ENOTEMPTY');
    this.#take(path);
  }

  async makeLink(path: string, target: string, caller: Caller): Promise<void> {
    await this.before('makeLink', path);
    this.#put(path, { ...directory(0o777, caller), kind: 'link', text: target });
  }

  async removeLink(path: string): Promise<void> {
    await this.before('removeLink', path);
    if (this.#find(path).kind !== 'link') throw new FileError('EPERM');
    this.#take(path);
  }

  async readLink(path: string): Promise<string> {
    await this.before('readLink', path);
    return this.#find(path).text;
  }

  async rename(from: string, to: string): Promise<void> {
    await this.before('rename', from);
    if (this.#find(from).kind === 'file') throw new FileError('EPERM');
    const [parent, name] = this.#parentOf(to);
    if ((parent.children.get(name)?.children.size ?? 0) > 0) throw new FileError('ENOTEMPTY');
    parent.children.set(name, this.#take(from));
    this.changes.push(`rename ${from} ${to}`);
  }

  async setAttributes(path: string, set: { mode?: number; uid?: number; gid?: number }): Promise<void> {
    await this.before('setAttributes', path);
    Object.assign(this.#find(path), set);
  }

  #find(path: string): Entry {
    let entry = this.root;
    for (const name of path === '' ? [] : path.split('/')) {
      const child = entry.children.get(name);
      if (child === undefined) throw new FileError('ENOENT');
      entry = child;
    }
    return entry;
  }

  #parentOf(path: string): [Entry, string] {
    const cut = path.lastIndexOf('/');
    return [this.#find(path.slice(0, Math.max(0, cut))), path.slice(cut + 1)];
  }

  #put(path: string, entry: Entry): void {
    const [parent, name] = this.#parentOf(path);
    if (parent.children.has(name)) throw new FileError('EEXIST');
    parent.children.set(name, entry);
  }

  #take(path: string): Entry {
    const entry = this.#find(path);
    const [parent, name] = this.#parentOf(path);
    parent.children.delete(name);
    return entry;
  }
}

function directory(mode: number, { uid, gid }: Caller): Entry {
  const file = (text: string): Entry => ({ kind: 'file', mode: 0o644, uid, gid, text, children: new Map() });
  const children = new Map([
    ['bandwidth', file('4mbit\n')],
    ['stat', file('packets 12\nbytes 3456\n')],
  ]);
  return { kind: 'dir', mode, uid, gid, text: '', children };
}
