/** A machine that a test makes up: processes in memory, control groups as folders of a temporary one. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { ContainerName } from '../../../../src/control/subjects/containers.ts';
import type { Machine } from '../../../../src/control/subjects/machine.ts';
import { Accounts } from '../../../../src/io/accounts.ts';
import { Cgroups } from '../../../../src/io/proc/cgroups.ts';
import type { ProcessSource, ProcessStat } from '../../../../src/io/proc/processes.ts';

export interface FakeProcess extends ProcessStat {
  exe: string;
  uid: number;
  sockets: Map<number, number>;
  netNamespace: string;
}

export class FakeProcesses implements ProcessSource {
  readonly all = new Map<number, FakeProcess>();
  /** Threads and their processes. */
  readonly threads = new Map<number, number>();
  #starts = 0;
  #last = 0;

  add(pid: number, some: Partial<FakeProcess> = {}): FakeProcess {
    const parent = some.parent ?? 1;
    const name = some.name ?? `program-${pid}`;
    const process: FakeProcess = {
      ...{ pid, name, parent, group: pid, session: pid, startTicks: ++this.#starts, isAlive: true },
      ...{ exe: `/usr/bin/${name}`, uid: 0, sockets: new Map(), netNamespace: 'net:[1]' },
      ...some,
    };
    this.all.set(pid, process);
    this.#last = pid;
    return process;
  }

  /** The kernel gives its children to pid 1. */
  end(pid: number): void {
    this.all.delete(pid);
    for (const [other, process] of this.all)
      if (process.parent === pid) this.all.set(other, { ...process, parent: 1 });
  }

  change(pid: number, some: Partial<FakeProcess>): void {
    this.all.set(pid, { ...this.all.get(pid)!, ...some });
  }

  pids(): number[] {
    return [...this.all.keys()];
  }

  stat(pid: number): ProcessStat | null {
    const process = this.all.get(pid) ?? this.all.get(this.threads.get(pid) ?? -1);
    return process === undefined ? null : { ...process, pid };
  }

  exe(pid: number): string | null {
    return this.all.get(pid)?.exe ?? null;
  }

  uid(pid: number): number | null {
    return this.all.get(pid)?.uid ?? null;
  }

  threadGroup(pid: number): number | null {
    return this.threads.get(pid) ?? (this.all.has(pid) ? pid : null);
  }

  sockets(pid: number): ReadonlyMap<number, number> {
    return this.all.get(pid)?.sockets ?? new Map();
  }

  socket(pid: number, fd: number): number | null {
    return this.sockets(pid).get(fd) ?? null;
  }

  cgroup(): string | null {
    return '/';
  }

  netNamespace(pid: number | 'self'): string | null {
    return pid === 'self' ? 'net:[1]' : (this.all.get(pid)?.netNamespace ?? null);
  }

  lastPid(): number {
    return this.#last;
  }
}

export interface FakeMachine extends Machine {
  readonly processes: FakeProcesses;
  readonly cgroups: Cgroups;
  /** Makes a control group with these processes. */
  group(path: string, pids?: readonly number[]): void;
  removeGroup(path: string): void;
}

export function fakeMachine(
  some: { readonly containers?: () => readonly ContainerName[] } = {},
): FakeMachine {
  const folder = mkdtempSync(join(tmpdir(), 'subjects-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const mount = join(folder, 'cgroup');
  mkdirSync(mount);
  const [passwd, group] = [join(folder, 'passwd'), join(folder, 'group')];
  writeFileSync(
    passwd,
    'root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\nbob:x:1001:50::/:/\n',
  );
  writeFileSync(group, 'root:x:0:\nstaff:x:50:alice\ndev:x:60:\n');
  return {
    processes: new FakeProcesses(),
    cgroups: new Cgroups(mount),
    accounts: new Accounts(passwd, group),
    containers: some.containers ?? (() => []),
    ipSockets: () => null,
    addressesOf: () => ['172.17.0.2', '2001:db8::2'],
    outsideEnds: () => [7],
    programFile: (path) => (path.startsWith('/usr/bin/') ? path : null),
    programsCalled: (name) => (name === 'rsync' ? ['/usr/bin/rsync'] : []),
    group: (path, pids = []) => {
      mkdirSync(mount + path, { recursive: true });
      writeFileSync(`${mount}${path}/cgroup.procs`, pids.map((pid) => `${pid}\n`).join(''));
    },
    removeGroup: (path) => rmSync(mount + path, { recursive: true }),
  };
}
