/**
 * Directories of subjects with their links: `processes/PID/LINK.up -> …/network/LINK/up/CLASS`. A link is an
 * attachment: it is made by `ln -s` and goes with `rm`.
 */
import { type Attributes, type Caller, FileError, type ListedName } from '../fuse/filesystem.ts';
import type { Branch, Names } from './branch.ts';
import type { Attached, Instance } from './instance.ts';
import type { Network } from './network.ts';
import { PendingLinks } from './pending-links.ts';
import type { Refusals } from './refusals.ts';
import { type Rights, SEARCH, WRITE } from './rights.ts';
import { asDirectories, type Directory, type Subjects } from './subjects.ts';
import { classAt, targetText } from './targets.ts';

export interface AttachingParts {
  /** The name of the branch at the root of the tree. */
  readonly name: string;
  readonly subjects: Subjects;
  readonly instance: Instance;
  readonly network: Network;
  readonly rights: Rights;
  readonly refusals: Refusals;
  readonly mountPoint: string;
  readonly sinceMs: number;
}

const ERROR = 'error';
/** `wan.up`: where packets of the subject go in this direction. */
const LINK = /^(.+)\.(up|down)$/;
const LINK_MODE = 0o777;
const ERROR_MODE = 0o444;

/** A name in a directory of a subject. */
interface Entry {
  readonly directory: Directory;
  readonly subject: string;
  readonly name: string;
}

export class Attaching implements Branch {
  readonly #parts: AttachingParts;
  readonly #pending = new PendingLinks();

  constructor(parts: AttachingParts) {
    this.#parts = parts;
  }

  async attributes(names: Names): Promise<Attributes> {
    const { subjects, sinceMs } = this.#parts;
    const entry = this.#entry(names);
    if (entry !== null && (entry.name === ERROR || (await this.#targetOf(names, entry)) !== null)) {
      const { uid, gid } = entry.directory;
      const isError = entry.name === ERROR;
      const kind = isError ? 'file' : 'link';
      return { kind, mode: isError ? ERROR_MODE : LINK_MODE, uid, gid, changedMs: sinceMs };
    }
    const directory = subjects.directory(names);
    if (directory === null) throw new FileError('ENOENT');
    const { mode, uid, gid } = directory;
    return { kind: 'dir', mode, uid, gid, changedMs: sinceMs };
  }

  async list(names: Names): Promise<readonly ListedName[]> {
    const { subjects, instance } = this.#parts;
    const directory = subjects.directory(names);
    if (directory === null) throw new FileError('ENOENT');
    const inside = asDirectories(subjects.inside(names));
    if (directory.subject === null) return inside;
    const classes = this.#classesOf(directory.subject, await instance.attached());
    const links = classes.map((path): ListedName => ({ name: linkName(path), kind: 'link' }));
    const taken = new Set([ERROR, ...links.map(({ name }) => name)]);
    return [{ name: ERROR, kind: 'file' }, ...links, ...inside.filter(({ name }) => !taken.has(name))];
  }

  async read(names: Names): Promise<string> {
    const { name, refusals } = this.#parts;
    const entry = this.#entry(names);
    if (entry?.name !== ERROR) throw new FileError('EISDIR');
    return refusals.text([name, ...names.slice(0, -1)].join('/'));
  }

  async write(names: Names): Promise<void> {
    throw new FileError('EROFS', `${names.at(-1)} is only read`);
  }

  /** The directory of what is there is there already, and a program that makes it need not know that. */
  async makeDirectory(names: Names): Promise<void> {
    const { subjects, name } = this.#parts;
    if (subjects.directory(names) !== null) return;
    throw new FileError('ENOENT', `there is no ${names.join('/')} in ${name}`);
  }

  async removeDirectory(names: Names): Promise<void> {
    throw new FileError('EBUSY', `${names.join('/')} is there as long as what it stands for`);
  }

  async makeLink(names: Names, target: string, caller: Caller): Promise<void> {
    const { entry, path } = await this.#wanted(names, target, caller);
    if (this.#pending.isTemporary(entry.name)) return this.#pending.add(names, target);
    const before = await this.#attachedAt(entry);
    if (before !== null)
      throw new FileError('EEXIST', `${entry.name} leads to ${before} already: rm it first`);
    await this.#attach(entry, path);
  }

  async removeLink(names: Names, caller: Caller): Promise<void> {
    const entry = this.#needEntry(names);
    if (entry.name === ERROR) throw new FileError('EPERM', `${ERROR} stays`);
    if (this.#pending.remove(names)) return;
    this.#needOwner(entry, caller);
    const path = await this.#attachedAt(entry);
    if (path === null) throw new FileError('ENOENT');
    await this.#needClass(path, caller);
    const subject = encodeURIComponent(entry.subject);
    await this.#parts.instance.change('DELETE', `/v1/attachments?subject=${subject}&from=${path}`);
  }

  async readLink(names: Names): Promise<string> {
    const entry = this.#needEntry(names);
    const target = await this.#targetOf(names, entry);
    if (target === null) throw new FileError('ENOENT');
    return target;
  }

  /** `ln -sf` makes a link of another name and gives it this one, in the place of the link that was there. */
  async rename(from: Names, to: Names, caller: Caller): Promise<void> {
    const target = this.#pending.get(from);
    if (target === null || from.slice(0, -1).join('/') !== to.slice(0, -1).join('/'))
      throw new FileError('EPERM', 'a link of a subject has one name: rm and ln -s move it');
    const { entry, path } = await this.#wanted(to, target, caller);
    const before = await this.#attachedAt(entry);
    if (before !== null) await this.#needClass(before, caller);
    await this.#attach(entry, path);
    this.#pending.remove(from);
  }

  async setAttributes(names: Names): Promise<void> {
    throw new FileError('EPERM', `${names.join('/')} is whose what it stands for is`);
  }

  /** null: no name of a file or link in the directory of a subject. */
  #entry(names: Names): Entry | null {
    const name = names.at(-1);
    if (name === undefined || !(name === ERROR || LINK.test(name) || this.#pending.isTemporary(name)))
      return null;
    const directory = this.#parts.subjects.directory(names.slice(0, -1));
    return directory?.subject ? { directory, subject: directory.subject, name } : null;
  }

  #needEntry(names: Names): Entry {
    const entry = this.#entry(names);
    if (entry !== null) return entry;
    const directory = this.#parts.subjects.directory(names.slice(0, -1));
    if (directory === null) throw new FileError('ENOENT');
    throw new FileError('EINVAL', `${names.at(-1)}: a link is called as its direction, such as wan.up`);
  }

  /** What a link that somebody wants stands for, if he may have it. */
  async #wanted(names: Names, target: string, caller: Caller): Promise<{ entry: Entry; path: string }> {
    const { name, mountPoint, instance } = this.#parts;
    const entry = this.#needEntry(names);
    this.#needOwner(entry, caller);
    const path = classAt(target, [name, ...names.slice(0, -1)], mountPoint);
    if (!this.#pending.isTemporary(entry.name)) {
      const { classes } = await instance.freshClasses();
      const direction = directionOf(entry.name);
      if (!classes.has(direction))
        throw new FileError('EINVAL', `${entry.name}: there is no direction ${direction}`);
      if (path !== direction && !path.startsWith(`${direction}/`))
        throw new FileError('EINVAL', `${entry.name}: ${path} is no class of ${direction}`);
    }
    await this.#needClass(path, caller);
    return { entry, path };
  }

  /** Only whose the subject is attaches it and detaches it. */
  #needOwner({ directory, subject }: Entry, caller: Caller): void {
    if (caller.uid !== 0 && caller.uid !== directory.uid)
      throw new FileError('EACCES', `${subject} is not yours`);
  }

  /** Whoever may add classes in a class may attach to it, if he may come there. */
  async #needClass(path: string, caller: Caller): Promise<void> {
    const { network, rights } = this.#parts;
    const way = await network.wayTo(path);
    for (const at of way) rights.need(at, caller, at === way.at(-1) ? WRITE | SEARCH : SEARCH, path);
  }

  async #attach({ subject }: Entry, path: string): Promise<void> {
    await this.#parts.instance.change('POST', '/v1/attachments', { subject, classes: [path] });
  }

  async #targetOf(names: Names, entry: Entry): Promise<string | null> {
    const pending = this.#pending.get(names);
    if (pending !== null) return pending;
    const path = await this.#attachedAt(entry);
    return path === null ? null : targetText(path, names.length);
  }

  /** The class to which a link leads; null without the link. */
  async #attachedAt({ subject, name }: Entry): Promise<string | null> {
    const classes = this.#classesOf(subject, await this.#parts.instance.attached());
    return classes.find((path) => linkName(path) === name) ?? null;
  }

  #classesOf(subject: string, attached: readonly Attached[]): readonly string[] {
    const { sameAs } = this.#parts.subjects;
    const same = sameAs(subject);
    return attached.find((one) => sameAs(one.subject) === same)?.classes ?? [];
  }
}

/** `wan.up` of wan/up/guests. */
function linkName(path: string): string {
  return path.split('/').slice(0, 2).join('.');
}

/** wan/up of `wan.up`. */
function directionOf(name: string): string {
  const [, link = '', direction = ''] = LINK.exec(name) ?? [];
  return `${link}/${direction}`;
}
