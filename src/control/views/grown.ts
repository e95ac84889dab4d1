/** Longer copies of columns. What is added is 0. */

export function grownFloats(column: Float64Array, rows: number): Float64Array<ArrayBuffer> {
  const grown = new Float64Array(rows);
  grown.set(column);
  return grown;
}

export function grownWords(column: Uint32Array, rows: number): Uint32Array<ArrayBuffer> {
  const grown = new Uint32Array(rows);
  grown.set(column);
  return grown;
}

export function grownInts(column: Int32Array, rows: number): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(rows);
  grown.set(column);
  return grown;
}
