/** The service of attachments on a machine that a test makes up, before a real change service. */
import { ApiError } from '../../../../src/control/api-error.ts';
import { MadeClasses } from '../../../../src/control/subjects/made-classes.ts';
import { SubjectService } from '../../../../src/control/subjects/subject-service.ts';
import type { SubjectsUpdate } from '../../../../src/core/subjects/update.ts';
import { setUp as setUpChange } from '../change/fakes.ts';
import { type FakeMachine, fakeMachine } from './fake-machine.ts';

export const YAML = `links:
  wan:
    device: eth0
    up: { rate: 20mbit, classes: { bulk: { ceil: 5mbit, match: none }, guests: {} } }
    down: { rate: 20mbit, classes: { bulk: { ceil: 5mbit, match: none } } }
`;
export const NONE_MOVED = new Map<string, string>();

export function setUp(yaml = YAML, machine: FakeMachine = fakeMachine()) {
  const updates: SubjectsUpdate[] = [];
  const change = setUpChange(yaml);
  const spec = () => change.service.running().config.spec;
  const warnings: string[] = [];
  const warn = (message: string): void => void warnings.push(message);
  const service = new SubjectService({
    ...{ machine, clock: change.clock, emit: change.events.emit, spec, warn },
    send: (update) => updates.push(update),
    made: new MadeClasses(change.service, spec, warn),
  });
  const attach = (subject: string, ...classes: string[]) => service.attach({ subject, classes });
  /** Of a process: where its packets go, the most specific first, as the last update tells it. */
  const classesOf = (pid: number): string[] => classesOfProcess(updates.at(-1)!, pid);
  return { service, change, machine, processes: machine.processes, updates, attach, classesOf, warnings };
}

export function classesOfProcess(update: SubjectsUpdate, pid: number): string[] {
  const row = update.processes.pids.indexOf(pid);
  if (row < 0) return [];
  const subjects = update.sets[update.processes.setOfPid[row]!]!;
  return update.attachments
    .filter(({ subject }) => subjects.includes(subject))
    .flatMap(({ classes }) => classes);
}

export async function problemOf(action: () => unknown): Promise<string> {
  try {
    await action();
  } catch (error) {
    if (error instanceof ApiError) return `${error.status} ${error.message} | ${error.hint}`;
    throw error;
  }
  throw new Error('it is taken');
}
