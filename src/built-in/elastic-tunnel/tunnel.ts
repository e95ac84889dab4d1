/** The module: packets into the tunnel, packets out of it, and the number of connections once a period. */
import { TunnelController } from '../../algo/tunnel/controller.ts';
import { ACCEPT, DROP, type Itm, type ModuleInstance, type Verdict } from '../../modules/api/module.ts';
import type { Packet } from '../../modules/api/packet.ts';
import { Complaints } from '../shared/complaints.ts';
import { TunnelReceiver } from './receiver.ts';
import { TunnelSender } from './sender.ts';
import type { TunnelSettings } from './settings.ts';

const IPPROTO_TCP = 6;
const LOOK_MS = 20;
const NS_PER_MS = 1e6;
const MS_PER_SEC = 1000;
/** After a change of m new connections need a period to find their share; then two are measured. */
const SETTLING_PERIODS = 1;
const MEASURED_PERIODS = 2;
/** Connections beyond the most that the peer may still be draining. */
const GUESTS_SPARE = 64;

export class ElasticTunnel implements ModuleInstance {
  private readonly itm: Itm;
  private readonly settings: TunnelSettings;
  private readonly sender: TunnelSender;
  private readonly receiver: TunnelReceiver | null;
  private readonly controller: TunnelController;
  private readonly endTimers: (() => void)[];
  /** Periods since the last change of m, and what was measured in them. */
  private periods = 0;
  private measuredBytes = 0;
  private measuredMs = 0;
  private measuredDemand = 0;
  private deliveredBefore = 0;
  private periodBeganMs = performance.now();
  private isUnreachable = false;

  constructor(itm: Itm, settings: TunnelSettings, hasMatch: boolean) {
    this.itm = itm;
    this.settings = settings;
    const complaints = new Complaints(itm.log, () => performance.now() * NS_PER_MS);
    const { targetBytesPerSec, connectionsMax, listen, peer, periodNs } = settings;
    this.sender = new TunnelSender(itm, settings, complaints);
    this.receiver =
      listen && new TunnelReceiver(itm, listen, peer.address, connectionsMax + GUESTS_SPARE, complaints);
    this.controller = new TunnelController({ target: targetBytesPerSec, connectionsMax });
    this.endTimers = [itm.every(LOOK_MS, () => this.look(hasMatch))];
    if (hasMatch) {
      this.sender.want(1);
      this.endTimers.push(itm.every(periodNs / NS_PER_MS, () => this.periodEnds()));
    }
  }

  /** The tunnel's own packets go as they are. */
  classify(p: Packet): number {
    if (p.protocol !== IPPROTO_TCP) return 1;
    const { peer, listen } = this.settings;
    const isOurs = p.dport === peer.port || (listen !== null && p.sport === listen.port);
    return isOurs && p.dst === peer.address ? 0 : 1;
  }

  process(p: Packet): Verdict {
    const answer = this.sender.offer(p.bytes!, p.flow);
    return answer === 'closed' ? ACCEPT : DROP;
  }

  stop(): void {
    for (const end of this.endTimers) end();
    this.sender.stop();
    this.receiver?.stop();
  }

  private look(sends: boolean): void {
    const nowMs = performance.now();
    if (sends) this.sender.look(nowMs);
    this.receiver?.look(nowMs);
  }

  private periodEnds(): void {
    const nowMs = performance.now();
    const { deliveredBytes } = this.sender.counters;
    const bytes = deliveredBytes - this.deliveredBefore;
    const ms = nowMs - this.periodBeganMs;
    this.deliveredBefore = deliveredBytes;
    this.periodBeganMs = nowMs;
    const hadDemand = this.sender.takeDemand();
    const goodput = Math.round((bytes * MS_PER_SEC) / ms);
    const { connections } = this.controller;
    this.itm.log.debug({ goodputBytesPerSec: goodput, connections, hadDemand, ...this.counts() }, 'a period');
    this.periods++;
    // What fewer connections carry says nothing of what the wanted ones would.
    if (this.sender.openCount < connections || this.periods <= SETTLING_PERIODS) return;
    this.measuredBytes += bytes;
    this.measuredMs += ms;
    if (hadDemand) this.measuredDemand++;
    const measured = this.periods - SETTLING_PERIODS;
    if (measured >= MEASURED_PERIODS) this.decide((this.measuredBytes * MS_PER_SEC) / this.measuredMs);
  }

  private decide(goodputBytesPerSec: number): void {
    const before = this.controller.connections;
    const hadDemand = this.measuredDemand >= MEASURED_PERIODS;
    const connections = this.controller.step(goodputBytesPerSec, hadDemand);
    const fields = {
      ...{ connections, goodputBytesPerSec: Math.round(goodputBytesPerSec) },
      ...{ targetBytesPerSec: this.settings.targetBytesPerSec, ...this.counts() },
    };
    this.measureAnew(connections === before ? SETTLING_PERIODS : 0);
    if (connections !== before) {
      this.sender.want(connections);
      this.itm.log.info(
        { ...fields, connectionsBefore: before },
        'the tunnel has another number of connections',
      );
    }
    const { isUnreachable } = this.controller;
    if (isUnreachable === this.isUnreachable) return;
    this.isUnreachable = isUnreachable;
    if (isUnreachable)
      this.itm.log.warn(fields, 'the target is not reached: more connections would not help, or may not be');
    else this.itm.log.info(fields, 'the target is reached again, or less is asked for');
  }

  private measureAnew(periods: number): void {
    this.periods = periods;
    this.measuredBytes = 0;
    this.measuredMs = 0;
    this.measuredDemand = 0;
  }

  private counts(): object {
    const received = this.receiver && {
      receivedPackets: this.receiver.receivedPackets,
      receivedBytes: this.receiver.receivedBytes,
    };
    return { openConnections: this.sender.openCount, ...this.sender.counters, ...received };
  }
}
