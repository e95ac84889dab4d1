/**
 * The initial 0 of a number field that will hold fractions or instants. V8 chooses the layout of an object by
 * the values that its fields have held. A field that starts with 0 is a small integer; the first float64
 * makes the layout of all earlier objects stale, and V8 discards optimised code once for each of them. With
 * three hundred TCP senders this took a third of a simulation's time. Minus zero is a float64 from the start
 * and counts and compares like 0. It must not be shown.
 */
export const FLOAT_ZERO = -0;
