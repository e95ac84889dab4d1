/**
 * An absent row or index. Rows are signed numbers, because V8 keeps them as machine integers, which it does
 * not do for 0xffffffff.
 */
export const NONE = -1;
