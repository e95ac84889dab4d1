/** The subject of `tcp`: that of `why`, or the path of a class. */
import type { TraceSubject } from '../../core/trace/trace-subject.ts';
import { PROTOCOLS } from '../../packet/protocols.ts';
import { ApiError } from '../api-error.ts';
import { unknownClass } from '../views/class-filter.ts';
import { parseSubject } from '../why/subject.ts';

export interface TcpSubject {
  /** In one spelling. */
  readonly text: string;
  readonly traced: TraceSubject;
}

const WHERE = 'query.subject';
/** Neither an address nor a prefix looks so. */
const CLASS_PATH = /^[a-z][a-z0-9_-]*\/[a-z0-9_/-]*$/;

/** `paths` are the classes of now. Throws ApiError. */
export function parseTcpSubject(text: string, paths: readonly string[]): TcpSubject {
  const path = text.trim();
  if (CLASS_PATH.test(path)) {
    if (!paths.includes(path)) throw unknownClass(path, paths, WHERE);
    return { text: path, traced: { kind: 'class', path } };
  }
  const { text: spelled, protocols, ends } = orClass(() => parseSubject(text));
  if (protocols !== null && !protocols.some((one) => PROTOCOLS.tcp!.includes(one)))
    throw new ApiError(400, 'wrong-subject', 'only TCP has segments to show', WHERE);
  return { text: spelled, traced: { kind: 'ends', ends } };
}

/** Errors about the forms of a subject name the one that only `tcp` has. */
function orClass<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof ApiError) || !error.hint.startsWith('write ')) throw error;
    const hint = `${error.hint}, or a class such as wan/up`;
    throw new ApiError(error.status, error.code, error.message, error.where, hint);
  }
}
