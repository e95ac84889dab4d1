/**
 * A broken invariant ends the program. The queue rules say `bypass`, so traffic then flows on unshaped, which
 * is better than shaped wrongly.
 */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

export function invariant(holds: boolean, message: string): asserts holds {
  if (!holds) throw new InvariantError(message);
}
