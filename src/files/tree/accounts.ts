/** Users and groups of this machine, as /etc has them. Both files are read again when they have changed. */
import { readFileSync, statSync } from 'node:fs';

export interface Accounts {
  /** Of a name or a number; null: there is no such user. */
  uidOf(owner: string): number | null;
  gidOf(group: string): number | null;
  /** The name, or the number as text. */
  userText(uid: number): string;
  groupText(gid: number): string;
  userNames(): readonly string[];
}

/** Names that `access` can have. */
const NAME = /^[A-Za-z_][\w.-]*\$?$/;

export class EtcAccounts implements Accounts {
  readonly #users: NameFile;
  readonly #groups: NameFile;

  constructor(users = '/etc/passwd', groups = '/etc/group') {
    this.#users = new NameFile(users);
    this.#groups = new NameFile(groups);
  }

  uidOf(owner: string): number | null {
    return numberOf(owner, this.#users);
  }

  gidOf(group: string): number | null {
    return numberOf(group, this.#groups);
  }

  userText(uid: number): string {
    return this.#users.names().get(uid) ?? String(uid);
  }

  groupText(gid: number): string {
    return this.#groups.names().get(gid) ?? String(gid);
  }

  userNames(): readonly string[] {
    return [...this.#users.numbers().keys()];
  }
}

function numberOf(text: string, file: NameFile): number | null {
  return /^\d+$/.test(text) ? Number(text) : (file.numbers().get(text) ?? null);
}

/** `NAME:PASSWORD:NUMBER:…`, a line each (passwd(5), group(5)). The first of two lines counts. */
class NameFile {
  readonly #file: string;
  #version = '';
  #numbers = new Map<string, number>();
  #names = new Map<number, string>();

  constructor(file: string) {
    this.#file = file;
  }

  numbers(): ReadonlyMap<string, number> {
    this.#read();
    return this.#numbers;
  }

  names(): ReadonlyMap<number, string> {
    this.#read();
    return this.#names;
  }

  #read(): void {
    const found = statSync(this.#file, { throwIfNoEntry: false });
    const version = found === undefined ? 'none' : `${found.ino} ${found.mtimeMs} ${found.size}`;
    if (version === this.#version) return;
    this.#version = version;
    this.#numbers = new Map();
    this.#names = new Map();
    const lines = found === undefined ? [] : readFileSync(this.#file, 'utf8').split('\n');
    for (const line of lines) {
      const [name = '', , number = ''] = line.split(':');
      if (!NAME.test(name) || !/^\d+$/.test(number)) continue;
      if (!this.#numbers.has(name)) this.#numbers.set(name, Number(number));
      if (!this.#names.has(Number(number))) this.#names.set(Number(number), name);
    }
  }
}
