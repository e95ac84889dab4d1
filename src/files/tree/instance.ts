/**
 * The running instance behind the tree, over its control socket. What it says is kept for a moment, because a
 * listing of a thousand classes asks for each of them; a change through the tree makes all of it old.
 */
import type { Agent } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { ClientError, call, type Method } from '../../client/client.ts';
import { type ErrnoName, FileError } from '../fuse/filesystem.ts';

/** A class or direction, as GET /v1/classes tells it. */
export interface ClassReport {
  readonly path: string;
  readonly isInner: boolean;
  /** null: not limited. */
  readonly ceilBitsPerSecond: number | null;
  readonly values: Readonly<Record<string, string>>;
  readonly written: readonly string[];
  /** OWNER:GROUP MODE by file. */
  readonly access: Readonly<Record<string, string>>;
}

export interface ClassTree {
  readonly generation: number;
  readonly classes: ReadonlyMap<string, ClassReport>;
  /** By path of a class or direction: the names of the classes inside, in the order of the file. */
  readonly children: ReadonlyMap<string, readonly string[]>;
  /** By link: its directions. */
  readonly links: ReadonlyMap<string, readonly string[]>;
}

export interface Attached {
  readonly subject: string;
  readonly text: string;
  readonly classes: readonly string[];
}

export type Json = Readonly<Record<string, unknown>>;
export type Ask = (method: Method, path: string, body?: object) => Promise<Json>;

/** `agent` keeps connections for questions. A change has a connection of its own: it is sent once. */
export function askOver(socketPath: string, agent: Agent): Ask {
  return (method, path, body) => call(socketPath, method, path, body, method === 'GET' ? agent : undefined);
}

/** For so long a listing goes by what was known. Reads of parameters ask, unless events tell of changes. */
const KEPT_MS = 100;
/** With events. A change of a text alone, with the same meaning, makes none. */
const FOLLOWED_MS = 1000;

/** How a refusal is told programs; others are EINVAL. */
const ERRNOS: Readonly<Record<string, ErrnoName>> = {
  'no-such-class': 'ENOENT',
  'unknown-class': 'ENOENT',
  'not-attached': 'ENOENT',
  exists: 'EEXIST',
  stale: 'EAGAIN',
  restart: 'EOPNOTSUPP',
  'too-many': 'ENOSPC',
};

export class Instance {
  readonly #ask: Ask;
  #tree: ClassTree | null = null;
  #changes = 0;
  #isFollowed = false;
  readonly #classes: Kept<ClassTree>;
  readonly #attached: Kept<readonly Attached[]>;
  readonly #status: Kept<ReadonlyMap<string, Json>>;

  constructor(ask: Ask, nowMs: () => number = () => performance.now()) {
    this.#ask = ask;
    this.#classes = new Kept(() => this.#askClasses(), nowMs);
    this.#attached = new Kept(() => this.#askAttached(), nowMs);
    this.#status = new Kept(() => this.#askStatus(), nowMs);
  }

  classes(): Promise<ClassTree> {
    return this.#classes.get(KEPT_MS);
  }

  /**
   * As they are now. The instance tells of a change before it answers who made it. So after one turn of the
   * event loop all news are here of changes that were answered before somebody asked us.
   */
  async freshClasses(): Promise<ClassTree> {
    if (this.#isFollowed) await setImmediate();
    return this.#classes.get(this.#isFollowed ? FOLLOWED_MS : 0);
  }

  /** Whether `changed` is called with every event of the instance, from now on. */
  setFollowed(isFollowed: boolean): void {
    this.#isFollowed = isFollowed;
    this.#classes.forget();
  }

  changed(): void {
    this.#classes.forget();
  }

  attached(): Promise<readonly Attached[]> {
    return this.#attached.get(KEPT_MS);
  }

  freshAttached(): Promise<readonly Attached[]> {
    return this.#attached.get(0);
  }

  /** By path: the report of `status` on a class. */
  status(): Promise<ReadonlyMap<string, Json>> {
    return this.#status.get(KEPT_MS);
  }

  /** Changes something. Throws FileError with the reason. */
  async change(method: Method, path: string, body?: object): Promise<void> {
    try {
      await this.#told(method, path, body);
    } finally {
      // A value that means the same is another text and no new generation.
      this.#tree = null;
      this.#changes += 1;
      this.#classes.forget();
      this.#attached.forget();
    }
  }

  async #told(method: Method, path: string, body?: object): Promise<Json> {
    try {
      return await this.#ask(method, path, body);
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      throw new FileError(errnoOf(error), error.message + (error.hint === '' ? '' : ` (${error.hint})`));
    }
  }

  async #askClasses(): Promise<ClassTree> {
    const [before, changes] = [this.#tree, this.#changes];
    const unless = before === null ? '' : `?unless=${before.generation}`;
    const { generation, classes } = await this.#told('GET', `/v1/classes${unless}`);
    if (classes === null && before !== null) return before;
    const tree = treeOf(generation as number, (classes ?? []) as readonly ClassReport[]);
    if (changes === this.#changes) this.#tree = tree;
    return tree;
  }

  async #askAttached(): Promise<readonly Attached[]> {
    return (await this.#told('GET', '/v1/attachments')).attachments as readonly Attached[];
  }

  async #askStatus(): Promise<ReadonlyMap<string, Json>> {
    const { classes } = await this.#told('GET', '/v1/status');
    return new Map((classes as readonly Json[]).map((one) => [String(one.path), one]));
  }
}

function errnoOf({ code, reason }: ClientError): ErrnoName {
  return code === 'refused' ? (ERRNOS[reason] ?? 'EINVAL') : 'EIO';
}

function treeOf(generation: number, reports: readonly ClassReport[]): ClassTree {
  const classes = new Map<string, ClassReport>();
  const children = new Map<string, string[]>();
  const links = new Map<string, string[]>();
  for (const report of reports) {
    const { path } = report;
    const at = path.lastIndexOf('/');
    const [parent, name] = [path.slice(0, at), path.slice(at + 1)];
    classes.set(path, name === 'default' ? withAccessOf(classes.get(parent), report) : report);
    children.set(path, []);
    const beside = children.get(parent);
    if (beside) beside.push(name);
    else links.set(parent, [...(links.get(parent) ?? []), name]);
  }
  return { generation, classes, children, links };
}

/** The class `default` comes with the classes beside it: without entries of its own it is whose they are. */
function withAccessOf(parent: ClassReport | undefined, report: ClassReport): ClassReport {
  const { dir, files } = parent?.access ?? {};
  return { ...report, access: { ...(dir && { dir }), ...(files && { files }), ...report.access } };
}

/** An answer, for a moment. Questions that come at once are asked once. */
class Kept<T> {
  readonly #fetch: () => Promise<T>;
  readonly #nowMs: () => number;
  #value: { readonly atMs: number; readonly answer: T } | null = null;
  #asked: Promise<T> | null = null;

  constructor(fetch: () => Promise<T>, nowMs: () => number) {
    this.#fetch = fetch;
    this.#nowMs = nowMs;
  }

  get(keptMs: number): Promise<T> {
    if (this.#value !== null && this.#nowMs() - this.#value.atMs < keptMs)
      return Promise.resolve(this.#value.answer);
    if (this.#asked !== null && keptMs > 0) return this.#asked;
    const atMs = this.#nowMs();
    const asked = this.#fetch();
    this.#asked = asked;
    const settle = (): void => {
      if (this.#asked === asked) this.#asked = null;
    };
    return asked.then(
      (answer) => {
        // A change that came meanwhile is perhaps not in it.
        if (this.#asked === asked) this.#value = { atMs, answer };
        settle();
        return answer;
      },
      (error) => {
        settle();
        throw error;
      },
    );
  }

  forget(): void {
    this.#value = null;
    this.#asked = null;
  }
}
