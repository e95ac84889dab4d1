/** How much of each subject there is now: processes and sockets. Counted only when somebody asks. */
import type { Attachment, AttachmentReport } from './attachment.ts';
import { winningRules } from './build-update.ts';
import type { Machine } from './machine.ts';
import type { Registry } from './registry.ts';

export class Counter {
  readonly #machine: Machine;
  readonly #registry: Registry;

  constructor(machine: Machine, registry: Registry) {
    this.#machine = machine;
    this.#registry = registry;
  }

  reports(attachments: Iterable<Attachment>): AttachmentReport[] {
    const known = this.#machine.ipSockets();
    return [...attachments].map((attachment) => this.report(attachment, known));
  }

  report(attachment: Attachment, known = this.#machine.ipSockets()): AttachmentReport {
    const { id, text, classes, sinceMs, target } = attachment;
    const pids = this.#pidsOf(attachment);
    return {
      ...{ id, subject: text, text: this.#words(attachment), classes: [...classes.values()] },
      processes: pids.length,
      sockets: target.kind === 'socket' ? 1 : this.#socketsOf(pids, known),
      since: new Date(sinceMs).toISOString(),
      state: pids.length > 0 ? 'active' : 'waiting',
    };
  }

  #pidsOf({ id, target }: Attachment): readonly number[] {
    const { processes } = this.#machine;
    switch (target.kind) {
      case 'process':
        return this.#registry.tracked
          .filter(({ rules }) => winningRules(rules, this.#directionsOf).has(id))
          .map(({ process }) => process.pid);
      case 'socket':
        return [target.pid];
      case 'user':
        return processes.pids().filter((pid) => processes.uid(pid) === target.uid);
      case 'groups':
        return [...target.groups.pids];
      case 'container':
        return [...(target.container.groups?.pids ?? [])];
    }
  }

  readonly #directionsOf = (id: number) => {
    const attachment = this.#registry.get(id);
    if (attachment?.target.kind !== 'process') return null;
    return { rank: attachment.target.rank, directions: attachment.classes.keys() };
  };

  /** Those of IP, if the kernel tells them: programs have others as well. */
  #socketsOf(pids: readonly number[], known: ReadonlySet<number> | null): number {
    const inodes = new Set<number>();
    for (const pid of pids)
      for (const inode of this.#machine.processes.sockets(pid).values()) inodes.add(inode);
    return known === null ? inodes.size : [...inodes].filter((inode) => known.has(inode)).length;
  }

  /** For people: which program a process runs, which process has a socket. */
  #words({ subject, target }: Attachment): string {
    const { processes } = this.#machine;
    const nameOf = (pid: number): string => processes.stat(pid)?.name ?? '';
    if (subject.kind === 'pid') return nameOf(subject.pid);
    if (subject.kind === 'pgid') return nameOf(subject.pgid);
    if (target.kind === 'socket') return nameOf(target.pid);
    if (subject.kind === 'unit' && target.kind === 'groups') return target.groups.paths.join(' ');
    return '';
  }
}
