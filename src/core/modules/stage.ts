/** Modules as the engine and the manager see them. */
import type { Itm } from '../../modules/api/module.ts';
import { type ModuleGuard, PLAIN_GUARD } from './guard.ts';
import type { ModuleCounters, RunnableModule } from './runnable.ts';

/** What the core does for a module. The rest of Itm is the world's. */
export type CoreItm = Pick<Itm, 'now' | 'every' | 'random' | 'accept' | 'drop'>;

export class ModuleStage {
  /** A module was taken out. */
  onEjected: (name: string, reason: string) => void = () => {};
  private list: readonly RunnableModule[] = [];
  private readonly guard: ModuleGuard;
  private nowNs = 0;

  constructor(guard: ModuleGuard = PLAIN_GUARD) {
    this.guard = guard;
  }

  /**
   * These modules are on from now on, in this order. Call it between two batches. A module that stays keeps its
   * counters and held packets; those of a module that goes are accepted.
   */
  use(list: readonly RunnableModule[], nowNs: number): void {
    this.list = list;
    this.nowNs = nowNs;
  }

  /** What the core does for the module of this name. Ask for it before create(). */
  itmFor(name: string): CoreItm {
    const isOn = (): boolean => this.list.some((one) => one.name === name);
    return {
      now: () => this.nowNs,
      every: () => () => {},
      random: () => 0,
      accept: () => void isOn(),
      drop: () => void isOn(),
    };
  }

  /** Of all modules, in their order. */
  counters(): readonly ModuleCounters[] {
    return this.list.map(({ name }) => ({
      name,
      packets: 0,
      dropped: 0,
      stolen: 0,
      held: 0,
      errors: 0,
      nanosecondsPerPacket: 0,
      state: 'on',
      reason: null,
    }));
  }

  /**
   * Runs other code of a module (create, onQuota, stop, onDevice) as its packets run: a module that throws or
   * does not return is taken out.
   */
  call(name: string, fn: () => void): void {
    try {
      if (!this.guard.run(fn)) this.onEjected(name, 'did not return within 100 ms');
    } catch (error) {
      this.onEjected(name, (error as Error).message);
    }
  }
}
