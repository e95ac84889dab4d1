/** SIGUSR1 logs what has become of the packets. */
import type { Logger } from 'pino';
import type { Engine } from '../core/engine.ts';
import { TOTAL } from '../core/packets/stats.ts';
import type { Unwinder } from './unwinder.ts';

interface Parts {
  readonly logger: Logger;
  readonly unwinder: Unwinder;
}

export function logCountersOnSignal(
  { stats: { totals } }: Pick<Engine, 'stats'>,
  { logger, unwinder }: Parts,
): void {
  const onSignal = (): void => {
    const [received, accepted] = [totals[TOTAL.receivedPackets], totals[TOTAL.acceptedPackets]];
    const [dropped, held] = [totals[TOTAL.droppedPackets], totals[TOTAL.heldPackets]];
    logger.info({ received, accepted, dropped, held, lost: totals[TOTAL.lostPackets] }, 'counters');
  };
  process.on('SIGUSR1', onSignal);
  unwinder.add('SIGUSR1', () => void process.off('SIGUSR1', onSignal));
}
