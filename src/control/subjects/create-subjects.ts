/** Puts together what attaches subjects in the control thread. */
import { groupsCalled } from '../../io/proc/cgroups.ts';
import { REAL_CLOCK } from '../change/clock.ts';
import type { ChangeService } from '../change/service.ts';
import type { Emit } from '../events.ts';
import type { PacketThread } from '../packet-thread.ts';
import { type Machine, thisMachine } from './machine.ts';
import { MadeClasses } from './made-classes.ts';
import { SubjectService } from './subject-service.ts';

export function createSubjects(change: ChangeService, packets: PacketThread, emit: Emit): SubjectService {
  const warn = (message: string): void => packets.log({ level: 'warn', message, fields: {} });
  const machine = thisMachine();
  removeLeftGroups(machine);
  const spec = () => change.running().config.spec;
  return new SubjectService({
    ...{ machine, clock: REAL_CLOCK, emit, spec, warn },
    send: (update) => packets.updateSubjects(update),
    made: new MadeClasses(change, spec, warn),
  });
}

/** Groups of `shaper exec` whose command has ended while nobody looked. The kernel keeps those in use. */
function removeLeftGroups({ cgroups }: Machine): void {
  if (cgroups === null) return;
  for (const path of groupsCalled(cgroups, (name) => /^shaper-exec-\d+$/.test(name))) cgroups.remove(path);
}
