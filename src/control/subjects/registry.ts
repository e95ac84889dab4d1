/**
 * All attachments and the subjects of matchers: what each of them is on this machine now. `look()` finds what
 * has changed since the last look, ends attachments whose subject is gone, and tells the packet thread if its
 * packets would be classified otherwise.
 */
import type { SubjectsUpdate } from '../../core/subjects/update.ts';
import type { ShaperSpec } from '../../spec/spec.ts';
import type { Attachment } from './attachment.ts';
import { completeUpdate, draftUpdate, fingerprint } from './build-update.ts';
import { GroupWatch } from './group-watch.ts';
import { ListedSockets } from './listed-sockets.ts';
import type { Machine } from './machine.ts';
import { lookUp, type MatchedSubject, matchedKeys, programOf } from './matched.ts';
import { type ProcessRule, ProcessTree, type TrackedProcess } from './process-tree.ts';

export interface RegistryOptions {
  readonly machine: Machine;
  readonly send: (update: SubjectsUpdate) => void;
  /** An attachment is here no longer, because its subject is not. */
  readonly onEnd: (attachment: Attachment, reason: string) => void;
  /** A control group has come or gone. */
  readonly onGroup: () => void;
}

/** So many new processes are looked at by the packet thread itself before it is told of them. */
const NEW_PIDS_MAX = 64;
/** Every this many looks, containers are looked for: the files of their engines are dear to read. */
const LOOKS_PER_CONTAINER = 4;

/** Own rules of a process: the process itself before its program, then the youngest attachment. */
const ORDER_OF_PROGRAM = 1e9;

export class Registry {
  readonly #options: RegistryOptions;
  readonly #tree: ProcessTree;
  readonly #attachments = new Map<number, Attachment>();
  /** By key of a matcher: the rule of the process tree, if it names a program. */
  #matchedRules = new Map<string, number>();
  readonly #watch: GroupWatch;
  readonly #listed: ListedSockets;
  /** Somebody has attached or detached something since the last update. */
  #isNews = true;
  #tracked: readonly TrackedProcess[] = [];
  #lastId = 0;
  #looks = 0;
  #isRulesOld = true;
  #sent = '';
  #sentPid = 0;

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.#watch = new GroupWatch(options.onGroup);
    this.#listed = new ListedSockets(options.machine.processes);
    this.#tree = new ProcessTree(options.machine.processes);
  }

  /** Grows with each call: for attachments, and for rules of the process tree. */
  nextId(): number {
    return ++this.#lastId;
  }

  get all(): IterableIterator<Attachment> {
    return this.#attachments.values();
  }

  get(id: number): Attachment | undefined {
    return this.#attachments.get(id);
  }

  /** Processes for which an attachment or a matcher holds, as the last look has found them. */
  get tracked(): readonly TrackedProcess[] {
    return this.#tracked;
  }

  /** Whether time alone can change what is known. */
  get isWatching(): boolean {
    const needsLooks = [...this.all].some(({ target }) => target.kind !== 'user');
    return needsLooks || [...this.#matchedRules.keys()].some((key) => /^(exe|cgroup):/.test(key));
  }

  add(attachment: Attachment): void {
    this.#attachments.set(attachment.id, attachment);
    this.#changed();
  }

  remove(id: number): void {
    this.#attachments.delete(id);
    this.#changed();
  }

  /** The configuration is another one. */
  follow(spec: ShaperSpec): void {
    const keys = matchedKeys(spec);
    const rules = new Map(keys.map((key) => [key, this.#matchedRules.get(key) ?? this.nextId()]));
    const isSame = rules.size === this.#matchedRules.size && keys.every((key) => this.#matchedRules.has(key));
    this.#matchedRules = rules;
    if (!isSame) this.#changed();
  }

  #changed(): void {
    this.#isRulesOld = true;
    this.#isNews = true;
  }

  close(): void {
    this.#watch.close();
  }

  look(): void {
    this.#lookAtProcesses();
    this.#looks += 1;
    for (const attachment of [...this.all]) {
      const reason = this.#endOf(attachment);
      if (reason === null) continue;
      this.remove(attachment.id);
      this.#options.onEnd(attachment, reason);
    }
    if (this.#isRulesOld) this.#lookAtProcesses();
    this.#tell();
  }

  #lookAtProcesses(): void {
    const rules = this.#isRulesOld ? this.#processRules() : null;
    if (rules !== null)
      this.#tree.setRules(
        rules,
        rules.some(({ readsExe }) => readsExe),
      );
    const isUsed = rules === null ? this.#tree.hasRules : rules.length > 0;
    const isChanged = isUsed && this.#tree.scan();
    if (isChanged || this.#isRulesOld) this.#tracked = isUsed ? this.#tree.tracked() : [];
    this.#isRulesOld = false;
  }

  #processRules(): (ProcessRule & { readonly readsExe: boolean })[] {
    const attached = [...this.all].flatMap(({ id, target }) => {
      if (target.kind !== 'process') return [];
      const order = (target.isOfProgram ? ORDER_OF_PROGRAM : 0) - id;
      return [{ id, order, isInherited: true, readsExe: target.isOfProgram, matches: target.matches }];
    });
    const matched = [...this.#matchedRules].flatMap(([key, id]) => {
      const program = programOf(key, this.#options.machine);
      if (program === null) return [];
      const matches: ProcessRule['matches'] = ({ exe }) => exe === program;
      return [{ id, order: 0, isInherited: false, readsExe: true, matches }];
    });
    return [...attached, ...matched];
  }

  /** Looks where the subject is. Returns why it is nowhere any more. */
  #endOf({ id, target, ownsGroup }: Attachment): string | null {
    const { processes } = this.#options.machine;
    switch (target.kind) {
      case 'process':
        if (!target.ends || this.#tracked.some(({ rules }) => rules.includes(id))) return null;
        return target.rank === 1 ? 'its last process has ended' : 'the last process of the group has ended';
      case 'socket': {
        if ([...processes.sockets(target.pid).values()].includes(target.inode)) return null;
        // A child may have it, or somebody to whom it was passed.
        const pid = processes
          .pids()
          .find((one) => [...processes.sockets(one).values()].includes(target.inode));
        if (pid === undefined) return 'the socket is closed';
        target.pid = pid;
        return null;
      }
      case 'groups':
        target.groups.look();
        if (ownsGroup) return target.groups.pids.size > 0 ? null : 'its last process has ended';
        if (!target.ends || target.groups.paths.length > 0) return null;
        return 'the control group was removed';
      case 'container':
        if (this.#looks % LOOKS_PER_CONTAINER === 0 && !target.container.look())
          return 'the container was removed';
        return null;
      case 'user':
        return null;
    }
  }

  #folders(matched: readonly MatchedSubject[]): Set<string> {
    const folders = new Set(matched.flatMap((one) => one.folders));
    for (const { target } of this.all)
      if (target.kind === 'groups') for (const folder of target.groups.folders) folders.add(folder);
    return folders;
  }

  #tell(): void {
    const { machine, send } = this.#options;
    const matched: MatchedSubject[] = [...this.#matchedRules].map(([key, rule]) =>
      lookUp(key, rule, machine),
    );
    this.#watch.follow(this.#folders(matched));
    const { lastPid } = this.#tree;
    const source = { attachments: this.all, matched, tracked: this.#tracked, lastPid };
    const draft = draftUpdate(source);
    const text = fingerprint(draft);
    const newPids = lastPid < this.#sentPid ? Number.POSITIVE_INFINITY : lastPid - this.#sentPid;
    if (text === this.#sent && (newPids < NEW_PIDS_MAX || !this.#tree.hasRules)) return;
    // Before the first attachment there is nothing to tell.
    if (this.#sent === '' && this.#attachments.size === 0 && matched.length === 0) return;
    this.#sent = text;
    this.#sentPid = lastPid;
    this.#listed.begin(this.#isNews);
    this.#isNews = false;
    send(completeUpdate(draft, this.#listed));
  }
}
