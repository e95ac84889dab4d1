/**
 * The modules of a running instance. A change of them is a draft of the whole list, which the applier brings
 * into force as it does with a configuration:
 *
 *     draft     the list as it shall be; files have been read
 *     begin     create() of those that come: it may throw, and all is as before then
 *     rules     bring up what those that are on want to meet
 *     commit    between two batches: stop() of those that go, and the core has the new list
 *
 * A module that the core has ejected is off at once. Its rules go with a change that follows.
 */
import type { Logger } from 'pino';
import { EXIT_FAILED, OperatingError } from '../../base/errors.ts';
import { type ModuleAnswer, type ModuleCommand, type ModuleReport, wholeUse } from '../../control/modules.ts';
import type { ModuleCounters, RunnableModule } from '../../core/modules/runnable.ts';
import type { ModuleStage } from '../../core/modules/stage.ts';
import type { KernelCounts } from '../../io/rules/index.ts';
import type { ModuleUse } from '../../spec/modules.ts';
import type { ShaperSpec } from '../../spec/spec.ts';
import { type ModuleAsk, ModuleEntry, ModuleError, type ReadModule } from './entry.ts';
import { NamedFault } from './faults.ts';
import { Life, type ModuleWorld } from './life.ts';
import { readAgain, readAt, refusalOf } from './refusals.ts';
import {
  changesOf,
  checkOrder,
  countersByName,
  draftOf,
  entryOf,
  freeLabel,
  inOrder,
  isSameUses,
  type ModulesDraft,
  specsOf,
  useOfEntry,
} from './roster.ts';
import { tellQuota } from './tell-quota.ts';
import { withdrawRules } from './withdrawal.ts';

/** Brings a draft into force. `plan` is called when it is its turn. Rejects, and all is as before then. */
export type ApplyModules = (plan: () => ModulesDraft) => Promise<void>;

export interface ManagerOptions {
  /** Rejects with OperatingError if the module cannot be used so. */
  readonly read: (ask: ModuleAsk) => Promise<ReadModule>;
  readonly logger: Logger;
  /** Tells those who watch. */
  readonly tell: (event: {
    readonly label: string;
    readonly action: string;
    readonly reason?: string;
  }) => void;
}

/** What there is only when the engine is made. */
export interface ManagerWorld extends Omit<ModuleWorld, 'logger' | 'stage' | 'devices'> {
  readonly stage: ModuleStage;
  readonly devices: ModuleWorld['devices'] & { look(): void };
  readonly nowNs: () => number;
  readonly apply: ApplyModules;
  /** What these kernel-run modules have had, by label. */
  readonly kernelCounts: (labels: readonly string[]) => Promise<ReadonlyMap<string, KernelCounts>>;
  /** Whether any module of this thread lives from now on. */
  readonly onLiving: (isAny: boolean) => void;
}

/** Of the log, when a module is taken out. */
export const EJECTED = 'module ejected: its packets pass without it';

export class ModuleManager {
  private readonly options: ManagerOptions;
  private world: ManagerWorld | null = null;
  private entries: readonly ModuleEntry[] = [];
  /** Their create() was called, and the draft that has them is not in force yet. */
  private coming: readonly ModuleEntry[] = [];
  private uses: readonly ModuleUse[] = [];
  private isStopping = false;

  constructor(options: ManagerOptions) {
    this.options = options;
  }

  /** From now on modules can run. */
  connect(world: ManagerWorld): void {
    this.world = world;
    world.stage.onEjected = (name, reason) => this.ejected(name, reason);
  }

  /** The kernel has told of a device. */
  lookAtDevices(): void {
    this.world?.devices.look();
  }

  /** The list as it is. */
  get current(): ModulesDraft {
    return { entries: this.entries, uses: this.uses };
  }

  /** All whose code may run. While a module is reloaded, it is there twice. */
  get alive(): readonly ModuleEntry[] {
    return [...this.coming, ...this.entries];
  }

  /** All that are there, as a configuration would name them: `save` writes them so. */
  get present(): readonly ModuleUse[] {
    return this.entries.map(useOfEntry);
  }

  /**
   * The list by this `modules:` of the configuration, whose relative files start at `folder`. Reads the files
   * of new ones.
   */
  async draft(written: readonly ModuleUse[], folder: string): Promise<ModulesDraft> {
    const uses = written.map((use) => ({ ...use, use: wholeUse(use.use, folder) }));
    if (isSameUses(this.uses, uses)) return this.current;
    const { read } = this.options;
    const draft = await draftOf(
      uses,
      this.entries,
      (use) => readAt(use, () => read({ ...use, folder })),
      folder,
    );
    checkOrder(draft);
    return draft;
  }

  /** A specification with the modules of the draft. */
  admit(spec: ShaperSpec, draft: ModulesDraft): ShaperSpec {
    return { ...spec, modules: specsOf(draft) };
  }

  /** The list of an instance that has started anew. `make` is given what reads a module. */
  async takeOver(make: (read: ManagerOptions['read']) => Promise<readonly ModuleEntry[]>): Promise<void> {
    this.entries = await make(this.options.read);
  }

  /**
   * The first list of the instance. Throws ModuleError, or ejects a module that cannot be created if the
   * instance has started anew: packets need it more.
   */
  start(draft: ModulesDraft, isAnew = false): void {
    this.enliven(draft, isAnew);
    this.commit(draft);
  }

  /** Calls create() of the modules that come. Rejects with ModuleError, and none of them lives then. */
  async begin(draft: ModulesDraft): Promise<void> {
    await this.keepKernelCounts(draft);
    this.enliven(draft);
  }

  /** The kernel forgets what it has counted for modules that go. */
  private async keepKernelCounts({ entries }: ModulesDraft): Promise<void> {
    const going = this.entries.filter(
      (entry) => !entry.isUserRun && entry.state === 'on' && !entries.includes(entry),
    );
    const counts = await this.worldNow().kernelCounts(going.map(({ label }) => label));
    for (const entry of going) {
      const next = entries.find(({ label }) => label === entry.label);
      if (next !== undefined) next.past = entry.sumWith(counts.get(entry.label));
    }
  }

  private enliven(draft: ModulesDraft, isAnew = false): void {
    const { logger } = this.options;
    const world = this.worldNow();
    const coming = draft.entries.filter(
      ({ state, isUserRun, life }) => state === 'on' && isUserRun && life === null,
    );
    // What create() begins may throw before the rules are in force.
    this.coming = coming;
    for (const entry of coming) {
      try {
        entry.life = new Life(entry, { ...world, logger });
      } catch (error) {
        if (!isAnew || !(error instanceof ModuleError)) {
          this.discard(draft);
          throw error;
        }
        this.leaveOut([entry], error.message);
      }
    }
  }

  /** The draft does not come into force: what has begun of it ends. */
  discard({ entries }: ModulesDraft): void {
    this.coming = [];
    for (const entry of entries) if (!this.entries.includes(entry)) this.end(entry);
  }

  /** The draft is in force from now on. Call it between two batches. */
  commit(draft: ModulesDraft): void {
    const { stage, nowNs, onLiving } = this.worldNow();
    const before = this.entries;
    const counters = countersByName(stage);
    for (const entry of before) {
      if (draft.entries.includes(entry) && entry.state === 'on') continue;
      const next = draft.entries.find(({ label }) => label === entry.label);
      if (entry.life !== null || entry.state === 'ejected') {
        entry.keep(counters.get(entry.label));
        if (next !== undefined) next.past = entry.past;
      }
      this.end(entry);
    }
    this.entries = draft.entries;
    this.coming = [];
    this.uses = draft.uses;
    for (const [entry, use] of draft.adopted ?? []) entry.declared = use;
    const living = this.runnables();
    stage.use(living, nowNs());
    onLiving(living.length > 0);
    for (const { label, action, isOff } of changesOf(before, draft.entries)) {
      this.options.logger.info({ module: label }, `module ${action}${isOff ? ', off' : ''}`);
      this.options.tell({ label, action });
    }
  }

  /** A module has thrown where nobody waited for it: it is taken out. */
  fault(label: string, reason: string): void {
    this.world?.stage.call(label, () => {
      throw new NamedFault(reason);
    });
  }

  /** The instance stops: every module does. Packets that they hold are accepted. */
  stop(): void {
    this.isStopping = true;
    const { world } = this;
    if (world === null) return;
    for (const entry of this.entries) this.end(entry);
    world.stage.use([], world.nowNs());
    world.onLiving(false);
  }

  /** What is wrong now, as sentences. */
  get warnings(): readonly string[] {
    return this.entries
      .filter(({ state }) => state === 'ejected')
      .map(({ label, reason }) => `module ${label} was ejected: ${reason}`);
  }

  /** Does it, or says why not. */
  async answer(command: ModuleCommand): Promise<ModuleAnswer> {
    try {
      return { ok: true, modules: await this.carryOut(command) };
    } catch (error) {
      return refusalOf(error, this.isStopping);
    } finally {
      // A module that was refused may have run.
      if (command.do !== 'list') this.world?.onLiving(this.runnables().length > 0);
    }
  }

  private async carryOut(command: ModuleCommand): Promise<readonly ModuleReport[]> {
    if (command.do === 'list') return this.reports(this.entries);
    if (command.do === 'stat') return this.reports([entryOf(this.entries, command.name)]);
    if (command.do === 'quota') {
      tellQuota(command, this.entries, this.worldNow().stage);
      return [];
    }
    if (command.do === 'load') return this.load(command);
    const { name } = command;
    if (command.do === 'reload') return this.reload(name);
    if (command.do === 'on' || command.do === 'off') return this.turn(name, command.do === 'on');
    const [was] = await this.reports([entryOf(this.entries, name)]);
    await this.change((entries) => {
      const gone = entryOf(entries, name);
      return entries.filter((entry) => entry !== gone);
    });
    return [was!];
  }

  private async load(ask: ModuleAsk): Promise<readonly ModuleReport[]> {
    const read = await this.options.read(ask);
    let label = '';
    await this.change((entries) => {
      label = freeLabel(read.spec.name, entries);
      const { folder, run, priority, options } = ask;
      const whole = { use: wholeUse(ask.use, folder), folder, run, priority, options };
      return [...entries, new ModuleEntry(label, whole, read, null, true)];
    });
    return this.reports([entryOf(this.entries, label)]);
  }

  private async reload(name: string): Promise<readonly ModuleReport[]> {
    const old = entryOf(this.entries, name);
    const read = await readAgain(old, () => this.options.read(old.ask));
    return this.replace(name, (entry) => entry.next({ read }));
  }

  private async turn(name: string, enabled: boolean): Promise<readonly ModuleReport[]> {
    const old = entryOf(this.entries, name);
    if (old.isUnread && enabled) {
      const read = await readAgain(old, () => this.options.read(old.ask));
      return this.replace(name, (entry) => entry.next({ read, enabled }));
    }
    return this.replace(name, (entry) => {
      const isSo = enabled ? entry.state === 'on' : entry.state === 'off';
      return isSo ? entry : entry.next({ enabled });
    });
  }

  private async replace(
    name: string,
    next: (entry: ModuleEntry) => ModuleEntry,
  ): Promise<readonly ModuleReport[]> {
    await this.change((entries) => {
      const old = entryOf(entries, name);
      return entries.map((entry) => (entry === old ? next(entry) : entry));
    });
    return this.reports([entryOf(this.entries, name)]);
  }

  private change(next: (entries: readonly ModuleEntry[]) => readonly ModuleEntry[]): Promise<void> {
    return this.worldNow().apply(() => {
      const draft = { entries: next(this.entries), uses: this.uses };
      checkOrder(draft);
      return draft;
    });
  }

  private async reports(entries: readonly ModuleEntry[]): Promise<readonly ModuleReport[]> {
    const { world } = this;
    const inKernel = entries.filter((entry) => !entry.isUserRun && entry.state === 'on');
    const kernel = await world?.kernelCounts(inKernel.map(({ label }) => label));
    const counters = world === null ? new Map<string, ModuleCounters>() : countersByName(world.stage);
    return inOrder(entries).map((entry) => {
      const { label, isUserRun } = entry;
      return entry.report(isUserRun ? counters.get(label) : kernel?.get(label));
    });
  }

  /** The core has taken it out, in the middle of a batch. */
  private ejected(name: string, reason: string): void {
    // While it is reloaded there are two lives of it, and nobody knows which one it was.
    const lives = this.alive.filter(({ label, state }) => label === name && state === 'on');
    if (lives.length > 0 && !this.isStopping) this.leaveOut(lives, reason);
  }

  /** Lives of one module. */
  private leaveOut(lives: readonly ModuleEntry[], reason: string): void {
    for (const entry of lives) {
      entry.state = 'ejected';
      entry.reason = reason;
    }
    // Its stop() may take its time, and rules take theirs: packets come first.
    setImmediate(() => void this.withdraw(lives, reason));
  }

  private async withdraw(lives: readonly ModuleEntry[], reason: string): Promise<void> {
    const { label } = lives[0]!;
    const { logger, tell } = this.options;
    logger.error({ module: label, reason }, EJECTED);
    tell({ label, action: 'ejected', reason });
    for (const entry of lives) this.end(entry);
    const apply = (): Promise<void> => this.worldNow().apply(() => this.current);
    const error = await withdrawRules(apply, () => this.isStopping);
    const text = 'its packets still come here, and pass: the rules of the ejected module could not go';
    if (error !== null) logger.warn({ module: label, error }, text);
  }

  private end(entry: ModuleEntry): void {
    const fault = entry.life?.stop() ?? null;
    entry.life = null;
    if (fault !== null) this.options.logger.warn({ module: entry.label }, fault);
  }

  private runnables(): RunnableModule[] {
    return inOrder(this.entries)
      .filter(({ state, life }) => state === 'on' && life !== null)
      .map(({ spec, read: { budgetNs }, life }) => ({ ...spec, budgetNs, instance: life!.instance }));
  }

  private worldNow(): ManagerWorld {
    if (this.world) return this.world;
    throw new OperatingError(EXIT_FAILED, 'the instance is still starting', 'try again when it is ready');
  }
}
