/** What may be attached to classes: a text such as `pid:1234` or `unit:nginx`, and what it means. */
import { nearest } from '../../base/nearest.ts';
import { ApiError } from '../api-error.ts';

export type Subject =
  | { readonly kind: 'pid'; readonly pid: number }
  | { readonly kind: 'pgid'; readonly pgid: number }
  | { readonly kind: 'socket'; readonly pid: number; readonly fd: number }
  | { readonly kind: 'user'; readonly name: string }
  | { readonly kind: 'cgroup'; readonly path: string }
  | { readonly kind: 'exe'; readonly path: string }
  | { readonly kind: 'unit'; readonly name: string }
  | { readonly kind: 'container'; readonly name: string }
  /** Every process with this name. */
  | { readonly kind: 'program'; readonly name: string };

export type SubjectKind = Subject['kind'];

/** The forms of texts, for messages and help. */
export const SUBJECT_FORMS =
  'pid:N, pgid:N, socket:PID/FD, user:NAME, cgroup:PATH, exe:PATH, unit:NAME, container:NAME, or the name of a program';

const KINDS = ['pid', 'pgid', 'socket', 'user', 'cgroup', 'exe', 'unit', 'container'];
/** What systemd makes control groups for (systemd.unit(5)). */
const UNIT = /\.(service|scope|slice|socket|mount|swap)$/;
const TEXT_CHARS_MAX = 4096;
/** The largest pid of Linux is 2^22. */
const PID_DIGITS_MAX = 7;

/** Throws ApiError. `where` is the place of the text in the request. */
export function parseSubject(text: string, where: string): Subject {
  if (text.length > TEXT_CHARS_MAX || text.includes('\0')) throw wrong(where, 'too long for a subject', '');
  const colon = text.indexOf(':');
  if (colon >= 0) return parseKind(text, text.slice(0, colon), text.slice(colon + 1), where);
  if (text === '') throw wrong(where, 'a subject is expected', SUBJECT_FORMS);
  if (/^\d+$/.test(text)) throw wrong(where, `${text} is no subject`, `a process is written pid:${text}`);
  if (text.startsWith('/')) throw wrong(where, `${text} is no subject`, `a program's file is exe:${text}`);
  if (text.includes('/')) throw wrong(where, `${text} is no subject`, SUBJECT_FORMS);
  return { kind: 'program', name: text };
}

/** The text that parses as this subject. */
export function subjectText(subject: Subject): string {
  switch (subject.kind) {
    case 'pid':
      return `pid:${subject.pid}`;
    case 'pgid':
      return `pgid:${subject.pgid}`;
    case 'socket':
      return `socket:${subject.pid}/${subject.fd}`;
    case 'cgroup':
    case 'exe':
      return `${subject.kind}:${subject.path}`;
    case 'program':
      return subject.name;
    default:
      return `${subject.kind}:${subject.name}`;
  }
}

function parseKind(text: string, kind: string, rest: string, where: string): Subject {
  if (!KINDS.includes(kind)) {
    const near = nearest(kind, KINDS);
    const hint = near?.isNear ? `did you mean ${near.word}:${rest}?` : `known are ${SUBJECT_FORMS}`;
    throw wrong(where, `${text}: there is no kind of subject '${kind}'`, hint);
  }
  if (rest === '') throw wrong(where, `${text}: ${EXPECTED[kind]} is expected after the colon`, '');
  switch (kind) {
    case 'pid':
      return { kind, pid: numberOf(text, kind, rest, where) };
    case 'pgid':
      return { kind, pgid: numberOf(text, kind, rest, where) };
    case 'socket':
      return socketOf(text, rest, where);
    case 'user':
      return { kind, name: rest };
    case 'cgroup':
    case 'exe':
      return { kind, path: absolute(text, rest, where) };
    case 'unit':
      if (rest.includes('/')) throw wrong(where, `${text}: the name of a unit has no /`, 'cgroup:PATH');
      return { kind, name: UNIT.test(rest) ? rest : `${rest}.service` };
    default:
      if (!/^[a-zA-Z0-9][\w.-]*$/.test(rest))
        throw wrong(where, `${text}: the name or the id of a container is expected`, '');
      return { kind: 'container', name: rest };
  }
}

const EXPECTED: Readonly<Record<string, string>> = {
  pid: 'the number of a process',
  pgid: 'the number of a process group',
  socket: 'PID/FD',
  user: 'a name or a number',
  cgroup: 'a path such as /system.slice/nginx.service',
  exe: 'the absolute path of a program',
  unit: 'the name of a unit',
  container: 'the name of a container',
};

function numberOf(text: string, kind: string, rest: string, where: string): number {
  if (/^\d+$/.test(rest) && rest.length <= PID_DIGITS_MAX && Number(rest) > 0) return Number(rest);
  const hint = /^[a-z]/i.test(rest) ? `the program ${rest} is written without ${kind}: at all` : '';
  throw wrong(where, `${text}: ${EXPECTED[kind]} is expected`, hint);
}

function socketOf(text: string, rest: string, where: string): Subject {
  const [, pid, fd] = /^(\d{1,7})\/(\d{1,9})$/.exec(rest) ?? [];
  if (pid === undefined || fd === undefined || Number(pid) === 0)
    throw wrong(where, `${text}: PID/FD is expected`, 'ls -l /proc/PID/fd shows the sockets of a process');
  return { kind: 'socket', pid: Number(pid), fd: Number(fd) };
}

/** Without a slash at the end, empty parts and dots. */
function absolute(text: string, path: string, where: string): string {
  if (!path.startsWith('/')) throw wrong(where, `${text}: a path from / on is expected`, '');
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw wrong(where, `${text}: the path must not hold ..`, '');
  return `/${parts.join('/')}`;
}

function wrong(where: string, message: string, hint: string): ApiError {
  return new ApiError(400, 'wrong-subject', message, where, hint);
}
