/** The NFQUEUEs of an instance. */
import type { Logger } from 'pino';
import type { OwnNfqueues } from '../control/snapshot.ts';
import {
  type NfqueueGranted,
  type NfqueuePort,
  openNfqueue,
  unreadMessageBytes,
} from '../io/nfqueue/nfqueue.ts';
import type { KernelDrops } from '../io/proc/nfqueues.ts';
import type { RulesRequest } from '../io/rules/index.ts';

export function openNfqueues({ nfqueue, plan }: RulesRequest): NfqueuePort {
  return openNfqueue({
    firstQueue: nfqueue.first,
    count: plan.gso.length,
    lengthPackets: nfqueue.length,
    copyBytes: plan.copyBytes,
    gso: plan.gso,
  });
}

/** The NFQUEUEs that are open now, and the drops of those that were. */
export class NfqueueBooks {
  private readonly port: Pick<NfqueuePort, 'open'>;
  private readonly first: number;
  private closedDrops: KernelDrops = { queueFull: 0, socketFull: 0 };

  /** `first` is the number of the NFQUEUE with index 0. */
  constructor(port: Pick<NfqueuePort, 'open'>, first: number) {
    this.port = port;
    this.first = first;
  }

  get own(): OwnNfqueues {
    return { open: this.port.open.map((nfqueue) => this.first + nfqueue), closedDrops: this.closedDrops };
  }

  /** An NFQUEUE has closed. `last` is what the kernel said of it before, or null. */
  closed(last: KernelDrops | null): void {
    const { queueFull, socketFull } = this.closedDrops;
    if (last === null) return;
    this.closedDrops = {
      queueFull: queueFull + last.queueFull,
      socketFull: socketFull + last.socketFull,
    };
  }
}

/** Warns if the kernel grants less than was asked for. */
export function warnOfLess(
  { rcvbufBytes, gso }: NfqueueGranted,
  { nfqueue, plan }: RulesRequest,
  logger: Pick<Logger, 'warn'>,
): void {
  // Packets for modules are copied whole, but superpackets are none of them: they need no such room.
  const copies = plan.copyBytes.filter((_, index) => index !== plan.moduleNfqueue);
  const fits = Math.floor(rcvbufBytes / unreadMessageBytes(Math.max(...copies)));
  if (fits < nfqueue.length) {
    const message = 'the kernel granted a smaller socket buffer: so many packets can wait unread';
    logger.warn({ length: nfqueue.length, fits, rcvbufBytes }, `${message}; set nfqueue.length to ${fits}`);
  }
  if (plan.gso.some((wanted, index) => wanted && gso[index] !== true)) {
    logger.warn('the kernel refused superpackets (GSO): fast classes cost more processor time');
  }
}
