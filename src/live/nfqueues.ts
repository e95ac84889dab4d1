/** The kernel's queues of an instance. */
import type { Logger } from 'pino';
import { type NfqueuePort, openNfqueue, unreadMessageBytes } from '../io/nfqueue/nfqueue.ts';
import type { RulesRequest } from '../io/rules/index.ts';

/** Opens the queues and warns if the kernel gives less than was asked for. */
export function openNfqueues(request: RulesRequest, logger: Logger): NfqueuePort {
  const { nfqueue, plan } = request;
  const port = openNfqueue({
    firstQueue: nfqueue.first,
    count: nfqueue.count,
    lengthPackets: nfqueue.length,
    copyBytes: plan.copyBytes,
    gso: plan.gso,
  });
  warnOfLess(port, request, logger);
  return port;
}

function warnOfLess(port: NfqueuePort, { nfqueue, plan }: RulesRequest, logger: Logger): void {
  const { rcvbufBytes, gso } = port.granted;
  const fits = Math.floor(rcvbufBytes / unreadMessageBytes(Math.max(...plan.copyBytes)));
  if (fits < nfqueue.length) {
    const message = 'the kernel granted a smaller socket buffer: so many packets can wait unread';
    logger.warn({ length: nfqueue.length, fits, rcvbufBytes }, `${message}; set nfqueue.length to ${fits}`);
  }
  if (plan.gso.some((wanted, queue) => wanted && gso[queue] !== true)) {
    logger.warn('the kernel refused superpackets (GSO): fast classes cost more processor time');
  }
}
