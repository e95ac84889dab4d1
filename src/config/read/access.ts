/** Who may read and write the files of a class. */
import type { Node } from 'yaml';
import type { ClassAccess } from '../../spec/access.ts';
import { ACCESS } from '../fields/access.ts';
import type { Located } from '../yaml/reader.ts';
import type { ClassContext } from './context.ts';
import { accountFault } from './subjects.ts';

export interface ReadAccess {
  readonly path: string;
  readonly entries: ClassAccess;
}

/** `context` is that of the class. */
export function readAccess({ reader, path, accesses, accounts }: ClassContext, at: Located<Node>): void {
  const written = reader.section(at.value, ACCESS, 'access');
  for (const [name, entry] of Object.entries(written)) {
    if (entry === undefined || accounts === null) continue;
    const { owner, group } = entry.value;
    const faults = [
      accountFault(owner, 'user', name, () => accounts.userNames()),
      accountFault(group, 'group', name, () => accounts.groupNames()),
    ];
    // No error: a user who has been removed must not keep the shaper from its next start.
    for (const fault of faults)
      if (fault !== null) reader.problems.warn(entry.offset, `access: ${fault}; until then it is root`);
  }
  const entries = Object.entries(written).flatMap(([name, entry]) => (entry ? [[name, entry.value]] : []));
  accesses.push({ path, entries: Object.fromEntries(entries) });
}
