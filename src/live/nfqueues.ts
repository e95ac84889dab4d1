/** The NFQUEUEs of an instance. */
import type { Logger } from 'pino';
import {
  type NfqueueGranted,
  type NfqueuePort,
  openNfqueue,
  unreadMessageBytes,
} from '../io/nfqueue/nfqueue.ts';
import type { RulesRequest } from '../io/rules/index.ts';

export function openNfqueues({ nfqueue, plan }: RulesRequest): NfqueuePort {
  return openNfqueue({
    firstQueue: nfqueue.first,
    count: nfqueue.count,
    lengthPackets: nfqueue.length,
    copyBytes: plan.copyBytes,
    gso: plan.gso,
  });
}

/** Warns if the kernel grants less than was asked for. */
export function warnOfLess(
  { rcvbufBytes, gso }: NfqueueGranted,
  { nfqueue, plan }: RulesRequest,
  logger: Pick<Logger, 'warn'>,
): void {
  const fits = Math.floor(rcvbufBytes / unreadMessageBytes(Math.max(...plan.copyBytes)));
  if (fits < nfqueue.length) {
    const message = 'the kernel granted a smaller socket buffer: so many packets can wait unread';
    logger.warn({ length: nfqueue.length, fits, rcvbufBytes }, `${message}; set nfqueue.length to ${fits}`);
  }
  if (plan.gso.some((wanted, index) => wanted && gso[index] !== true)) {
    logger.warn('the kernel refused superpackets (GSO): fast classes cost more processor time');
  }
}
