/**
 * Jain, Chiu, Hawe, "A quantitative measure of fairness" (1984): the square of the sum divided by n times the
 * sum of squares. 1 if all are equal, 1/n if one has all, NaN if there is nothing to share.
 */
export function jainIndex(values: readonly number[]): number {
  const sum = values.reduce((a, b) => a + b, 0);
  const squares = values.reduce((a, b) => a + b * b, 0);
  return squares === 0 ? Number.NaN : (sum * sum) / (values.length * squares);
}
