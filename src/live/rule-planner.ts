/** Which rules a specification needs on this machine: at the start, and at every change. */
import { equal } from '../base/equal.ts';
import { EXIT_IMPOSSIBLE, OperatingError } from '../base/errors.ts';
import { readDeviceGraph } from '../io/proc/device-graph.ts';
import { takesEditsInBridges } from '../io/proc/ports.ts';
import {
  type Backend,
  checkKernelRules,
  hasPageHooks,
  hasPortHooks,
  kernelTracks,
  type Neighbours,
  type PageRules,
  pageRulesOf,
  plannedDevices,
  probeAbilities,
  probePage,
  probeSwitched,
  type RulesLog,
  type RulesRequest,
  restoresBits,
} from '../io/rules/index.ts';
import { NFQUEUE_NUMBER_MAX } from '../limits.ts';
import { standsOnBridge } from '../spec/device-graph.ts';
import { ChangeRefusedError } from '../spec/edit.ts';
import { MARK_DSCPS_MAX } from '../spec/mark-codes.ts';
import { keepPlaces, keepsMeanings } from '../spec/plan-change.ts';
import {
  type BridgePorts,
  marksConnections,
  NO_PORTS,
  planQueues,
  type QueuePlan,
  type RuleAbilities,
  remarkedDscps,
} from '../spec/queue-plan.ts';
import type { ShaperSpec } from '../spec/spec.ts';

const NO_RESTORE =
  'no connection marks here: another rule copies all their bits to packets, which may be routed by them. ' +
  'Until that rule leaves our bits out, fast classes beside slow ones get no superpackets, and answers to ' +
  'classes that are not paced come here beside those to paced ones';
const NO_LATE_TRACKING =
  'fast classes beside slow ones get no superpackets before the next start, and answers to classes that are ' +
  'not paced come here beside those to paced ones: connection tracking, which both need, cannot come while ' +
  'packets wait';
/** What is in force. */
export interface InForce {
  readonly spec: ShaperSpec;
  readonly request: RulesRequest;
  readonly tracksConnections: boolean;
}

export class RulePlanner {
  readonly backend: Backend;
  private readonly neighbours: Neighbours;
  private readonly log: RulesLog;
  /** As far as they were tried. */
  private found: Partial<RuleAbilities>;
  /** The devices of links that are ports of bridges, as far as rules can meet their packets. */
  ports: BridgePorts = NO_PORTS;
  private hasWarned = false;
  /** null: not tried. */
  private hasPage: boolean | null = null;

  /** `found`: abilities that need no trial. */
  constructor(backend: Backend, neighbours: Neighbours, log: RulesLog, found: Partial<RuleAbilities> = {}) {
    this.backend = backend;
    this.neighbours = neighbours;
    this.log = log;
    this.found = found;
  }

  /** The rules to start with: what this kernel and its other programs allow. */
  async start(spec: ShaperSpec): Promise<RulesRequest> {
    const { nfqueue } = spec;
    const wanted = planQueues(spec);
    await this.probe(wanted);
    const isRestored = restoresBits(this.neighbours, nfqueue.markMask);
    if (isRestored && this.found.connectionMarks && marksConnections(wanted)) this.log.warn(NO_RESTORE);
    const sparesSwitched = mayBridge(spec) && (await probeSwitched(nfqueue, this.log, false));
    const { isTracked } = this.neighbours;
    const page = await this.page(spec, false);
    const plan = this.plan(spec, !isRestored);
    checkNumbers(spec, plan);
    await checkKernelRules(plan);
    return { plan, nfqueue, sparesSwitched, isTracked, ...page };
  }

  /** The rules for the page of stopped hosts, if a quota has one and this kernel can have them. */
  async page(spec: ShaperSpec, isLive: boolean): Promise<{ readonly page?: PageRules }> {
    const page = pageRulesOf(spec);
    if (page === undefined) return {};
    this.hasPage ??= await probePage(spec.nfqueue, this.log, isLive);
    return this.hasPage ? { page } : {};
  }

  /** Tries the abilities that a plan needs. */
  private async probe(wanted: QueuePlan): Promise<void> {
    const { ecn, connectionMarks, dscp } = await probeAbilities(wanted, this.log);
    this.found = {
      ecn,
      ...(marksConnections(wanted) ? { connectionMarks } : {}),
      ...(wanted.dscps.length > 0 ? { dscp } : {}),
    };
  }

  /** What has not been tried is taken to work. */
  private plan(spec: ShaperSpec, mayMarkConnections: boolean): QueuePlan {
    const { ecn = true, dscp = true, connectionMarks = true } = this.found;
    const abilities = { ecn, dscp, connectionMarks: connectionMarks && mayMarkConnections };
    const { ports } = this;
    const readByOthers = this.neighbours.readNfqueues;
    const sharesChains = this.backend === 'iptables';
    const editsInBridges = takesEditsInBridges();
    return planQueues(spec, abilities, { readByOthers, sharesChains, ports, editsInBridges });
  }

  /**
   * The plan by which an instance goes on with `spec`, or null if abilities must be tried first: learn()
   * does.
   * @throws ChangeRefusedError
   */
  next(spec: ShaperSpec, now: InForce): QueuePlan | null {
    const isRestored = restoresBits(this.neighbours, spec.nfqueue.markMask);
    const plan = this.plan(spec, now.tracksConnections && !isRestored);
    const { connectionMarks, dscp } = this.found;
    if (marksConnections(plan) && connectionMarks === undefined) return null;
    if (plan.dscps.length > 0 && dscp === undefined) return null;
    checkNumbers(spec, plan);
    checkIndexes(plan, now);
    return { ...plan, dscps: placesFor(plan, now), unreadNfqueue: unreadFor(spec, plan, now) };
  }

  async learn(spec: ShaperSpec, { tracksConnections }: InForce): Promise<void> {
    const before = this.found;
    // A trial of connection marks might turn connection tracking on and off again, unless it is on.
    await this.probe(this.plan(spec, tracksConnections));
    this.found = { ...before, ...this.found };
  }

  /** The rules of a plan that next() made. */
  async request(spec: ShaperSpec, plan: QueuePlan, now: InForce): Promise<RulesRequest> {
    const { request: from, tracksConnections } = now;
    const had = new Set(plannedDevices(from.plan));
    const hasNewDevice = plannedDevices(plan).some((device) => !had.has(device));
    if (!tracksConnections && !this.hasWarned && marksConnections(this.plan(spec, true))) {
      this.hasWarned = true;
      this.log.warn(NO_LATE_TRACKING);
    }
    const { nfqueue } = spec;
    if (!equal(plan.moduleHooks, from.plan.moduleHooks)) await checkKernelRules(plan);
    const sparesSwitched =
      from.sparesSwitched === true ||
      (hasNewDevice && mayBridge(spec) && (await probeSwitched(nfqueue, this.log, true)));
    const { page: _, ...before } = from;
    return {
      ...before,
      ...{ plan, nfqueue, sparesSwitched },
      ...(await this.page(spec, true)),
      keepsTracking: from.keepsTracking === true || marksConnections(from.plan) || kernelTracks(from.plan),
      keepsPortHooks: hasPortHooks(from),
      keepsPageHooks: hasPageHooks(from),
    };
  }
}

/** Some device of the specification stands on a bridge, or is not there yet and may. */
function mayBridge({ links }: ShaperSpec): boolean {
  const devices = readDeviceGraph() ?? new Map();
  return links.some(({ device }) => !devices.has(device) || standsOnBridge(devices, device));
}

function placesFor(plan: QueuePlan, { spec, request }: InForce): readonly number[] {
  const places = keepPlaces(request.plan.dscps, remarkedDscps(spec.links), plan.dscps);
  if (places) return places;
  const reason = `before and after the change classes ask for more than ${MARK_DSCPS_MAX} code points in all`;
  throw new ChangeRefusedError('remark', reason, 'change it in two steps: take out those that go first');
}

/** Rules and verdicts name it, so it stays. */
function unreadFor({ nfqueue: { first } }: ShaperSpec, { gso }: QueuePlan, { request }: InForce): number {
  const { unreadNfqueue } = request.plan;
  if (unreadNfqueue < first || unreadNfqueue >= first + gso.length) return unreadNfqueue;
  const reason = `nobody may read NFQUEUE ${unreadNfqueue} while this instance runs, by which packets of this host pass`;
  throw new ChangeRefusedError('nfqueue.count', reason, 'restart the instance, or give it fewer NFQUEUEs');
}

/** The last number of all may not be that of packets for modules (limits.ts). Throws OperatingError. */
function checkNumbers({ nfqueue: { first } }: ShaperSpec, { gso }: QueuePlan): void {
  const last = first + gso.length - 1;
  if (last <= NFQUEUE_NUMBER_MAX) return;
  throw new OperatingError(
    EXIT_IMPOSSIBLE,
    `nfqueue.first: packets come to modules by the NFQUEUE behind all others, and ${last} is none that may be read`,
    `choose a lower nfqueue.first: at most ${NFQUEUE_NUMBER_MAX - gso.length + 1}`,
  );
}

/** Throws ChangeRefusedError if an NFQUEUE that brings packets to modules would bring others, or did so. */
function checkIndexes(plan: QueuePlan, { request }: InForce): void {
  if (keepsMeanings(request.plan, plan)) return;
  const reason = 'packets come to modules by the NFQUEUE behind these, whose number would change';
  throw new ChangeRefusedError(
    'nfqueue.count',
    reason,
    'turn all modules off first, or restart the instance',
  );
}
