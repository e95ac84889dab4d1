/**
 * A packet's way where modules are on: they decide about those of a batch that came by their NFQUEUE, and
 * then all packets take the usual way, in the order that the stage's line says.
 *
 *   prerouting, postrouting   no classes there: the module's verdict is the packet's
 *   input, forward, output    dropped for the leaf that would have had it, or on to its classes
 *   held                      a row of the held table until the answer, of no flow and no class
 */
import { NONE } from '../base/none.ts';
import { ARRIVAL_ROWS } from '../limits.ts';
import { NF_INET_FORWARD, NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT } from '../packet/batch.ts';
import { parseBatch } from '../packet/parse.ts';
import type { PacketSource, Port } from '../packet/port.ts';
import { EDITED, IS_DROPPED, IS_HELD, REROUTED, type Rows } from './modules/rows.ts';
import { DROP_MODULE } from './packets/ledger.ts';
import { PacketWay } from './way.ts';

export class ModuleWay extends PacketWay {
  /** The batch of `rows` packets that the port has brought. */
  protected takeThroughModules(port: Port, rows: number, nowNs: number): void {
    const { modules, parsed, verdicts, intake } = this;
    const { arrivals } = port.batch;
    const { line } = modules;
    parseBatch(arrivals, port.slab, rows, parsed);
    verdicts.connect(port, rows);
    modules.begins(arrivals, port.slab, port.editOffset, parsed, rows, nowNs);
    if (!this.isStopping) modules.decide();
    const { released } = line;
    if (released.rows > 0) intake.prepare(released.arrivals, released.parsed, released.rows, nowNs);
    intake.prepare(arrivals, parsed, rows, nowNs);
    // What was read ahead is of the arrivals: rows of both kinds are placed in turn.
    if (released.rows > 0) this.flows.flowKeys.isReadAhead = false;
    this.lasting.queues.readAhead(rows);
    let next = 0;
    // Newer packets go before them, and no batch verdict of those may count for them.
    for (let n = 0; n < line.count; n++)
      if (line.isMovedEntry(line.entries[n])) verdicts.receivedOf(arrivals.nfqueue[line.entries[n]]);
    for (let n = 0; n < line.count; n++) {
      const entry = line.entries[n];
      const isMoved = line.isMovedEntry(entry);
      if (entry < ARRIVAL_ROWS && !isMoved) {
        this.takeOthers(port, next, entry, nowNs);
        next = entry + 1;
      }
      if (entry < ARRIVAL_ROWS) this.takeEntry(port, line.arrived, entry, isMoved, nowNs);
      else this.takeReleased(port, rows, line.rowOf(entry), nowNs);
    }
    this.takeOthers(port, next, rows, nowNs);
    this.lasting.edits.settle(port.slab);
  }

  /** Rows [from, to) of the batch that modules have nothing to do with. */
  private takeOthers(port: Port, from: number, to: number, nowNs: number): void {
    const { arrivals } = port.batch;
    for (let p = from; p < to; p++) {
      if (this.modules.isFor(arrivals, p)) continue;
      const h = this.intake.take(arrivals, port.slab, this.parsed, p, nowNs);
      this.verdicts.received(h);
      this.goes(port, this.parsed, p, h, nowNs);
    }
  }

  private takeReleased(port: Port, rows: number, p: number, nowNs: number): void {
    const { intake, modules } = this;
    const { released } = modules.line;
    intake.turnTo(released.arrivals, released.rows);
    this.takeEntry(released.source, released, p, true, nowNs);
    intake.turnTo(port.batch.arrivals, rows);
  }

  /** Packet `p`, about which modules have decided. With `isKnown` the writer of verdicts knows of it. */
  private takeEntry(source: PacketSource, rows: Rows, p: number, isKnown: boolean, nowNs: number): void {
    const { held, modules, verdicts } = this;
    const { arrivals, slab, parsed } = rows;
    const decision = rows.decision[p];
    const isOfClasses = hasClasses(arrivals.hook[p]);
    let h = rows.h[p];
    if (decision === IS_HELD || !isOfClasses) {
      if (h === NONE) {
        h = this.intake.takeAside(arrivals, p);
        if (!isKnown) verdicts.received(h);
      } else this.resize(h, arrivals.lengthBytes[p]);
      held.mark[h] = arrivals.mark[p];
    } else if (h === NONE) {
      h = this.intake.take(arrivals, slab, parsed, p, nowNs);
      if (!isKnown) verdicts.received(h);
    } else {
      this.resize(h, arrivals.lengthBytes[p]);
      this.intake.place(arrivals, slab, parsed, p, h, nowNs);
    }
    if (decision === IS_HELD) {
      modules.keeps(rows, p, h);
      return;
    }
    if (decision === IS_DROPPED || !this.keepsEdits(rows, p, h)) {
      verdicts.drop(h, DROP_MODULE, held.leaf[h]);
      return;
    }
    if (isOfClasses) this.goes(source, parsed, p, h, nowNs);
    else verdicts.accept(h);
  }

  /** Packet `h` comes to its classes by the usual way. */
  private goes(source: PacketSource, parsed: Rows['parsed'], p: number, h: number, nowNs: number): void {
    const { acks, pacing } = this.lasting;
    if (acks.isUsed) acks.read(source.batch.arrivals, source.slab, parsed, p, h);
    if (pacing.isUsed || this.trace.isOn) this.arrive(source, parsed, p, h, nowNs);
    else if (this.limits.isUsed) this.arriveLimited(source, parsed, p, h, nowNs);
    else this.comes(h, nowNs, nowNs);
  }

  /**
   * Keeps the new bytes of a packet that modules have changed. Returns false if there is no room for them.
   */
  private keepsEdits(rows: Rows, p: number, h: number): boolean {
    const { arrivals, slab, edits } = rows;
    if ((edits[p] & EDITED) === 0) return true;
    if (!this.lasting.edits.mayEdit(h, arrivals, p)) {
      this.modules.noRoom();
      return false;
    }
    // Most leave in this batch: their bytes need not be copied.
    if (rows === this.modules.line.arrived) this.lasting.edits.keepInSlab(h, arrivals.slabOffset[p]);
    else this.lasting.edits.keep(h, slab, arrivals.slabOffset[p]);
    if ((edits[p] & REROUTED) !== 0) this.held.reroute(h);
    return true;
  }

  /** Held packet `h` has another length by now. */
  private resize(h: number, lengthBytes: number): void {
    this.ledger.resized(lengthBytes - this.held.lengthBytes[h]);
    this.held.lengthBytes[h] = lengthBytes;
  }

  /** Packets that modules hold are accepted, as they are now: the orderly stop. */
  protected releaseModules(): void {
    const { modules, held, verdicts } = this;
    modules.takeAll((h, rows, p) => {
      if (held.chargeBytes[h] > 0 && !this.keepsEdits(rows, p, h)) verdicts.drop(h, DROP_MODULE, NONE);
      else verdicts.accept(h);
    });
  }

  /** Packets that modules hold, and that the kernel has lost, have their verdict. */
  protected leaveLost(): void {
    for (const h of this.modules.takeLost((row) => this.held.chargeBytes[row] === 0)) this.verdicts.accept(h);
  }
}

/** Whether packets at a hook come to classes. */
function hasClasses(hook: number): boolean {
  return hook === NF_INET_LOCAL_IN || hook === NF_INET_FORWARD || hook === NF_INET_LOCAL_OUT;
}
