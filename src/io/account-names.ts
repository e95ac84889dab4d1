/**
 * Names of users and groups, as /etc/passwd and /etc/group have them. Other sources, such as LDAP, are not
 * asked: a number stands for such a user.
 */
import { readFileSync } from 'node:fs';
import { isSystemError } from '../base/system-error.ts';
import type { AccountNames } from '../spec/accounts.ts';

/** Reads a file when it is asked for. */
export function accountNames(passwdFile = '/etc/passwd', groupFile = '/etc/group'): AccountNames {
  return { userNames: () => firstFields(passwdFile), groupNames: () => firstFields(groupFile) };
}

/** `NAME:…`, a line each (passwd(5), group(5)). Nothing if the file cannot be read. */
function firstFields(file: string): string[] {
  try {
    const lines = readFileSync(file, 'utf8').split('\n');
    return lines.flatMap((line) => (line.includes(':') ? [line.slice(0, line.indexOf(':'))] : []));
  } catch (error) {
    if (isSystemError(error)) return [];
    throw error;
  }
}
