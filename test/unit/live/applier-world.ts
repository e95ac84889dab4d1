/** The surroundings of an applier for its tests. Rules and NFQUEUEs are pretended. */
import { EXIT_IMPOSSIBLE, OperatingError } from '../../../src/base/errors.ts';
import { type LoadedConfig, loadConfig } from '../../../src/config/config.ts';
import type { ApplyAnswer } from '../../../src/control/messages.ts';
import { Engine } from '../../../src/core/engine.ts';
import type { EditTrial } from '../../../src/io/nfqueue/edit-trial.ts';
import type { NfqueuePort, NfqueueSetup } from '../../../src/io/nfqueue/nfqueue.ts';
import {
  type InstalledRules,
  NO_NEIGHBOURS,
  RulesError,
  type RulesRequest,
} from '../../../src/io/rules/index.ts';
import { Applier } from '../../../src/live/applier.ts';
import { DeviceWatch } from '../../../src/live/device-watch.ts';
import { PacingGate } from '../../../src/live/pacing-gate.ts';
import type { RetiringNfqueues } from '../../../src/live/retiring.ts';
import { RulePlanner } from '../../../src/live/rule-planner.ts';
import { Running } from '../../../src/live/running.ts';
import { type BridgePorts, NO_PORTS, planQueues } from '../../../src/spec/queue-plan.ts';
import { SimPort } from '../../port/sim-port.ts';
import { modulesWorld } from './modules/modules-world.ts';

export const config = (text: string): LoadedConfig => loadConfig(text, 'x.yaml');
export const UP = 'up: { rate: 10mbit, classes: { a: { match: { dport: 1 } } } }';
export const ONE = config(`links: { wan: { device: wan0, ${UP} } }\nnfqueue: { count: 1 }`);
export const TWO = config(
  `links: { wan: { device: wan0, ${UP} }, dsl: { device: ppp0, down: 5mbit } }\nnfqueue: { count: 2 }`,
);

/** An instance that runs by ONE, and the steps that are taken. A step of `fails` fails. */
export function world(start = ONE, trial: EditTrial = { outcome: 'taken' }) {
  const steps: string[] = [];
  const fails = new Set<string>();
  const at = {
    ...{ isStopping: false, tracks: false, isReady: true, beforeRules: () => {} },
    ports: NO_PORTS as BridgePorts,
  };
  const step = (name: string): void => {
    steps.push(name);
    if (fails.has(name)) throw new RulesError('failed', `${name} failed`, 'a hint');
  };
  const shown = ({ count, lengthPackets, gso }: NfqueueSetup): string =>
    `NFQUEUEs: ${gso.map((flag) => (flag ? 'gso' : '-')).join(' ')}, ${count} of ${lengthPackets}`;
  const port = Object.assign(new SimPort({ keepTrace: true }), {
    setUp: (setup: NfqueueSetup) => step(shown(setup)),
  }) as unknown as NfqueuePort & SimPort;
  const plan = planQueues(start.spec);
  const engine = new Engine(start.spec, { seed: 1, plan });
  const devices = new DeviceWatch({
    engine,
    events: { onLinks: () => undefined },
    onChange: () => undefined,
    onDown: () => undefined,
    indexOf: (device) => (device === 'wan0' ? 1 : null),
  });
  const running = new Running({
    ...{ engine, port, devices, nowNs: () => 0 },
    nfqueues: () => ({ open: [], closedDrops: { queueFull: 0, socketFull: 0 } }),
    socketCounters: () => ({ truncated: 0, malformed: 0, sendErrors: 0, verdictErrors: 0 }),
    warnings: () => [],
  });
  let request: RulesRequest = { plan, nfqueue: start.spec.nfqueue };
  const rules = {
    get request() {
      return request;
    },
    get tracksConnections() {
      return at.tracks;
    },
    change: async (to: RulesRequest) => {
      at.beforeRules();
      const from = request;
      step(`rules: ${to.plan.directions.map(({ device, nfqueue }) => `${device}>${nfqueue}`).join(' ')}`);
      request = to;
      return {
        finish: async () => step('rules finished'),
        undo: async () => {
          request = from;
          step('rules undone');
        },
      };
    },
  } as unknown as InstalledRules;
  const { manager: modules, files } = modulesWorld({
    apply: (draft) => applier.changeModules(draft),
  });
  files.set('a', { label: 'a', hooks: ['forward'], create: () => ({}) });
  const applier = new Applier({
    ...{ running, port, modules, config: start, pacing: new PacingGate(trial) },
    planner: new RulePlanner(
      'nft',
      NO_NEIGHBOURS,
      { warn: (line) => steps.push(`warning: ${line}`) },
      {
        ...{ ecn: true, dscp: true, connectionMarks: true },
      },
    ),
    retiring: { use: (count: number) => steps.push(`uses ${count}`) } as unknown as RetiringNfqueues,
    rules: () => (at.isReady ? rules : null),
    checkDevices: (links) => {
      if (links.some(({ device }) => device === 'none')) {
        throw new OperatingError(
          EXIT_IMPOSSIBLE,
          'device none of link x does not exist',
          'devices here: wan0',
        );
      }
    },
    findPorts: async () => at.ports,
    isStopping: () => at.isStopping,
    onApplied: ({ logLevel }, _, isPlanNew) =>
      steps.push(`applied, level ${logLevel}${isPlanNew ? ', new plan' : ''}`),
    warn: (message) => steps.push(`warning: ${message}`),
  });
  const apply = (to: LoadedConfig, isSpecSame = false): Promise<ApplyAnswer> =>
    applier.apply({
      config: to,
      base: { text: '', file: '/m/x.yaml' },
      folder: '/m',
      renamed: new Map(),
      isSpecSame,
    });
  const paths = (): string[] => engine.classes.map(({ path }) => path);
  const follow = (ports: BridgePorts): Promise<void> => applier.followPorts(ports);
  return { apply, follow, modules, files, steps, fails, at, running, paths, engine, request: () => request };
}
