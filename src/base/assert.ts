/**
 * Broken invariants crash: the queue rules say `bypass`, so traffic flows on, unshaped, instead of wrongly
 * shaped.
 */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

export function invariant(holds: boolean, message: string): asserts holds {
  if (!holds) throw new InvariantError(message);
}
