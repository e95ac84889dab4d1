/** Users and groups, as /etc/passwd and /etc/group have them. Other sources, such as LDAP, are not asked. */
import { readFileSync } from 'node:fs';
import { isSystemError } from '../base/system-error.ts';
import type { AccountNames } from '../spec/accounts.ts';

export class Accounts implements AccountNames {
  readonly #passwdFile: string;
  readonly #groupFile: string;

  constructor(passwdFile = '/etc/passwd', groupFile = '/etc/group') {
    this.#passwdFile = passwdFile;
    this.#groupFile = groupFile;
  }

  userNames(): string[] {
    return this.#users().map(({ name }) => name);
  }

  groupNames(): string[] {
    return linesOf(this.#groupFile).flatMap(([name, , gid]) => (name && gid ? [name] : []));
  }

  /** Of a name or a number. null if there is no such name. */
  uidOf(user: string): number | null {
    if (/^\d+$/.test(user)) return Number(user);
    return this.#users().find(({ name }) => name === user)?.uid ?? null;
  }

  /** The name of a user; the number if there is none. */
  nameOf(uid: number): string {
    return this.#users().find((user) => user.uid === uid)?.name ?? String(uid);
  }

  /** The users of a group, by its name or number: those who begin in it and those whom it lists. */
  uidsOfGroup(group: string): number[] {
    const users = this.#users();
    const found = linesOf(this.#groupFile).find(([name, , id]) => name === group || id === group);
    const gid = found === undefined ? (/^\d+$/.test(group) ? Number(group) : null) : Number(found[2]);
    if (gid === null) return [];
    const members = new Set((found?.[3] ?? '').split(','));
    return users.filter((user) => user.gid === gid || members.has(user.name)).map(({ uid }) => uid);
  }

  /** `NAME:PASSWORD:UID:GID:…`, a line each (passwd(5)). */
  #users(): { readonly name: string; readonly uid: number; readonly gid: number }[] {
    return linesOf(this.#passwdFile).flatMap(([name, , uid, gid]) =>
      name && uid && gid ? [{ name, uid: Number(uid), gid: Number(gid) }] : [],
    );
  }
}

function linesOf(file: string): string[][] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .map((line) => line.split(':'));
  } catch (error) {
    if (isSystemError(error)) return [];
    throw error;
  }
}
