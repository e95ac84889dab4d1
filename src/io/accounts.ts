/**
 * Users and groups, as /etc/passwd and /etc/group have them. Other sources, such as LDAP, are not asked. A
 * file is read again when it has changed.
 */
import { readFileSync, statSync } from 'node:fs';
import type { AccountNames } from '../spec/accounts.ts';
import { unlessGone } from './unless-gone.ts';

export class Accounts implements AccountNames {
  readonly #users: AccountFile;
  readonly #groups: AccountFile;

  constructor(passwdFile = '/etc/passwd', groupFile = '/etc/group') {
    this.#users = new AccountFile(passwdFile);
    this.#groups = new AccountFile(groupFile);
  }

  userNames(): string[] {
    return this.#users.entries().map(({ name }) => name);
  }

  groupNames(): string[] {
    return this.#groups.entries().map(({ name }) => name);
  }

  /** Of a name or a number. null if there is no such name. */
  uidOf(user: string): number | null {
    return this.#users.numberOf(user);
  }

  gidOf(group: string): number | null {
    return this.#groups.numberOf(group);
  }

  /** The name of a user; the number if there is none. */
  nameOf(uid: number): string {
    return this.#users.nameOf(uid);
  }

  groupNameOf(gid: number): string {
    return this.#groups.nameOf(gid);
  }

  /** The users of a group, by its name or number: those who begin in it and those whom it lists. */
  uidsOfGroup(group: string): number[] {
    const gid = this.gidOf(group);
    if (gid === null) return [];
    const listed = this.#groups.entries().find(({ id }) => id === gid)?.rest[0] ?? '';
    const members = new Set(listed.split(','));
    const users = this.#users.entries();
    return users.filter(({ name, rest }) => Number(rest[0]) === gid || members.has(name)).map(({ id }) => id);
  }
}

interface Account {
  readonly name: string;
  readonly id: number;
  /** Of a user the group, of a group its members. */
  readonly rest: readonly string[];
}

/** `NAME:PASSWORD:NUMBER:…`, a line each (passwd(5), group(5)). The first of two lines counts. */
class AccountFile {
  readonly #file: string;
  #version = '';
  #entries: readonly Account[] = [];
  #ids = new Map<string, number>();
  #names = new Map<number, string>();

  constructor(file: string) {
    this.#file = file;
  }

  entries(): readonly Account[] {
    this.#read();
    return this.#entries;
  }

  numberOf(text: string): number | null {
    if (/^\d+$/.test(text)) return Number(text);
    this.#read();
    return this.#ids.get(text) ?? null;
  }

  nameOf(id: number): string {
    this.#read();
    return this.#names.get(id) ?? String(id);
  }

  #read(): void {
    const found = unlessGone(() => statSync(this.#file));
    const version = found === null ? 'none' : `${found.ino} ${found.mtimeMs} ${found.size}`;
    if (version === this.#version) return;
    const lines = (unlessGone(() => readFileSync(this.#file, 'utf8')) ?? '').split('\n');
    this.#version = version;
    this.#entries = lines.flatMap((line) => {
      const [name = '', , id = '', ...rest] = line.split(':');
      return name !== '' && /^\d+$/.test(id) ? [{ name, id: Number(id), rest }] : [];
    });
    // Later entries of a map take the place of earlier ones.
    const first = [...this.#entries].reverse();
    this.#ids = new Map(first.map(({ name, id }) => [name, id]));
    this.#names = new Map(first.map(({ name, id }) => [id, name]));
  }
}
