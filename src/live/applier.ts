/**
 * Changes a running instance while packets flow: one configuration after the other, each as a whole or not
 * at all. A change of classes alone is a step of the engine between two batches. What else there is comes in
 * this order, so that every packet has its verdict and what is shaped before and after stays shaped in
 * between:
 *
 *     NFQUEUEs   open those that come, and read them
 *     rules      of iptables that come; then one transaction of nft
 *     engine     goes by the new specification
 *     rules      that nobody uses any more go
 *     NFQUEUEs   that nobody uses any more close, when nothing waits for them (retiring.ts)
 *
 * Until the engine has changed, each step can be taken back. Its own step cannot fail half way.
 */
import { invariant } from '../base/assert.ts';
import { equal } from '../base/equal.ts';
import { EXIT_FAILED, EXIT_USAGE, OperatingError } from '../base/errors.ts';
import type { LoadedConfig } from '../config/config.ts';
import type { AppliedConfig, ApplyAnswer, ApplyRefusal, ApplyRequest } from '../control/messages.ts';
import type { NfqueuePort, NfqueueSetup } from '../io/nfqueue/nfqueue.ts';
import { hex, type InstalledRules, type RulesRequest } from '../io/rules/index.ts';
import { ChangeRefusedError, type Edited } from '../spec/edit.ts';
import { matchedMarkBits } from '../spec/mark-choice.ts';
import { gsoOfBoth, withNfqueuesOf } from '../spec/plan-change.ts';
import type { BridgePorts, QueuePlan } from '../spec/queue-plan.ts';
import type { LinkSpec, ShaperSpec } from '../spec/spec.ts';
import type { ModuleManager } from './modules/manager.ts';
import type { ModulesDraft } from './modules/roster.ts';
import type { PacingGate } from './pacing-gate.ts';
import type { RetiringNfqueues } from './retiring.ts';
import type { InForce, RulePlanner } from './rule-planner.ts';
import type { Running } from './running.ts';

const NOTHING_RENAMED: Edited['renamed'] = new Map();
const RESTART = 'restart the instance with the new configuration';

const STOPPING: ApplyRefusal = {
  ...{ ok: false, code: 'stopping', where: '', message: 'the instance is stopping', hint: '' },
};

export interface ApplierOptions {
  readonly running: Running;
  readonly port: NfqueuePort;
  readonly planner: RulePlanner;
  readonly pacing: PacingGate;
  readonly modules: Pick<ModuleManager, 'current' | 'draft' | 'admit' | 'begin' | 'discard' | 'commit'>;
  readonly retiring: RetiringNfqueues;
  /** null until the start has installed them. */
  readonly rules: () => InstalledRules | null;
  /** By what the instance started. */
  readonly config: LoadedConfig;
  /** Throws OperatingError if a device of these links is missing or cannot be shaped. */
  readonly checkDevices: (links: readonly LinkSpec[]) => void;
  /** The ports of bridges among the devices. Throws OperatingError if one of `added` cannot be shaped. */
  readonly findPorts: (links: readonly LinkSpec[], added: readonly LinkSpec[]) => Promise<BridgePorts>;
  readonly isStopping: () => boolean;
  /** The configuration is in force, with NFQUEUEs or rules other than before if `isPlanNew`. */
  readonly onApplied: (config: AppliedConfig, request: RulesRequest, isPlanNew: boolean) => void;
  readonly warn: (message: string, fields: object) => void;
}

export class Applier {
  private readonly options: ApplierOptions;
  private turn: Promise<unknown> = Promise.resolve();

  constructor(options: ApplierOptions) {
    this.options = options;
  }

  /** Runs by another configuration from now on, or refuses and has changed nothing. */
  apply(request: ApplyRequest): Promise<ApplyAnswer> {
    const answer = this.turn.then(() => this.answer(request));
    this.turn = answer.catch(() => undefined);
    return answer;
  }

  private async answer(request: ApplyRequest): Promise<ApplyAnswer> {
    const { isStopping, running } = this.options;
    if (isStopping()) return STOPPING;
    try {
      const notes = await this.applyNow(request);
      return { ok: true, generation: running.generation, notes };
    } catch (error) {
      if (isStopping()) return STOPPING;
      if (error instanceof ChangeRefusedError) {
        const { where, reason, hint } = error;
        return { ok: false, code: 'restart', where, message: reason, hint };
      }
      if (!(error instanceof OperatingError)) throw error;
      const code = error.exitCode === EXIT_USAGE ? 'invalid' : 'failed';
      return { ok: false, code, where: '', message: error.message, hint: error.hint };
    }
  }

  /** Resolves with what the client should know. */
  private async applyNow({ config, folder, renamed, isSpecSame }: ApplyRequest): Promise<string[]> {
    const { running, planner, pacing, modules, checkDevices, findPorts, onApplied, warn } = this.options;
    const { now, rules } = this.inForce();
    const asked = this.checked(config);
    if (isSpecSame) {
      running.applySame();
      onApplied(config, now.request, false);
      return [];
    }
    const draft = await modules.draft(config.modules, folder);
    this.checkGoesOn();
    const spec = modules.admit(pacing.admit(asked), draft);
    const added = addedDirections(now.spec, spec);
    checkDevices(added);
    // The ports of all others are followed already.
    if (added.length > 0) {
      planner.ports = await findPorts(spec.links, added);
      this.checkGoesOn();
    }
    const wanted = await this.goTo({ spec, renamed }, draft, now, rules);
    onApplied(config, wanted, wanted !== now.request);
    const warning = pacing.settle(asked);
    if (warning !== null) warn(warning, {});
    return warning === null ? [] : [warning];
  }

  /** Other modules run from now on. Rejects with OperatingError, and all is as before then. */
  changeModules(plan: () => ModulesDraft): Promise<void> {
    const done = this.turn.then(() => this.changeModulesNow(plan));
    this.turn = done.catch(() => undefined);
    return done;
  }

  private async changeModulesNow(plan: () => ModulesDraft): Promise<void> {
    this.checkGoesOn();
    const { now, rules } = this.inForce();
    const draft = plan();
    const spec = this.options.modules.admit(now.spec, draft);
    // Clients have seen no other classes, so the generation stays.
    await this.goTo({ spec, renamed: NOTHING_RENAMED }, draft, now, rules, false);
  }

  /** Resolves with the rules that are in force then: the same object if they are the same rules. */
  private async goTo(
    edited: Edited,
    draft: ModulesDraft,
    now: InForce,
    rules: InstalledRules,
    isNewGeneration = true,
  ): Promise<RulesRequest> {
    const { running, planner, modules } = this.options;
    const { spec } = edited;
    const plan = await this.plan(spec, now);
    running.check(edited, plan);
    const { page } = await planner.page(spec, true);
    const isPageSame = equal(page, now.request.page);
    const isPlanSame =
      isPageSame &&
      equal(plan, now.request.plan) &&
      equal(spec.nfqueue, now.request.nfqueue) &&
      equal(spec.modules, now.spec.modules);
    const wanted = isPlanSame ? now.request : await planner.request(spec, plan, now);
    this.checkGoesOn();
    const step = (to?: QueuePlan): void => {
      running.applySpec(edited, to, isNewGeneration);
      modules.commit(draft);
    };
    try {
      await modules.begin(draft);
      this.checkGoesOn();
      if (isPlanSame) step();
      else await this.change(step, wanted, rules);
    } catch (error) {
      modules.discard(draft);
      throw error;
    }
    return wanted;
  }

  private inForce(): { readonly now: InForce; readonly rules: InstalledRules } {
    const rules = this.rulesInForce();
    const { request, tracksConnections } = rules;
    return { now: { spec: this.options.running.spec, request, tracksConnections }, rules };
  }

  private async plan(spec: ShaperSpec, now: InForce): Promise<QueuePlan> {
    const { planner } = this.options;
    let plan = planner.next(spec, now);
    if (plan === null) {
      await planner.learn(spec, now);
      this.checkGoesOn();
      plan = planner.next(spec, now);
    }
    invariant(plan !== null, 'abilities that were tried are known');
    return plan;
  }

  /**
   * Shapes these ports at their bridges from now on, and all other devices by the rules for IP. Rejects with
   * OperatingError, and all is as before then.
   */
  followPorts(ports: BridgePorts): Promise<void> {
    const done = this.turn.then(() => this.follow(ports));
    this.turn = done.catch(() => undefined);
    return done;
  }

  private async follow(ports: BridgePorts): Promise<void> {
    const { isStopping, running, planner } = this.options;
    const rules = this.options.rules();
    if (isStopping() || rules === null) return;
    const { spec } = running;
    const before = planner.ports;
    planner.ports = ports;
    try {
      const now = { spec, request: rules.request, tracksConnections: rules.tracksConnections };
      const plan = await this.plan(spec, now);
      if (equal(plan, now.request.plan)) return;
      const wanted = await planner.request(spec, plan, now);
      this.checkGoesOn();
      await this.change((to) => running.applySpec({ spec, renamed: NOTHING_RENAMED }, to), wanted, rules);
    } catch (error) {
      planner.ports = before;
      if (!isStopping()) throw error;
    }
  }

  private rulesInForce(): InstalledRules {
    const rules = this.options.rules();
    if (rules) return rules;
    throw new OperatingError(EXIT_FAILED, 'the instance is still starting', 'try again when it is ready');
  }

  /** The specification with the bits of the mark that are in use. Throws ChangeRefusedError. */
  private checked({ spec, history, isMarkAuto, socketPath, socketGroup }: AppliedConfig): ShaperSpec {
    const { config, planner, running } = this.options;
    const { markMask } = running.spec.nfqueue;
    const refuse = (where: string, reason: string): never => {
      throw new ChangeRefusedError(where, reason, RESTART);
    };
    if (socketPath !== config.socketPath)
      refuse('control.socket', `commands reach it at ${config.socketPath}`);
    if (socketGroup !== config.socketGroup)
      refuse('control.group', `the socket is for ${config.socketGroup ?? 'the user of the instance alone'}`);
    if (history.file !== config.history.file)
      refuse('history.file', `history is stored in ${config.history.file ?? 'no file'}`);
    const { backend } = spec.nfqueue;
    if (backend !== 'auto' && backend !== planner.backend)
      refuse('nfqueue.backend', `packets are queued by rules of ${planner.backend}`);
    if (!isMarkAuto) return spec;
    if ((matchedMarkBits(spec.links, spec.modules) & markMask) !== 0)
      refuse('match.mark', `the instance uses these bits of the mark itself (${hex(markMask)})`);
    return { ...spec, nfqueue: { ...spec.nfqueue, markMask } };
  }

  /** `step` makes the engine follow. */
  private async change(
    step: (plan: QueuePlan) => void,
    to: RulesRequest,
    rules: InstalledRules,
  ): Promise<void> {
    const { port, running, retiring } = this.options;
    const from = rules.request;
    retiring.use(Math.max(from.plan.gso.length, to.plan.gso.length));
    try {
      port.setUp(setupOfBoth(from, to));
      running.expect(withNfqueuesOf(from.plan, to.plan));
      const changed = await rules.change(to);
      this.checkGoesOn();
      try {
        step(to.plan);
      } catch (error) {
        await changed.undo();
        throw error;
      }
      this.setUp(to);
      await changed.finish();
    } catch (error) {
      if (rules.request === from && !this.options.isStopping()) this.setUp(from);
      throw error;
    } finally {
      retiring.use(rules.request.plan.gso.length);
    }
  }

  /** Gives the NFQUEUEs their length and flags. All of them are open. */
  private setUp({ nfqueue, plan }: RulesRequest): void {
    const { copyBytes, gso } = plan;
    const { port, warn } = this.options;
    try {
      port.setUp({ count: gso.length, lengthPackets: nfqueue.length, copyBytes, gso });
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      warn('some NFQUEUE keeps its length, or goes on with or without superpackets', {
        error: error.message,
      });
    }
  }

  private checkGoesOn(): void {
    if (this.options.isStopping()) throw new OperatingError(EXIT_FAILED, STOPPING.message);
  }
}

/** What NFQUEUEs need while rules of either request may be in force. */
function setupOfBoth(from: RulesRequest, to: RulesRequest): NfqueueSetup {
  const { copyBytes } = withNfqueuesOf(from.plan, to.plan);
  return {
    count: copyBytes.length,
    lengthPackets: Math.max(from.nfqueue.length, to.nfqueue.length),
    copyBytes,
    gso: gsoOfBoth(from.plan, to.plan),
  };
}

/** The links of `after` with the directions of devices that `before` does not shape. */
export function addedDirections(before: ShaperSpec, after: ShaperSpec): LinkSpec[] {
  const had = new Set(
    before.links.flatMap(({ device, up, down }) => [
      ...(up ? [`up ${device}`] : []),
      ...(down ? [`down ${device}`] : []),
    ]),
  );
  return after.links
    .map((link) => ({
      ...link,
      up: had.has(`up ${link.device}`) ? null : link.up,
      down: had.has(`down ${link.device}`) ? null : link.down,
    }))
    .filter(({ up, down }) => up !== null || down !== null);
}
