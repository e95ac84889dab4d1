/**
 * Absent row or index in an Int32Array column. Rows are signed: V8 keeps them as machine integers, which it
 * does not for 0xffffffff.
 */
export const NONE = -1;
