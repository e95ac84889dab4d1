/**
 * One packet's way through the stages, up to its verdict. engine.ts says when a packet begins it, and when
 * those that wait go on.
 *
 *   arrive:  pacing and limits of hosts may hold it > comes
 *   comes:   enter the leaf of its first tree, or accept: no tree has it
 *   enter:   police > meter > admission (RED, limit) > each > trees   (a verdict, or it waits)
 *   leave:   due buckets and ceilings > next tree, or verdict
 */
import { NONE } from '../base/none.ts';
import { RELEASE_SLACK_NS } from '../limits.ts';
import { createParsed, type Parsed } from '../packet/parse.ts';
import type { PacketSource } from '../packet/port.ts';
import type { ShaperSpec } from '../spec/spec.ts';
import { POLICE_DROP, POLICE_MARK } from './admission/policers.ts';
import { listClasses } from './classes/classes.ts';
import { NO_ROOM, PASSES } from './each/each.ts';
import { passBuckets } from './each/pass.ts';
import { EACH_FULL, EACH_PASS } from './each/policers.ts';
import type { EngineOptions } from './engine-options.ts';
import type { FlowTable } from './flows/flow-table.ts';
import type { Intake } from './flows/intake.ts';
import { lookInto } from './look-into.ts';
import type { Backlog } from './packets/backlog.ts';
import { FLAG_CE, FLAG_ECT, FLAG_ICMP_ERROR, FLAG_NEVER_DROP, type HeldTable } from './packets/held.ts';
import { DROP_AQM, DROP_EARLY, DROP_POLICE, DROP_TAIL, type Ledger } from './packets/ledger.ts';
import { chargeBytesOf } from './packets/wire-cost.ts';
import { SIGNAL_MARK, SIGNAL_NONE } from './queues/arrival-aqm.ts';
import { isNeighbourMessage } from './quotas/allowed.ts';
import type { LimitStage } from './quotas/stage.ts';
import { type Told, told } from './reconfigure.ts';
import { createLasting, createStages, type Lasting, type Stages } from './stages.ts';
import type { VerdictWriter } from './verdicts/writer.ts';

export class PacketWay {
  protected readonly ledger: Ledger;
  protected readonly backlog: Backlog;
  protected readonly parsed: Parsed = createParsed();
  protected readonly held: HeldTable;
  /** Others read its memory at any time. */
  readonly flows: FlowTable;
  readonly hosts: Lasting['hosts'];
  readonly owners: Lasting['owners'];
  readonly intake: Intake;
  readonly trace: Lasting['trace'];
  readonly pacing: Lasting['pacing'];
  readonly limits: LimitStage;
  /** Modules of users, before any class. */
  readonly modules: Lasting['modules'];
  protected readonly verdicts: VerdictWriter;
  protected readonly lasting: Lasting;
  /** By what it decides now. Only reconfigure() changes it. */
  told: Told;
  /** The parts that are made for the present classes. Others read them, between two batches only. */
  stages: Stages;
  protected readonly slackNs: number;
  protected isStopping = false;

  constructor(spec: ShaperSpec, options: EngineOptions) {
    const classes = listClasses(spec);
    this.told = told(spec, options.plan);
    const lasting = createLasting(spec, classes, this.told.plan, options);
    this.lasting = lasting;
    this.ledger = lasting.ledger;
    this.backlog = lasting.backlog;
    this.held = lasting.held;
    this.flows = lasting.flows;
    this.hosts = lasting.hosts;
    this.owners = lasting.owners;
    this.intake = lasting.intake;
    this.trace = lasting.trace;
    this.pacing = lasting.pacing;
    this.limits = lasting.limits;
    this.verdicts = lasting.verdicts;
    this.modules = lasting.modules;
    this.stages = createStages(spec, classes, lasting.createEach(classes), this.told.plan, lasting);
    this.slackNs = options.releaseSlackNs ?? RELEASE_SLACK_NS;
  }

  /** Packet `h` comes to its classes after what goes before it, unless pacing holds it. */
  protected arrive(source: PacketSource, parsed: Parsed, p: number, h: number, nowNs: number): void {
    const isHeld = lookInto(this.lasting, source, parsed, p, h, !this.isStopping, nowNs);
    this.leaveReleased(nowNs);
    if (isHeld) return;
    if (this.limits.isUsed) this.arriveLimited(source, parsed, p, h, nowNs);
    else this.comes(h, nowNs, nowNs);
  }

  /** Arrival `p`, held as `h`, meets the limits of its hosts. */
  protected arriveLimited(source: PacketSource, parsed: Parsed, p: number, h: number, nowNs: number): void {
    const isNeighbourly = isNeighbourMessage(source.batch.arrivals, source.slab, parsed, p);
    this.meetLimits(h, isNeighbourly, nowNs);
  }

  /** Packet `h` comes to its classes, unless the limits of its hosts hold or drop it. */
  private meetLimits(h: number, isNeighbourly: boolean, nowNs: number): void {
    const { limits } = this;
    if (limits.isUsed && !this.isStopping) {
      const isTaken = limits.take(h, isNeighbourly, nowNs, nowNs + this.slackNs);
      if (limits.hasLeaving) this.leaveLimits(nowNs);
      if (isTaken) return;
    }
    this.comes(h, nowNs, nowNs);
  }

  /**
   * Packet `h` comes to its first class, whose ceilings count from `atNs`, or is accepted because no tree has
   * it.
   */
  protected comes(h: number, atNs: number, nowNs: number): void {
    if (this.held.leaf[h] !== NONE) {
      this.enter(h, atNs, nowNs);
      return;
    }
    this.verdicts.accept(h);
  }

  /**
   * Packet `h` comes to its leaf. Its ceilings count from `atNs`, which is not later than now.
   *
   * The exits stay apart on purpose. With one decide() that returns a code and one switch, this method
   * shrinks below V8's bound for inlining, and a packet that passes costs 10 to 20 % more.
   */
  private enter(h: number, atNs: number, nowNs: number): void {
    const { held, stages, verdicts } = this;
    held.chargeBytes[h] = chargeBytesOf(stages.linkLayers, held, h);
    held.enter(h, atNs, nowNs);
    if (this.isStopping || !held.mayWait()) {
      this.passUndelayed(h, nowNs);
      return;
    }
    const leaf = held.leaf[h];
    let flags = held.flags[h];
    if ((flags & FLAG_NEVER_DROP) !== 0) flags = stages.exemption.settle(h, nowNs);
    const mayDrop = (flags & FLAG_NEVER_DROP) === 0;
    const mayMark = (flags & FLAG_ECT) !== 0;
    const isError = (flags & FLAG_ICMP_ERROR) !== 0;
    if (!isError && stages.policers.isUsed) {
      const decision = stages.policers.ask(leaf, held.chargeBytes[h], mayDrop, mayMark, nowNs);
      if (decision === POLICE_DROP) {
        verdicts.drop(h, DROP_POLICE, stages.policers.lastClass);
        return;
      }
      if (decision === POLICE_MARK) held.flags[h] |= FLAG_CE;
    }
    if (stages.meters.isUsed) stages.meters.measure(h, nowNs);
    const signal = stages.admission.signal(leaf, h, nowNs);
    if (signal !== SIGNAL_NONE) {
      const marks = signal === SIGNAL_MARK && mayMark && stages.marksEcn[leaf] === 1;
      if (marks) held.flags[h] |= FLAG_CE;
      else if (mayDrop) {
        verdicts.drop(h, stages.admission.isEarly(leaf) ? DROP_EARLY : DROP_AQM, leaf);
        return;
      }
    }
    const fits = stages.room.find(leaf, h);
    if (mayDrop && !fits) {
      verdicts.drop(h, DROP_TAIL, leaf);
      return;
    }
    if (!isError && stages.eachPolicers.isUsed) {
      const decision = mayDrop ? stages.eachPolicers.ask(leaf, h, nowNs) : EACH_PASS;
      if (decision !== EACH_PASS) {
        if (decision === EACH_FULL) this.ledger.eachFull();
        verdicts.drop(h, decision === EACH_FULL ? DROP_TAIL : DROP_POLICE, stages.eachPolicers.lastClass);
        return;
      }
      stages.eachPolicers.charge(leaf, h, nowNs);
    }
    if (fits) this.makeRoom(h, nowNs);
    this.backlog.enter(h);
    this.passEach(h, stages.waits.from[leaf], nowNs);
  }

  /** Sends packet `h` at once: too many packets are held, which counts once a packet, or the engine stops. */
  private passUndelayed(h: number, nowNs: number): void {
    const { meters } = this.stages;
    if (!this.isStopping && this.held.becomesUndelayed(h)) this.ledger.heldFull();
    if (meters.isUsed) meters.measure(h, nowNs);
    this.backlog.enter(h);
    this.leaveLeaf(h, nowNs);
  }

  /** Evicts the packets that room.find() chose for arriving packet `h`. */
  private makeRoom(h: number, nowNs: number): void {
    const { room, trees } = this.stages;
    const leaf = this.held.leaf[h];
    for (let evicted = room.evict(leaf, h, nowNs); evicted !== NONE; evicted = room.evict(leaf, h, nowNs)) {
      if (room.lastBucket !== NONE) this.discard(evicted, DROP_TAIL);
      else this.withdraw(evicted, DROP_TAIL, nowNs);
      trees.look(leaf);
    }
  }

  /**
   * Takes `h` through the `each` buckets in which it may wait, from class `c` upwards, then to its ceilings.
   */
  private passEach(h: number, c: number, nowNs: number): void {
    const { held, ledger } = this;
    const { each, trees, waits } = this.stages;
    const horizonNs = nowNs + this.slackNs;
    const answer = c === NONE ? PASSES : passBuckets(each, waits, ledger, held, h, c, nowNs, horizonNs);
    if (answer !== PASSES) {
      if (answer === NO_ROOM) this.discard(h, DROP_TAIL);
      for (let ack = each.popDoomed(); ack !== NONE; ack = each.popDoomed()) this.discard(ack, DROP_AQM);
      return;
    }
    if (trees.pass(h)) {
      this.leaveLeaf(h, nowNs);
    } else if (trees.enqueue(h, nowNs)) {
      this.flows.packetWaits(held, h);
      this.serve(this.stages.rootOf[held.leaf[h]], nowNs);
    } else if (held.neverDrop(h)) {
      // Its flow has no flow queue, so no packet of the flow waits there.
      this.leaveLeaf(h, nowNs);
    } else {
      this.ledger.fairFull();
      this.withdraw(h, DROP_TAIL, nowNs);
    }
  }

  /** Lets go the packets whose buckets and ceilings allow it by now. */
  protected leaveDue(nowNs: number): void {
    const { each, trees } = this.stages;
    const { released } = this.lasting;
    const horizonNs = nowNs + this.slackNs;
    this.leavePacing(nowNs, nowNs);
    while (!released.isEmpty(0)) this.leaveLeaf(released.shift(0), nowNs);
    trees.advance(horizonNs);
    if (each.hasRows) this.leaveEach(horizonNs, nowNs);
    for (const root of trees.roots) this.serve(root, nowNs);
    if (this.limits.isUsed) this.leaveLimits(nowNs);
  }

  /** Packets whose buckets let them go by the horizon come to the next ones, or to their ceilings. */
  private leaveEach(horizonNs: number, nowNs: number): void {
    const { each, waits } = this.stages;
    for (let h = each.popDue(horizonNs, nowNs); h !== NONE; h = each.popDue(horizonNs, nowNs)) {
      if (each.lastPoppedIsDropped) this.discard(h, DROP_AQM);
      else this.passEach(h, waits.above[each.lastPoppedClass], nowNs);
    }
  }

  /** Packets that the limits of their hosts let go by now come to their classes. */
  private leaveLimits(nowNs: number): void {
    const { limits, held } = this;
    const horizonNs = nowNs + this.slackNs;
    for (let h = limits.next(nowNs, horizonNs); h !== NONE; h = limits.next(nowNs, horizonNs))
      this.comes(h, Math.min(held.readyNs(h), nowNs), nowNs);
    for (let h = limits.popDropped(); h !== NONE; h = limits.popDropped())
      this.verdicts.drop(h, limits.lastReason, held.leaf[h]);
  }

  /** Held acknowledgements that are due by `untilNs` come to their classes. */
  protected leavePacing(untilNs: number, nowNs: number): void {
    this.pacing.release(untilNs);
    this.leaveReleased(nowNs);
  }

  /** Acknowledgements that pacing has let go come to their classes. */
  private leaveReleased(nowNs: number): void {
    for (let h = this.pacing.pop(); h !== NONE; h = this.pacing.pop()) this.meetLimits(h, false, nowNs);
  }

  private serve(root: number, nowNs: number): void {
    const { trees } = this.stages;
    const { queues } = this.lasting;
    for (let h = trees.next(root); h !== NONE; h = trees.next(root)) this.leaveLeaf(h, nowNs);
    for (let h = queues.popDoomed(); h !== NONE; h = queues.popDoomed()) this.withdraw(h, DROP_AQM, nowNs);
  }

  /** The leaf sends packet `h`, into the next tree or to its verdict. */
  protected leaveLeaf(h: number, nowNs: number): void {
    const { held } = this;
    const { remarks } = this.stages;
    const hasWaited = nowNs > held.enteredNs(h);
    // Its tokens are spent: a host is stopped seldom, and what then waits of it is less than a queue.
    if (hasWaited && this.limits.isUsed && !this.isStopping && this.limits.stops(h, nowNs)) {
      this.withdraw(h, DROP_POLICE, nowNs);
      return;
    }
    this.depart(h, nowNs);
    this.ledger.sent(h, nowNs);
    if (hasWaited) this.flows.measures.packetWaited(held, h, nowNs);
    if ((held.flags[h] & FLAG_CE) !== 0) this.flows.measures.packetMarked(held, h);
    if (remarks.isUsed) remarks.apply(h);
    const second = held.nextLeaf[h];
    if (second === NONE) {
      this.verdicts.accept(h);
      return;
    }
    held.leafBefore[h] = held.leaf[h];
    held.leaveTree(h);
    held.leaf[h] = second;
    held.nextLeaf[h] = NONE;
    this.enter(h, Math.min(held.readyNs(h), nowNs), nowNs);
  }

  /** Drops packet `h`, which its leaf has taken. */
  private withdraw(h: number, reason: number, nowNs: number): void {
    this.depart(h, nowNs);
    this.verdicts.drop(h, reason, this.held.leaf[h]);
  }

  /** Drops packet `h`, which has come no further than to a bucket of its leaf or of a class around it. */
  private discard(h: number, reason: number): void {
    this.backlog.leave(h);
    this.verdicts.drop(h, reason, this.held.leaf[h]);
  }

  /** Packet `h` is no longer in its leaf. */
  private depart(h: number, nowNs: number): void {
    this.backlog.leave(h);
    this.stages.admission.departed(h, nowNs);
  }
}
