/** One attachment: a subject, and the class that its packets go to in each direction. */
import { nearest } from '../../base/nearest.ts';
import { listClasses } from '../../core/classes/classes.ts';
import type { ShaperSpec } from '../../spec/spec.ts';
import { ApiError } from '../api-error.ts';
import type { Target } from './resolve.ts';
import type { Subject } from './subject.ts';

export interface Attachment {
  /** Grows; never given again. */
  readonly id: number;
  readonly subject: Subject;
  /** As it was written. */
  readonly text: string;
  /** Tells subjects apart: `user:1000` and `user:alice` may be the same. */
  readonly key: string;
  readonly target: Target;
  /** By direction (`wan/up`): the class. */
  readonly classes: Map<string, string>;
  /** Classes that were made for it and end with it. */
  made: readonly string[];
  /** The control group was made for it as well and goes with it. */
  readonly ownsGroup: boolean;
  readonly sinceMs: number;
}

export interface AttachmentReport {
  readonly id: number;
  readonly subject: string;
  /** What it is: the program of a process, the paths of a unit. Empty if the subject says all. */
  readonly text: string;
  readonly classes: readonly string[];
  readonly processes: number;
  readonly sockets: number;
  /** ISO 8601. */
  readonly since: string;
  /** `waiting`: nothing of it is here now. */
  readonly state: 'active' | 'waiting';
}

/** `wan/up/guests` is in `wan/up`. */
export function directionOf(path: string): string {
  return path.split('/').slice(0, 2).join('/');
}

/** The classes by their directions. Throws ApiError if one is none, or if two have one direction. */
export function classesByDirection(
  paths: readonly string[],
  spec: ShaperSpec,
  where: string,
): Map<string, string> {
  if (paths.length === 0) throw new ApiError(400, 'wrong-value', `${where}: a class is expected`, where);
  const known = listClasses(spec).map(({ path }) => path);
  const result = new Map<string, string>();
  for (const path of paths) {
    if (!known.includes(path)) throw unknownClass(path, known, where);
    const direction = directionOf(path);
    const other = result.get(direction);
    if (other !== undefined && other !== path) {
      const message = `${other} and ${path} are in one direction: packets go to one class of ${direction}`;
      throw new ApiError(400, 'two-classes', message, where, 'name one class for each direction');
    }
    result.set(direction, path);
  }
  return result;
}

function unknownClass(path: string, known: readonly string[], where: string): ApiError {
  const directions = known.filter((one) => one.startsWith(`${path}/`) && one.split('/').length === 2);
  if (directions.length > 0) {
    const message = `${path} is a link: a class or a direction is expected`;
    return new ApiError(404, 'unknown-class', message, where, `it has ${directions.join(' and ')}`);
  }
  const parent = path.slice(0, path.lastIndexOf('/') + 1);
  const beside = nearest(
    path,
    known.filter((one) => one.startsWith(parent) && one !== parent.slice(0, -1)),
  );
  const near = beside?.isNear ? beside : nearest(path, known);
  const hint = near === null ? 'no link is configured' : `the nearest is ${near.word}`;
  return new ApiError(404, 'unknown-class', `there is no class ${path}`, where, hint);
}
