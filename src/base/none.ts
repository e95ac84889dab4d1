/** Absent row, index or id in a Uint32 column; never -1, so columns stay unsigned. */
export const NONE = 0xffffffff;
