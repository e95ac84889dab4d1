/** MACs as people write them. */

/** `00:50:8d:68:50:75`, from the first two bytes and the last four. */
export function macText(high: number, low: number): string {
  const digits = high.toString(16).padStart(4, '0') + low.toString(16).padStart(8, '0');
  return (digits.match(/../g) ?? []).join(':');
}
