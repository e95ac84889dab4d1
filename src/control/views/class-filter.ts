/** Which flows a class has. */

import { nearest } from '../../base/nearest.ts';
import { NONE } from '../../base/none.ts';
import type { FlowRecord } from '../../core/flows/flow-reader.ts';
import { ApiError } from '../api-error.ts';
import type { ClassLabel } from '../snapshot.ts';

/**
 * Takes flows of the class and of those inside it.
 * @throws ApiError
 */
export function classFilter(path: string, classes: readonly ClassLabel[]): (record: FlowRecord) => boolean {
  const isIn = classes.map((label) => label.path === path || label.path.startsWith(`${path}/`));
  if (!isIn.includes(true)) {
    const paths = classes.map((label) => label.path);
    throw unknownClass(path, paths, 'query.class');
  }
  return ({ leaf, secondLeaf }) =>
    (leaf !== NONE && isIn[leaf] === true) || (secondLeaf !== NONE && isIn[secondLeaf] === true);
}

/** A class of the same depth is meant rather than one that contains the misspelt one. */
export function unknownClass(path: string, paths: readonly string[], where: string): ApiError {
  const depthOf = (of: string): number => of.split('/').length;
  const like = nearest(
    path,
    paths.filter((other) => depthOf(other) === depthOf(path)),
  );
  const near = like?.isNear ? like : nearest(path, paths);
  const hint = near === null ? 'there are no classes' : `did you mean ${near.word}?`;
  return new ApiError(404, 'unknown-class', `there is no class '${path.slice(0, 200)}'`, where, hint);
}
