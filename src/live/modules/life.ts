/** A life of a module: from create() to stop(), with what the shaper does for it meanwhile. */
import type { Logger } from 'pino';
import type { ModuleGuard } from '../../core/modules/guard.ts';
import type { ModuleStage } from '../../core/modules/stage.ts';
import type { Classes, DeviceChange, Itm, ModuleInstance, ModuleLogger } from '../../modules/api/module.ts';
import { instanceFault } from '../../modules/definition.ts';
import { moduleLogLine } from '../../modules/log-line.ts';
import { type ModuleEntry, ModuleError } from './entry.ts';
import { ModuleCallError } from './faults.ts';
import { guarded } from './guarded.ts';

/** A module that has stopped waits for ever. */
const NEVER = new Promise<never>(() => undefined);

/** What only a real machine has for modules. */
export interface ModuleWorld {
  readonly stage: Pick<ModuleStage, 'itmFor' | 'call'>;
  readonly guard: ModuleGuard;
  readonly logger: Logger;
  /** Throws TypeError if the bytes are no IP packet. */
  readonly inject: (bytes: Uint8Array) => void;
  /** The classes as this module reaches them. */
  readonly classesFor: (label: string) => Classes;
  readonly devices: {
    /** Tells of every device, and then of changes. Returns the function that ends it. */
    listen(run: (change: DeviceChange) => void): () => void;
    mtuOf(device: string): number;
  };
}

export class Life {
  readonly instance: ModuleInstance;
  private readonly label: string;
  private readonly world: ModuleWorld;
  private readonly endings: (() => void)[] = [];
  private isOver = false;

  /** Calls create(). Throws ModuleError if that throws, does not return, or returns nothing to call. */
  constructor({ label, read: { definition, options, source } }: ModuleEntry, world: ModuleWorld) {
    this.label = label;
    this.world = world;
    const itm = this.itm();
    const create = (): ModuleInstance => definition.create!(itm, { ...options });
    this.instance = {};
    let instance: unknown;
    let wrong: string | null = null;
    const fault = guarded(world.guard, label, () => {
      instance = create();
      wrong = instanceFault(instance);
    });
    const reason = fault ?? wrong;
    if (reason === null) {
      this.instance = instance as ModuleInstance;
      return;
    }
    this.end();
    throw new ModuleError('invalid', `${source}: create() ${reason}`, 'mend the module, and load it again');
  }

  /** Timers end, then stop() is called. What the module does afterwards has no effect. Returns its fault. */
  stop(): string | null {
    if (this.isOver) return null;
    for (const end of this.endings.splice(0)) end();
    const { instance, label, world } = this;
    const fault = instance.stop === undefined ? null : guarded(world.guard, label, () => instance.stop!());
    this.end();
    return fault === null ? null : `stop() ${fault}`;
  }

  private end(): void {
    this.isOver = true;
    for (const end of this.endings.splice(0)) end();
  }

  private itm(): Itm {
    const { label, world, endings } = this;
    const { stage, devices, logger } = world;
    const core = stage.itmFor(label);
    const classes = world.classesFor(label);
    const unlessOver = (act: () => void): void => {
      if (!this.isOver) act();
    };
    const log = (level: keyof ModuleLogger) => (first: unknown, text?: unknown) =>
      unlessOver(() => {
        const { fields, message } = moduleLogLine(first, text);
        logger[level]({ ...fields, module: label }, message);
      });
    return {
      label,
      now: () => core.now(),
      random: () => core.random(),
      every: (ms, run) => {
        if (this.isOver) return () => undefined;
        const end = core.every(ms, run);
        endings.push(end);
        return end;
      },
      accept: (handle) => unlessOver(() => core.accept(handle)),
      drop: (handle) => unlessOver(() => core.drop(handle)),
      inject: (bytes) => unlessOver(() => world.inject(bytes)),
      classes: {
        get: (path) => classes.get(path),
        set: (path, values) =>
          this.isOver
            ? NEVER
            : classes.set(path, values).catch((error: Error) => {
                throw new ModuleCallError(label, error.message);
              }),
      },
      log: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
      onDevice: (run) =>
        unlessOver(() => {
          let isFirst = true;
          const tell = (change: DeviceChange): void =>
            isFirst ? run(change) : void stage.call(label, () => run(change));
          endings.push(devices.listen(tell));
          isFirst = false;
        }),
      mtuOf: (device) => devices.mtuOf(device),
    };
  }
}
