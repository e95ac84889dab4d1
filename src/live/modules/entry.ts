/** A module of the running instance: what it was read as, whether it runs, and what it has counted. */
import { EXIT_USAGE, OperatingError } from '../../base/errors.ts';
import type { ModuleOptionReport, ModuleReport, ModuleState } from '../../control/modules.ts';
import type { ModuleCounters } from '../../core/modules/runnable.ts';
import type { AnyModule } from '../../modules/definition.ts';
import type { ModuleSpec, ModuleUse } from '../../spec/modules.ts';
import type { Life } from './life.ts';

/** Which module, and how. */
export interface ModuleAsk {
  readonly use: string;
  /** Where relative files start. */
  readonly folder: string;
  readonly run: 'user' | 'kernel' | null;
  readonly priority: number | null;
  readonly options: Readonly<Record<string, unknown>>;
}

/** A module as its file says, with its options. */
export interface ReadModule {
  readonly definition: AnyModule;
  readonly source: string;
  /** The name of its text in stacks; null: it is built in. */
  readonly text: string | null;
  /** Its name is the label of the file, which may be taken. */
  readonly spec: ModuleSpec;
  /** As create() gets them. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly optionReports: readonly ModuleOptionReport[];
  readonly budgetNs: number;
  /** As JSON; empty: all packets. */
  readonly interest: string;
}

/** The command or the module is wrong, and nothing has changed. */
export class ModuleError extends OperatingError {
  override readonly name = 'ModuleError';
  readonly code: 'not-found' | 'invalid';

  constructor(code: ModuleError['code'], message: string, hint = '') {
    super(EXIT_USAGE, message, hint);
    this.code = code;
  }
}

interface Sums {
  readonly packets: number;
  readonly dropped: number;
  readonly stolen: number;
  readonly errors: number;
}

const NONE: Sums = { packets: 0, dropped: 0, stolen: 0, errors: 0 };

export class ModuleEntry {
  readonly label: string;
  readonly ask: ModuleAsk;
  readonly read: ReadModule;
  /** Where the configuration names it; null: a command has loaded it. */
  declared: ModuleUse | null;
  readonly enabled: boolean;
  state: ModuleState;
  reason: string | null = null;
  /** It has stayed out since a new start, and its file has not been read. */
  isUnread = false;
  /** null: it does not run, or it runs in the kernel. */
  life: Life | null = null;
  /** What its earlier lives have counted. */
  past: Sums = NONE;
  private lastNsPerPacket = 0;

  constructor(label: string, ask: ModuleAsk, read: ReadModule, declared: ModuleUse | null, enabled: boolean) {
    this.label = label;
    this.ask = ask;
    this.read = read;
    this.declared = declared;
    this.enabled = enabled;
    this.state = enabled ? 'on' : 'off';
  }

  /** The same module, to live anew or no more. */
  next(more: {
    readonly enabled?: boolean;
    readonly read?: ReadModule;
    readonly declared?: ModuleUse | null;
    readonly label?: string;
  }): ModuleEntry {
    const { label, ask, read, declared, enabled } = { ...this, ...more };
    const next = new ModuleEntry(label, ask, read, declared, enabled);
    next.past = this.past;
    next.lastNsPerPacket = this.lastNsPerPacket;
    next.isUnread = this.isUnread && more.read === undefined;
    if (next.isUnread && enabled) {
      next.state = 'ejected';
      next.reason = this.reason;
    }
    return next;
  }

  get spec(): ModuleSpec {
    return { ...this.read.spec, name: this.label };
  }

  get isUserRun(): boolean {
    return this.read.spec.run === 'user';
  }

  /** Its life ends: what that has counted is kept. */
  keep(counters: ModuleCounters | undefined): void {
    if (counters === undefined) return;
    this.past = this.sumWith(counters);
    this.lastNsPerPacket = counters.nanosecondsPerPacket;
  }

  /** What it has counted in all, with these of now. */
  sumWith(counters: Partial<Sums> | undefined): Sums {
    return added(this.past, counters ?? {});
  }

  /** `counters`: of its life, or of the kernel; undefined if it has none. */
  report(counters: Partial<ModuleCounters> | undefined): ModuleReport {
    const { label, enabled, state, reason, read } = this;
    const { priority, hooks, run } = read.spec;
    const { packets, dropped, stolen, errors } = this.sumWith(counters);
    return {
      ...{ label, enabled, priority, hooks, packets, dropped, stolen },
      nanosecondsPerPacket: counters?.nanosecondsPerPacket ?? this.lastNsPerPacket,
      ...{ errors, state, reason, run },
      about: read.definition.about ?? '',
      interest: read.interest,
      heldPackets: counters?.held ?? 0,
      options: read.optionReports,
      source: read.source,
    };
  }
}

function added(a: Sums, b: Partial<Sums>): Sums {
  return {
    packets: a.packets + (b.packets ?? 0),
    dropped: a.dropped + (b.dropped ?? 0),
    stolen: a.stolen + (b.stolen ?? 0),
    errors: a.errors + (b.errors ?? 0),
  };
}
