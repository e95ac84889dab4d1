import { describe, expect, it } from 'vitest';
import { type ProcessRule, ProcessTree } from '../../../../src/control/subjects/process-tree.ts';
import { FakeProcesses } from './fake-machine.ts';

const byPid = (id: number, pid: number): ProcessRule => ({
  ...{ id, order: -id, isInherited: true },
  matches: (process) => process.pid === pid,
});
const byExe = (id: number, exe: string, isInherited = true): ProcessRule => ({
  ...{ id, order: 1000 - id, isInherited },
  matches: (process) => process.exe === exe,
});

function setUp(rules: readonly ProcessRule[]) {
  const processes = new FakeProcesses();
  processes.add(1, { name: 'systemd', parent: 0 });
  const tree = new ProcessTree(processes);
  tree.setRules(rules, true);
  const rulesOf = (pid: number): readonly number[] => {
    tree.scan();
    return tree.tracked().find(({ process }) => process.pid === pid)?.rules ?? [];
  };
  return { processes, tree, rulesOf };
}

describe('rules of processes', () => {
  it('come to children, the nearest first, and stay when the parent has ended', () => {
    const { processes, rulesOf } = setUp([byPid(1, 10), byPid(2, 11)]);
    processes.add(10);
    processes.add(11, { parent: 10 });
    processes.add(12, { parent: 11 });
    expect(rulesOf(12)).toEqual([2, 1]);
    processes.end(11);
    processes.end(10);
    expect(rulesOf(12)).toEqual([2, 1]);
  });

  it('do not come to another process with the number of one that has ended', () => {
    const { processes, tree } = setUp([]);
    const { startTicks } = processes.add(10);
    const rule = byPid(1, 10);
    tree.setRules([{ ...rule, matches: (one) => one.pid === 10 && one.startTicks === startTicks }], false);
    tree.scan();
    processes.end(10);
    processes.add(10);
    tree.scan();
    expect(tree.tracked()).toEqual([]);
  });

  it('of a program hold as soon as a young process runs it', () => {
    const { processes, rulesOf } = setUp([byExe(1, '/usr/bin/rsync')]);
    processes.add(10, { name: 'sh' });
    expect(rulesOf(10)).toEqual([]);
    processes.change(10, { name: 'rsync', exe: '/usr/bin/rsync' });
    expect(rulesOf(10)).toEqual([1]);
  });

  it('of an old process are found within ten scans', () => {
    const { processes, rulesOf } = setUp([byExe(1, '/usr/bin/rsync')]);
    processes.add(10, { name: 'sh' });
    for (let i = 0; i < 20; i++) rulesOf(10);
    processes.change(10, { name: 'rsync', exe: '/usr/bin/rsync' });
    let scans = 1;
    while (rulesOf(10).length === 0) scans += 1;
    expect(scans).toBeLessThanOrEqual(10);
  });

  it('of a matcher are those of the process alone', () => {
    const { processes, rulesOf } = setUp([byExe(1, '/usr/bin/rsync', false), byPid(2, 10)]);
    processes.add(10, { exe: '/usr/bin/rsync' });
    processes.add(11, { parent: 10, exe: '/usr/bin/ssh' });
    expect(rulesOf(10)).toEqual([2, 1]);
    expect(rulesOf(11)).toEqual([2]);
  });

  it('come to an orphan that no scan has seen with its parent, by the leader of its group', () => {
    const { processes, rulesOf } = setUp([byPid(1, 10)]);
    processes.add(10, { session: 5, group: 10 });
    expect(rulesOf(10)).toEqual([1]);
    // Its parent has begun and ended between two scans.
    processes.add(12, { parent: 1, session: 5, group: 10 });
    expect(rulesOf(12)).toEqual([1]);
  });

  it('come to such an orphan when the leader has ended between the same scans', () => {
    const { processes, rulesOf } = setUp([byPid(1, 10)]);
    processes.add(10, { session: 10, group: 10 });
    expect(rulesOf(10)).toEqual([1]);
    processes.add(12, { parent: 1, session: 10, group: 12 });
    processes.end(10);
    expect(rulesOf(12)).toEqual([1]);
  });

  it('do not come from the leader of a group to a process whose parent is there', () => {
    const { processes, rulesOf } = setUp([byPid(1, 10)]);
    processes.add(5);
    processes.add(10, { parent: 5, session: 5, group: 10 });
    processes.add(11, { parent: 5, session: 5, group: 10 });
    expect(rulesOf(11)).toEqual([]);
  });

  it('end with a zombie', () => {
    const { processes, rulesOf } = setUp([byPid(1, 10)]);
    processes.add(10);
    expect(rulesOf(10)).toEqual([1]);
    processes.change(10, { isAlive: false });
    expect(rulesOf(10)).toEqual([]);
  });

  it('cost no reading of processes that they do not concern', () => {
    const { processes, tree } = setUp([byPid(1, 10)]);
    for (let pid = 10; pid < 200; pid++) processes.add(pid);
    for (let i = 0; i < 10; i++) tree.scan();
    tree.tracked();
    let reads = 0;
    const stat = processes.stat.bind(processes);
    processes.stat = (pid) => {
      reads += 1;
      return stat(pid);
    };
    tree.scan();
    tree.tracked();
    reads = 0;
    expect(tree.scan()).toBe(false);
    expect(reads).toBe(1);
  });
});
