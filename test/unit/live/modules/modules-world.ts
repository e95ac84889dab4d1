/** Modules of an instance that is pretended: definitions in the place of files, and no packets. */
import { basename } from 'node:path';
import pino from 'pino';
import { loadConfig } from '../../../../src/config/config.ts';
import { readOptions, reportOptions } from '../../../../src/config/modules/options.ts';
import { moduleSpecOf } from '../../../../src/config/modules/spec.ts';
import { Engine } from '../../../../src/core/engine.ts';
import { PLAIN_GUARD } from '../../../../src/core/modules/guard.ts';
import { type ModuleAsk, ModuleError, type ReadModule } from '../../../../src/live/modules/entry.ts';
import { type ManagerWorld, ModuleManager } from '../../../../src/live/modules/manager.ts';
import type { DeviceChange, ModuleDefinition } from '../../../../src/modules/api/module.ts';
import { type AnyModule, budgetNsOf } from '../../../../src/modules/definition.ts';
import type { ModuleUse } from '../../../../src/spec/modules.ts';

/** A definition, in the place of the text of a file. */
export type Written = ModuleDefinition<never> & { readonly options?: AnyModule['options'] };

const SPEC = loadConfig('links: { w: { device: w, up: 1mbit } }', 'x.yaml').spec;

export function useOf(name: string, more: Partial<ModuleUse> = {}): ModuleUse {
  return { use: name, run: null, priority: 100, options: {}, enabled: true, line: 1, ...more };
}

export function modulesWorld(more: Partial<ManagerWorld> = {}) {
  /** By the name of the file. */
  const files = new Map<string, Written>();
  const events: string[] = [];
  const lines: object[] = [];
  const reads: string[] = [];
  const logger = pino(
    { level: 'debug', base: null, timestamp: false },
    {
      write: (line: string) => lines.push(JSON.parse(line) as object),
    },
  );
  const read = async (ask: ModuleAsk): Promise<ReadModule> => {
    const name = basename(ask.use);
    reads.push(name);
    const definition = files.get(name) as AnyModule | undefined;
    if (definition === undefined) throw new ModuleError('invalid', `${ask.use}: there is no such file`);
    const options = readOptions(definition, ask.options);
    const how = { run: ask.run, priority: ask.priority ?? 100 };
    const context = { hosts: SPEC.hosts, ownMarkMask: 0, accounts: null };
    const spec = moduleSpecOf(definition, definition.label, how, options, context);
    const optionReports = reportOptions(definition, options);
    const budgetNs = budgetNsOf(definition);
    return {
      definition,
      source: `/m/${name}`,
      text: null,
      spec,
      options,
      optionReports,
      budgetNs,
      interest: '',
    };
  };
  const manager = new ModuleManager({
    ...{ read, logger },
    tell: ({ label, action, reason }) => events.push(`${label} ${action}${reason ? `: ${reason}` : ''}`),
  });
  const { modules: stage } = new Engine(SPEC, { seed: 1 });
  const used: string[][] = [];
  const toStage = stage.use.bind(stage);
  stage.use = (list, nowNs) => {
    used.push(list.map(({ name }) => name));
    toStage(list, nowNs);
  };
  const listeners = new Set<(change: DeviceChange) => void>();
  const world: ManagerWorld = {
    ...{ stage, guard: PLAIN_GUARD, nowNs: () => 0, kernelCounts: async () => new Map() },
    onLiving: () => undefined,
    inject: () => undefined,
    classesFor: () => ({ get: () => null, set: async () => undefined }),
    devices: {
      listen: (run) => {
        listeners.add(run);
        run({ name: 'lo', ifIndex: 1, mtu: 65_536 });
        return () => void listeners.delete(run);
      },
      mtuOf: () => 1500,
      look: () => undefined,
    },
    apply: async (plan) => {
      const draft = plan();
      await manager.begin(draft);
      manager.commit(draft);
    },
    ...more,
  };
  manager.connect(world);
  return { manager, files, events, lines, reads, used, stage, listeners };
}
