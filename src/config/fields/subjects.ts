/** Text forms of the users, groups, control groups and programs for which matchers ask. */
import { FieldError, type TextForm } from './kinds.ts';
import { wholeNumber } from './quantities.ts';

/** 2^32 - 1 is no id: the kernel means "none" by it. */
const ID_MAX = 0xfffffffe;
/** Of useradd(8), and of directories whose names have a domain. */
const ACCOUNT_NAME = /^[a-z_][\w.@-]{0,63}\$?$/i;
/** Where control groups are mounted: alone, or beside those of version 1. */
const CGROUP_MOUNTS = ['/sys/fs/cgroup/unified', '/sys/fs/cgroup'];

/** A name or a number. A number is written in decimal. */
function account(kind: 'user' | 'group', numberName: string): TextForm<string> {
  return {
    read(text) {
      const number = wholeNumber(text);
      if (number !== null && number >= 0 && number <= ID_MAX) return String(number);
      if (number === null && ACCOUNT_NAME.test(text)) return text;
      throw new FieldError(`'${text}' is not a ${kind}; write its name, or its ${numberName} 0 to ${ID_MAX}`);
    },
    write: (value) => value,
  };
}

export const user = account('user', 'uid');
export const group = account('group', 'gid');

/** A path from the root of all control groups. The place where they are mounted may stand before it. */
export const cgroup: TextForm<string> = {
  read(text) {
    const mount = CGROUP_MOUNTS.find((folder) => text === folder || text.startsWith(`${folder}/`));
    const path = mount === undefined ? text : text.slice(mount.length) || '/';
    checkPath(text, path, `a control group; write its path, such as /system.slice/nginx.service`);
    return path.length > 1 ? path.replace(/\/+$/, '') : path;
  },
  write: (path) => path,
};

/** The file of a program, as /proc/PID/exe shows it. */
export const executable: TextForm<string> = {
  read(text) {
    checkPath(text, text, 'a program; write the absolute path of its file, such as /usr/bin/rsync');
    if (text.endsWith('/')) throw new FieldError(`'${text}' is a directory, not the file of a program`);
    return text;
  },
  write: (path) => path,
};

function checkPath(text: string, path: string, what: string): void {
  if (!path.startsWith('/')) throw new FieldError(`'${text}' is not ${what}`);
  if (/(^|\/)\.{1,2}(\/|$)/.test(path))
    throw new FieldError(`'${text}' has . or .. in it; write the plain path`);
  if (path.includes('//')) throw new FieldError(`'${text}' has two slashes beside each other; write one`);
}
