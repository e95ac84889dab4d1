/** The guard of modules, whose thread watches only while code of others may run. */
import type { ModuleGuard } from '../../core/modules/guard.ts';
import { type LiveGuard, startGuard } from '../../io/modules/guard.ts';

export class GuardOnDemand implements ModuleGuard {
  readonly owner = new Uint32Array(new ArrayBuffer(4));
  /** Whose code runs, by number. 0 is nobody. */
  readonly owners: string[] = [''];
  /** Another module has a number. */
  onOwner: () => void = () => {};
  private readonly startOne: (owner: ArrayBuffer) => LiveGuard;
  private guard: LiveGuard | null = null;
  private isArmed = false;
  private isStopping = false;

  constructor(start: (owner: ArrayBuffer) => LiveGuard = startGuard) {
    this.startOne = start;
  }

  run(run: () => void): boolean {
    return this.running().run(run);
  }

  cpuNs(): number {
    return this.running().cpuNs();
  }

  numberOf(label: string): number {
    const known = this.owners.indexOf(label);
    if (known >= 0) return known;
    const number = this.owners.push(label) - 1;
    this.onOwner();
    return number;
  }

  /** From now on, and for good, the event loop is watched too: a new start is told the text. */
  arm(text: string): void {
    if (this.isStopping) return;
    this.isArmed = true;
    this.running().arm(text);
  }

  /** The instance stops: if a module keeps it from that, the process ends. */
  stopping(): void {
    this.isStopping = true;
    this.guard?.stopping();
  }

  /** Nobody watches until the next run, unless modules may have left timers or sockets. */
  rest(): void {
    if (!this.isArmed) this.close();
  }

  close(): void {
    this.guard?.close();
    this.guard = null;
  }

  private running(): LiveGuard {
    this.guard ??= this.startOne(this.owner.buffer as ArrayBuffer);
    return this.guard;
  }
}
