/** Slow twin of src/control/subjects/process-tree.ts: remembers all processes that ever were. */
import type { ProcessRule } from '../../src/control/subjects/process-tree.ts';

export interface TrueProcess {
  readonly pid: number;
  readonly startTicks: number;
  name: string;
  readonly parent: TrueProcess | null;
  isAlive: boolean;
  /** Of one that has ended: the rules that it had itself. */
  last: readonly number[];
}

/** Ids of the rules that hold for a process, the nearest first. */
export function trueRules(process: TrueProcess, rules: readonly ProcessRule[]): number[] {
  const found: number[] = [];
  let isChild = false;
  for (let one: TrueProcess | null = process; one !== null; one = one.parent) {
    for (const id of one.isAlive ? trueOwn(one, rules) : one.last) {
      const rule = rules.find((other) => other.id === id);
      if (rule === undefined || (isChild && !rule.isInherited) || found.includes(id)) continue;
      found.push(id);
    }
    isChild = true;
  }
  return found;
}

export function trueOwn(process: TrueProcess, rules: readonly ProcessRule[]): number[] {
  const { pid, startTicks, name } = process;
  const facts = { pid, startTicks, name, group: pid, session: pid, exe: `/usr/bin/${name}` };
  return [...rules]
    .sort((a, b) => a.order - b.order)
    .filter((rule) => rule.matches(facts))
    .map(({ id }) => id);
}
