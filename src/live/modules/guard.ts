/** The guard of modules, whose thread watches only while there are any. */
import type { ModuleGuard } from '../../core/modules/guard.ts';
import { type LiveGuard, startGuard } from '../../io/modules/guard.ts';

export class GuardOnDemand implements ModuleGuard {
  private readonly startOne: () => LiveGuard;
  private guard: LiveGuard | null = null;

  constructor(start: () => LiveGuard = startGuard) {
    this.startOne = start;
  }

  run(run: () => void): boolean {
    this.guard ??= this.startOne();
    return this.guard.run(run);
  }

  cpuNs(): number {
    this.guard ??= this.startOne();
    return this.guard.cpuNs();
  }

  /** Nobody watches until the next run. */
  rest(): void {
    this.guard?.close();
    this.guard = null;
  }
}
