/**
 * 0 for a number field that will hold fractions or instants. V8 lays a class's objects out by what their
 * fields have held: made with 0, a field is a small integer's, and when the first float64 comes every object
 * made before has a stale layout. Optimised code that meets one is thrown away, once for each: three hundred
 * TCP senders cost twenty simulated seconds a third of their time. Minus zero has been a float64 from the
 * start, and counts and compares like 0; it must not be shown.
 */
export const FLOAT_ZERO = -0;
