/**
 * Modules in a virtual world: what the manager of a running instance does for them. They are there from
 * the start to the end of the run. Packets of the world pass the machine from one device to the other, so
 * they come by prerouting, forward and postrouting.
 */

import { thrownText } from '../../base/short-text.ts';
import { ClassCounterReader } from '../../core/class-counters.ts';
import { type ModuleGuard, PLAIN_GUARD } from '../../core/modules/guard.ts';
import { checkPacket } from '../../core/modules/row-bytes.ts';
import type { RunnableModule } from '../../core/modules/runnable.ts';
import type {
  Classes,
  DeviceChange,
  Itm,
  ModuleInstance,
  ModuleLogger,
  QuotaHost,
  QuotaState,
} from '../../modules/api/module.ts';
import type { Hook } from '../../modules/api/packet.ts';
import { type AnyModule, budgetNsOf, instanceFault } from '../../modules/definition.ts';
import { moduleLogLine } from '../../modules/log-line.ts';
import type { ModuleSpec } from '../../spec/modules.ts';
import type { ShaperSpec } from '../../spec/spec.ts';
import type { World } from '../world/world.ts';

/** A module that is on, user-run. */
export interface SimulatedModule {
  /** As the configuration or the command line names it. */
  readonly use: string;
  readonly definition: AnyModule;
  readonly options: Readonly<Record<string, unknown>>;
  readonly spec: ModuleSpec;
}

export interface LogEntry {
  readonly label: string;
  readonly level: keyof ModuleLogger;
  readonly fields: object;
  readonly message: string;
  /** Of the world. */
  readonly atNs: number;
}

type ClassValues = Parameters<Classes['set']>[1];

export interface ModulesOptions {
  /** In the order in which packets pass them. */
  readonly modules: readonly SimulatedModule[];
  /** The specification after `shaper set`. Throws Error with the message that it would print. */
  readonly setClass: (path: string, values: ClassValues) => ShaperSpec;
  readonly log: (entry: LogEntry) => void;
  /** Ends what does not return; without one modules are trusted to. */
  readonly guard?: ModuleGuard;
}

/** What a module came to in a run. */
export interface ModuleResult {
  readonly label: string;
  readonly priority: number;
  readonly hooks: readonly Hook[];
  readonly packets: number;
  readonly dropped: number;
  readonly stolen: number;
  /** Packets that it held at the end. */
  readonly held: number;
  readonly injected: number;
  readonly errors: number;
  readonly state: 'on' | 'off' | 'ejected';
  /** Why it was ejected; null if it was not. */
  readonly reason: string | null;
}

/** create() of a module failed. */
export class ModuleStartError extends Error {
  override readonly name = 'ModuleStartError';
}

const MTU = 1500;

interface Life {
  readonly module: SimulatedModule;
  readonly instance: ModuleInstance;
}

/** The specification with the modules that are on. */
export function withModules(spec: ShaperSpec, options: ModulesOptions | undefined): ShaperSpec {
  return options === undefined ? spec : { ...spec, modules: options.modules.map((module) => module.spec) };
}

/** Begins their lives. @throws ModuleStartError */
export function modulesOf(world: World, options: ModulesOptions | undefined): WorldModules | null {
  return options === undefined || options.modules.length === 0 ? null : new WorldModules(world, options);
}

export class WorldModules {
  private readonly world: World;
  private readonly options: ModulesOptions;
  private readonly counters: ClassCounterReader;
  private readonly lives: Life[] = [];
  private readonly injected = new Map<string, number>();
  private isOver = false;

  /** Begins the lives of all of them, at the instant of the world. @throws ModuleStartError */
  constructor(world: World, options: ModulesOptions) {
    this.world = world;
    this.options = options;
    this.counters = new ClassCounterReader(world.engine);
    const { modules } = world.engine;
    for (const module of options.modules) this.lives.push({ module, instance: this.create(module) });
    modules.use(this.lives.map(runnable), world.nowNs);
    // Timers may be due before the first packet comes.
    world.port.arm(world.nowNs);
  }

  /** Tells modules of a host whose state with a quota has changed. `names` are those that the quota names. */
  tellQuota(names: readonly string[], host: QuotaHost, quota: string, state: QuotaState): void {
    for (const { module, instance } of this.lives) {
      const { name } = module.spec;
      if (instance.onQuota === undefined || !(names.includes(name) || names.includes(module.use))) continue;
      this.world.engine.modules.call(name, () => instance.onQuota?.(host, quota, state));
    }
  }

  /** The run is over. What modules do from now on has no effect. */
  end(): ModuleResult[] {
    const { modules } = this.world.engine;
    const counters = new Map(modules.counters().map((one) => [one.name, one]));
    for (const { module, instance } of this.isOver ? [] : this.lives)
      if (counters.get(module.spec.name)?.state === 'on' && instance.stop !== undefined)
        modules.call(module.spec.name, () => instance.stop?.());
    this.isOver = true;
    return this.lives.map(({ module: { spec } }) => {
      const { name: label, priority, hooks } = spec;
      const { packets, dropped, stolen, held, errors, state, reason } = counters.get(label)!;
      const injected = this.injected.get(label) ?? 0;
      return { label, priority, hooks, packets, dropped, stolen, held, injected, errors, state, reason };
    });
  }

  private create({ definition, options, spec: { name } }: SimulatedModule): ModuleInstance {
    const itm = this.itmFor(name);
    const guard = this.options.guard ?? PLAIN_GUARD;
    let instance: unknown;
    let hasReturned = true;
    try {
      hasReturned = guard.run(() => {
        instance = definition.create?.(itm, { ...options });
      });
    } catch (error) {
      throw new ModuleStartError(`${name}: create() throws: ${thrownText(error)}`, { cause: error });
    }
    if (!hasReturned) throw new ModuleStartError(`${name}: create() has not returned within 100 ms`);
    const fault = instanceFault(instance);
    if (fault === null) return instance as ModuleInstance;
    throw new ModuleStartError(`${name}: create() ${fault}`);
  }

  private itmFor(label: string): Itm {
    return {
      label,
      ...this.world.engine.modules.itmFor(label),
      inject: (bytes) => this.inject(label, bytes),
      classes: {
        get: (path) => this.counters.get(path),
        set: (path, values) => this.set(path, values),
      },
      log: this.loggerOf(label),
      onDevice: (run) => {
        for (const device of this.devices()) run(device);
      },
      mtuOf: () => MTU,
    };
  }

  private inject(label: string, bytes: Uint8Array): void {
    if (this.isOver) return;
    checkPacket(bytes, bytes.length > 0 ? bytes[0] >> 4 : 0);
    this.world.inject(bytes);
    this.injected.set(label, (this.injected.get(label) ?? 0) + 1);
  }

  /** In force when the batch has ended that is under way; the promise resolves then. */
  private set(path: string, values: ClassValues): Promise<void> {
    if (this.isOver) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.world.afterBatch(() => {
        try {
          this.world.reconfigure(withModules(this.options.setClass(path, values), this.options));
          resolve();
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  private loggerOf(label: string): ModuleLogger {
    const logAs =
      (level: keyof ModuleLogger) =>
      (first: unknown, text?: unknown): void =>
        this.options.log({ label, level, ...moduleLogLine(first, text), atNs: this.world.nowNs });
    return { debug: logAs('debug'), info: logAs('info'), warn: logAs('warn'), error: logAs('error') };
  }

  private devices(): DeviceChange[] {
    return this.world.engine.intake.devices.map((name, i) => ({ name, ifIndex: i + 1, mtu: MTU }));
  }
}

function runnable({ module: { spec, definition }, instance }: Life): RunnableModule {
  return { ...spec, budgetNs: budgetNsOf(definition), instance };
}
