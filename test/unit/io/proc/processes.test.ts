import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Processes } from '../../../../src/io/proc/processes.ts';

interface Some {
  readonly name?: string;
  readonly state?: string;
  readonly exe?: string;
  readonly status?: string;
  readonly fds?: Readonly<Record<string, string>>;
}

/** A /proc of its own. */
function setUp() {
  const root = mkdtempSync(join(tmpdir(), 'proc-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const add = (pid: number, { name = 'sh', state = 'S', exe, status = '', fds = {} }: Some = {}): void => {
    const folder = join(root, String(pid));
    mkdirSync(join(folder, 'fd'), { recursive: true });
    const later = Array.from({ length: 15 }, () => '0').join(' ');
    writeFileSync(join(folder, 'stat'), `${pid} (${name}) ${state} 1 20 30 0 ${later.slice(2)} 4711 0\n`);
    writeFileSync(join(folder, 'status'), status);
    writeFileSync(join(folder, 'cgroup'), '4:memory:/old\n0::/user.slice/a b\n');
    if (exe !== undefined) symlinkSync(exe, join(folder, 'exe'));
    for (const [fd, target] of Object.entries(fds)) symlinkSync(target, join(folder, 'fd', fd));
  };
  return { root, add, processes: new Processes(root) };
}

describe('processes of a /proc', () => {
  it('are its folders with numbers', () => {
    const { root, add, processes } = setUp();
    add(7);
    add(12);
    mkdirSync(join(root, 'sys'));
    writeFileSync(join(root, 'loadavg'), '7.42 6.27 3.97 10/211 23377\n');
    expect(processes.pids().sort()).toEqual([12, 7]);
    expect(processes.lastPid()).toBe(23377);
  });

  it('have names that may hold spaces and brackets', () => {
    const { add, processes } = setUp();
    add(7, { name: 'a) S 9 (b' });
    expect(processes.stat(7)).toEqual({
      ...{ pid: 7, name: 'a) S 9 (b', parent: 1, group: 20, session: 30, startTicks: 4711, isAlive: true },
    });
  });

  it('have ended when they are zombies', () => {
    const { add, processes } = setUp();
    add(7, { state: 'Z' });
    expect(processes.stat(7)?.isAlive).toBe(false);
  });

  it('know their program, also one that was replaced on the disk', () => {
    const { add, processes } = setUp();
    add(7, { exe: '/usr/bin/rsync (deleted)' });
    add(8);
    expect([processes.exe(7), processes.exe(8)]).toEqual(['/usr/bin/rsync', null]);
  });

  it('know their sockets, their user, their process if they are threads, and their control group', () => {
    const { add, processes } = setUp();
    const status =
      'Name:\tsh\nTgid:\t6\nUid:\t1000\t1001\t1002\t1003\nGid:\t50\t51\t52\t53\nGroups:\t50 60 \n';
    add(7, { status, fds: { '0': '/dev/null', '3': 'socket:[111]', '4': 'pipe:[5]', '10': 'socket:[112]' } });
    expect([...processes.sockets(7)].sort()).toEqual([
      [10, 112],
      [3, 111],
    ]);
    expect([processes.owner(7), processes.groups(7)]).toEqual([{ uid: 1003, gid: 53 }, [50, 60]]);
    expect([processes.owner(99), processes.groups(99), processes.systemCall(99)]).toEqual([null, null, null]);
    expect([processes.socket(7, 10), processes.socket(7, 4), processes.socket(7, 99)]).toEqual([
      112,
      null,
      null,
    ]);
    expect([processes.uid(7), processes.threadGroup(7), processes.cgroup(7)]).toEqual([
      ...[1003, 6, '/user.slice/a b'],
    ]);
  });

  it('that are not there are null everywhere', () => {
    const { processes } = setUp();
    expect([processes.stat(9), processes.exe(9), processes.uid(9), processes.cgroup(9)]).toEqual([
      ...[null, null, null, null],
    ]);
    expect([processes.threadGroup(9), processes.netNamespace(9), processes.sockets(9).size]).toEqual([
      ...[null, null, 0],
    ]);
  });
});

it('this process is among those of this machine', () => {
  const processes = new Processes();
  expect(processes.pids()).toContain(process.pid);
  expect(processes.stat(process.pid)).toMatchObject({ parent: process.ppid, isAlive: true });
  expect(processes.threadGroup(process.pid)).toBe(process.pid);
  expect(processes.netNamespace(process.pid)).toBe(processes.netNamespace('self'));
});
