/** Who may read and write the files of a class. */
import type { Node } from 'yaml';
import type { ClassAccess } from '../../spec/access.ts';
import { ACCESS } from '../fields/access.ts';
import type { Located } from '../yaml/reader.ts';
import type { ClassContext } from './context.ts';

export interface ReadAccess {
  readonly path: string;
  readonly entries: ClassAccess;
}

/** `context` is that of the class. */
export function readAccess({ reader, path, accesses }: ClassContext, at: Located<Node>): void {
  const written = reader.section(at.value, ACCESS, 'access');
  const entries = Object.entries(written).flatMap(([name, entry]) => (entry ? [[name, entry.value]] : []));
  accesses.push({ path, entries: Object.fromEntries(entries) });
}
