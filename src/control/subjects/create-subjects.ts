/** Puts together what attaches subjects in the control thread. */
import { REAL_CLOCK } from '../change/clock.ts';
import type { ChangeService } from '../change/service.ts';
import type { Emit } from '../events.ts';
import type { PacketThread } from '../packet-thread.ts';
import { thisMachine } from './machine.ts';
import { MadeClasses } from './made-classes.ts';
import { SubjectService } from './subject-service.ts';

export function createSubjects(change: ChangeService, packets: PacketThread, emit: Emit): SubjectService {
  const warn = (message: string): void => packets.log({ level: 'warn', message, fields: {} });
  const spec = () => change.running().config.spec;
  return new SubjectService({
    ...{ machine: thisMachine(), clock: REAL_CLOCK, emit, spec, warn },
    send: (update) => packets.updateSubjects(update),
    made: new MadeClasses(change, spec, warn),
  });
}
