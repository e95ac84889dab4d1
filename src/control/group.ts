/** The number of a group, as /etc/group has it. Groups of other sources, such as LDAP, are not looked up. */
import { readFile } from 'node:fs/promises';
import { nearest } from '../base/nearest.ts';
import { reasonOf } from '../base/system-error.ts';
import { ControlError } from './server.ts';

const GROUPS_FILE = '/etc/group';

/** Rejects with ControlError if there is no such group. */
export async function gidOf(name: string, file: string = GROUPS_FILE): Promise<number> {
  const groups = parseGroups(await read(file));
  const gid = groups.get(name);
  if (gid !== undefined) return gid;
  const near = nearest(name, [...groups.keys()]);
  const hint = near?.isNear
    ? `did you mean '${near.word}'?`
    : `make it (groupadd --system ${name}), or name another`;
  throw new ControlError('failed', `control.group: there is no group '${name}' in ${file}`, hint);
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new ControlError('failed', `control.group: ${file}: ${reasonOf(error)}`, 'leave control.group out');
  }
}

/** `NAME:PASSWORD:GID:MEMBERS`, a line each (group(5)). The first of two lines with one name counts. */
function parseGroups(text: string): Map<string, number> {
  const groups = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [name, , gid] = line.split(':');
    if (name && gid && /^\d+$/.test(gid) && !groups.has(name)) groups.set(name, Number(gid));
  }
  return groups;
}
