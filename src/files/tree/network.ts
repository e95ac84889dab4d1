/** `network/LINK/up/CLASS/…`: every class is a directory in its parent, with a file for each parameter. */
import { type Attributes, type Caller, FileError, type ListedName } from '../fuse/filesystem.ts';
import { type Around, checkBounds } from './bounds.ts';
import type { Branch, Names, Settable } from './branch.ts';
import type { ClassAccess } from './class-access.ts';
import type { ClassReport, ClassTree, Instance } from './instance.ts';
import { filesOf, hasFile, isParameter, isReport, patchOf, readParameter } from './parameters.ts';
import type { Refusals } from './refusals.ts';
import { clientsText, statText } from './reports.ts';
import { type Rights, SEARCH, WRITE } from './rights.ts';

/** Where the classes are, from the root of the tree. */
export const NETWORK = 'network';
const DEFAULT = 'default';
const SETGID = 0o2000;
/**
 * For so long the kernel goes by what it was told of a node, instead of asking for each directory on the way
 * to a file. What changes through the mount is seen at once all the same.
 */
const VALID_MS = 200;
/** So often a removal is tried again that others have come before. */
const TRIES = 5;

interface Place {
  readonly report: ClassReport;
  /** Of a file of the class; null: its directory. */
  readonly file: string | null;
}

export interface NetworkParts {
  readonly instance: Instance;
  readonly access: ClassAccess;
  readonly rights: Rights;
  readonly refusals: Refusals;
  readonly fixed: Attributes;
}

export class Network implements Branch {
  readonly #parts: NetworkParts;

  constructor(parts: NetworkParts) {
    this.#parts = parts;
  }

  async attributes(names: Names): Promise<Attributes> {
    const { instance, access, fixed } = this.#parts;
    if (names.length === 0) return { ...fixed, validMs: VALID_MS };
    const tree = await instance.classes();
    if (names.length === 1 && tree.links.has(names[0]!)) return { ...fixed, validMs: VALID_MS };
    const { report, file } = find(tree, names);
    const attributes = file === null ? access.directory(report) : access.file(report, file);
    if (file === null || !isParameter(file)) return { ...attributes, validMs: VALID_MS };
    // With its true size a program that packs files (tar) misses nothing of it.
    const sizeBytes = Buffer.byteLength(readParameter(file, report)) + 1;
    return { ...attributes, sizeBytes, validMs: VALID_MS };
  }

  async list(names: Names): Promise<readonly ListedName[]> {
    const tree = await this.#parts.instance.classes();
    const dirs = (all: Iterable<string>): ListedName[] => [...all].map((name) => ({ name, kind: 'dir' }));
    if (names.length === 0) return dirs(tree.links.keys());
    const directions = names.length === 1 ? tree.links.get(names[0]!) : undefined;
    if (directions) return dirs(directions);
    const { report, file } = find(tree, names);
    if (file !== null) throw new FileError('ENOTDIR');
    const children = tree.children.get(report.path) ?? [];
    const files = filesOf(report).filter((name) => !children.includes(name));
    return [...files.map((name): ListedName => ({ name, kind: 'file' })), ...dirs(children)];
  }

  async read(names: Names): Promise<string> {
    const { instance, refusals } = this.#parts;
    const { report, file } = find(await instance.freshClasses(), names);
    if (file === null) throw new FileError('EISDIR');
    if (isParameter(file)) return `${readParameter(file, report)}\n`;
    if (file === 'stat') return statText((await instance.status()).get(report.path));
    if (file === 'clients') return clientsText(await instance.freshAttached(), report.path);
    return refusals.text(`${NETWORK}/${report.path}`);
  }

  async write(names: Names, text: string, caller: Caller): Promise<void> {
    const { instance, access, rights } = this.#parts;
    const tree = await instance.freshClasses();
    const { report, file } = find(tree, names);
    if (file === null) throw new FileError('EISDIR');
    if (!isParameter(file)) throw new FileError('EROFS', `${file} is only read`);
    rights.need(access.file(report, file), caller, WRITE, names.join('/'));
    const patch = patchOf(file, text, report);
    const around = this.#around(tree, report.path, caller);
    if (around !== null) checkBounds(patch, around);
    await instance.change('PATCH', `/v1/classes/${report.path}`, patch);
  }

  async makeDirectory(names: Names, mode: number, caller: Caller): Promise<void> {
    const { instance, access, rights } = this.#parts;
    const { parent, path } = await this.#parentOf(names);
    const around = access.directory(parent);
    rights.need(around, caller, WRITE | SEARCH, parent.path);
    const isGroupKept = (around.mode & SETGID) !== 0;
    const entries = access.ofNew({
      uid: caller.uid,
      gid: isGroupKept ? around.gid : caller.gid,
      mode: (mode & 0o1777) | (isGroupKept ? SETGID : 0),
    });
    const values = { path, match: 'none', ...(entries !== null && { access: entries }) };
    await instance.change('POST', '/v1/classes', values);
  }

  async removeDirectory(names: Names, caller: Caller): Promise<void> {
    const { instance, access, rights } = this.#parts;
    for (let left = TRIES; ; left--) {
      const tree = await instance.freshClasses();
      const { report } = await this.#movable(tree, names);
      const { report: parent } = find(tree, names.slice(0, -1));
      rights.needRemoval(access.directory(parent), access.directory(report), caller, parent.path);
      const inside = (tree.children.get(report.path) ?? []).filter((name) => name !== DEFAULT);
      if (inside.length > 0)
        throw new FileError('ENOTEMPTY', `${report.path} has classes: ${inside.join(', ')}`);
      try {
        // A class that is made in it meanwhile is not removed with it.
        return await instance.change('DELETE', `/v1/classes/${report.path}?generation=${tree.generation}`);
      } catch (error) {
        if (!(error instanceof FileError && error.errno === 'EAGAIN') || left <= 1) throw error;
      }
    }
  }

  async rename(from: Names, to: Names, caller: Caller): Promise<void> {
    const { instance, access, rights } = this.#parts;
    const tree = await instance.freshClasses();
    const { report } = await this.#movable(tree, from);
    if (from.slice(0, 2).join('/') !== to.slice(0, 2).join('/'))
      throw new FileError('EXDEV', `${report.path} moves within ${from.slice(0, 2).join('/')}`);
    if (to.join('/').startsWith(`${report.path}/`))
      throw new FileError('EINVAL', `${report.path} cannot move into itself`);
    const { report: left } = find(tree, from.slice(0, -1));
    const { parent, path } = await this.#parentOf(to);
    if (tree.classes.has(path)) throw new FileError('EEXIST', `${path} exists already`);
    rights.needRemoval(access.directory(left), access.directory(report), caller, left.path);
    rights.need(access.directory(parent), caller, WRITE | SEARCH, parent.path);
    if (parent !== left) {
      rights.need(access.directory(report), caller, WRITE, report.path);
      const own = report.written.filter((name) => ['ceil', 'priority'].includes(name));
      const values = Object.fromEntries(own.map((name) => [name, report.values[name]!]));
      checkBounds(values, this.#aroundOf(parent, caller));
    }
    await instance.change('POST', `/v1/classes/${report.path}/move`, { path });
  }

  async setAttributes(names: Names, set: Settable, caller: Caller): Promise<void> {
    const { instance, access, rights } = this.#parts;
    if (names.length < 2) throw new FileError('EROFS', 'owner and mode of this directory are fixed');
    const { report, file } = find(await instance.freshClasses(), names);
    const before = file === null ? access.directory(report) : access.file(report, file);
    const entry = access.entry(rights.changed(before, set, caller));
    await instance.change('PATCH', `/v1/classes/${report.path}`, { access: { [file ?? 'dir']: entry } });
  }

  async makeLink(names: Names): Promise<void> {
    const [first = 'PID'] = names;
    throw new FileError('EPERM', `links are made in processes/PID and the like: processes/PID/${first}.up`);
  }

  async removeLink(names: Names): Promise<void> {
    find(await this.#parts.instance.classes(), names);
    throw new FileError(
      'EPERM',
      'files of a class stay as long as the class; echo default > FILE takes a key away',
    );
  }

  async readLink(): Promise<string> {
    throw new FileError('EINVAL', 'not a link');
  }

  /** Attributes of the directories on the way to a class, the class last. Throws EINVAL if it is none. */
  async wayTo(path: string): Promise<readonly Attributes[]> {
    const { instance, access } = this.#parts;
    const { classes } = await instance.freshClasses();
    if (!classes.has(path)) throw new FileError('EINVAL', `${path} is no class of ${NETWORK}`);
    const names = path.split('/');
    const paths = names.slice(1).map((_, i) => names.slice(0, i + 2).join('/'));
    return paths.map((one) => access.directory(classes.get(one)!));
  }

  /** The class around one; null for a direction. */
  #around({ classes }: ClassTree, path: string, caller: Caller): Around | null {
    const report = classes.get(path.slice(0, path.lastIndexOf('/')));
    return report === undefined ? null : this.#aroundOf(report, caller);
  }

  #aroundOf(report: ClassReport, caller: Caller): Around {
    const { access, rights } = this.#parts;
    return { report, ownsPriority: rights.may(access.file(report, 'priority'), caller, WRITE) };
  }

  /** Where a new class comes. */
  async #parentOf(names: Names): Promise<{ readonly parent: ClassReport; readonly path: string }> {
    if (names.length < 3)
      throw new FileError('EROFS', 'links and directions come from the configuration file');
    const { report, file } = find(await this.#parts.instance.freshClasses(), names.slice(0, -1));
    if (file !== null) throw new FileError('ENOTDIR');
    return { parent: report, path: names.join('/') };
  }

  async #movable(tree: ClassTree, names: Names): Promise<Place> {
    if (names.length < 3)
      throw new FileError('EBUSY', 'links and directions come from the configuration file');
    const place = find(tree, names);
    if (place.file !== null) {
      if (isReport(place.file) || isParameter(place.file))
        throw new FileError('EPERM', 'a file of a class stays');
    }
    if (names.at(-1) === DEFAULT)
      throw new FileError(
        'EBUSY',
        `${place.report.path} takes the packets that no other class takes, and stays`,
      );
    return place;
  }
}

/** Throws ENOENT or ENOTDIR. A class goes before a file of the same name. */
function find({ classes }: ClassTree, names: Names): Place {
  const report = classes.get(names.join('/'));
  if (report !== undefined) return { report, file: null };
  const parent = classes.get(names.slice(0, -1).join('/'));
  const file = names.at(-1) ?? '';
  if (parent === undefined || !hasFile(parent, file)) throw new FileError('ENOENT');
  return { report: parent, file };
}
