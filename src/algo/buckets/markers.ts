/**
 * Three-colour markers: measure traffic against a committed and an excess profile, and colour it green,
 * yellow or red.
 *
 * Reference: Heinanen, Guérin, "A single rate three color marker" (RFC 2697) and "A two rate three color
 * marker" (RFC 2698), section 3 of both; Aboul-Magd, Rabie, "A differentiated service two-rate, three-color
 * marker with efficient handling of in-profile traffic" (RFC 4115), section 3. Validity: lib/meter of DPDK.
 *
 * Model. Two buckets, full at the start:
 *
 *     single-rate (2697)             two-rate (2698)                   two-rate (4115)
 *     CIR > C --overflow--> E        CIR > C     PIR > P               CIR > C     EIR > E
 *
 *     green:  n <= C    C -= n       n <= P, C   C -= n, P -= n        n <= C      C -= n
 *     yellow: n <= E    E -= n       n <= P      P -= n                n <= E      E -= n
 *     red:    else                   n > P                             else
 *
 * A packet that comes yellow or red never gets a better colour (colour-aware; a blind marker takes every
 * packet for green). A red packet takes no tokens.
 *
 * | parameter               | unit         | range                                     |
 * |-------------------------|--------------|-------------------------------------------|
 * | committedBytesPerSec    | bytes/second | > 0 (4115: >= 0)                          |
 * | committedBytes          | bytes        | >= the largest packet, or 0: never green  |
 * | excessBytesPerSec       | bytes/second | 2698: PIR >= CIR; 4115: EIR; 2697: unused |
 * | excessBytes             | bytes        | as committedBytes                         |
 *
 * Worked example: single-rate, CIR 1000 B/s, CBS 1500, EBS 3000. Of four packets of 1500 B at once the first
 * is green, two are yellow, one is red. 1.5 s later one is green. E gets nothing until C has been full.
 *
 * Invariants (test/property/markers):
 *  1. Equal to the RFCs' buckets in exact arithmetic (test/oracle/markers.ts).
 *  2. Green bytes in any interval of length T are at most CBS + CIR * T. Green and yellow bytes are at most
 *     PBS + PIR * T (2698), or CBS + EBS + CIR * T (2697).
 *  3. No packet gets a better colour than it came with, and a red one takes nothing from any bucket.
 *
 * Departures: none. Bytes are IP bytes, as the RFCs say. A shortage below the rounding error counts as enough
 * tokens. A clock that stands still mints nothing. Cost: two multiplications and two comparisons per packet.
 */

export const GREEN = 0;
export const YELLOW = 1;
export const RED = 2;

export type MarkerKind = 'single-rate' | 'two-rate' | 'two-rate-4115';

export interface MarkerParameters {
  readonly kind: MarkerKind;
  readonly committedBytesPerSec: number;
  readonly committedBytes: number;
  readonly excessBytesPerSec: number;
  readonly excessBytes: number;
}

export interface MarkerBuckets {
  readonly committedTokens: Float64Array;
  /** E, or P of the two-rate marker. */
  readonly excessTokens: Float64Array;
  readonly lastNs: Float64Array;
}

const NS_PER_SEC = 1e9;
/** Rounding errs by less than a millionth of a byte for any burst below a gigabyte. */
const EPSILON_BYTES = 1e-6;

export function createMarkerBuckets(rows: number): MarkerBuckets {
  return {
    committedTokens: new Float64Array(rows),
    excessTokens: new Float64Array(rows),
    lastNs: new Float64Array(rows),
  };
}

/** Makes row `i` full. */
export function fillMarker(buckets: MarkerBuckets, i: number, params: MarkerParameters, nowNs: number): void {
  buckets.committedTokens[i] = params.committedBytes;
  buckets.excessTokens[i] = params.excessBytes;
  buckets.lastNs[i] = nowNs;
}

/** Colour of a packet that came with colour `before`, which is GREEN for a blind marker. */
export function markerColour(
  buckets: MarkerBuckets,
  i: number,
  params: MarkerParameters,
  lengthBytes: number,
  before: number,
  nowNs: number,
): number {
  refill(buckets, i, params, nowNs);
  if (before === RED) return RED;
  const isCommitted = before === GREEN && lengthBytes <= buckets.committedTokens[i] + EPSILON_BYTES;
  const isExcess = lengthBytes <= buckets.excessTokens[i] + EPSILON_BYTES;
  if (params.kind === 'two-rate') {
    if (!isExcess) return RED;
    take(buckets.excessTokens, i, lengthBytes);
  }
  if (isCommitted) {
    take(buckets.committedTokens, i, lengthBytes);
    return GREEN;
  }
  if (!isExcess) return RED;
  if (params.kind !== 'two-rate') take(buckets.excessTokens, i, lengthBytes);
  return YELLOW;
}

/**
 * Gives row `i`, whose parameters are `params`, the tokens of row `j` of `from` at `nowNs`, cut to its sizes.
 * The parameters of row `j` are `before`.
 */
export function inheritMarker(
  buckets: MarkerBuckets,
  i: number,
  params: MarkerParameters,
  from: MarkerBuckets,
  j: number,
  before: MarkerParameters,
  nowNs: number,
): void {
  refill(from, j, before, nowNs);
  buckets.committedTokens[i] = Math.min(from.committedTokens[j], params.committedBytes);
  buckets.excessTokens[i] = Math.min(from.excessTokens[j], params.excessBytes);
  buckets.lastNs[i] = from.lastNs[j];
}

function refill(buckets: MarkerBuckets, i: number, params: MarkerParameters, nowNs: number): void {
  const passedNs = nowNs - buckets.lastNs[i];
  if (passedNs <= 0) return;
  buckets.lastNs[i] = nowNs;
  const committed = buckets.committedTokens[i] + (params.committedBytesPerSec * passedNs) / NS_PER_SEC;
  const overflow = committed - params.committedBytes;
  buckets.committedTokens[i] = overflow > 0 ? params.committedBytes : committed;
  const earned =
    params.kind === 'single-rate'
      ? Math.max(0, overflow)
      : (params.excessBytesPerSec * passedNs) / NS_PER_SEC;
  buckets.excessTokens[i] = Math.min(params.excessBytes, buckets.excessTokens[i] + earned);
}

function take(tokens: Float64Array, i: number, lengthBytes: number): void {
  tokens[i] = Math.max(0, tokens[i] - lengthBytes);
}

/** Why these parameters make no sense; null if they do. */
export function markerProblem(params: MarkerParameters): string | null {
  const { committedBytesPerSec: cir, committedBytes: cbs, excessBytesPerSec: eir, excessBytes: ebs } = params;
  switch (params.kind) {
    case 'single-rate':
      if (cir <= 0) return 'the committed rate must be above 0';
      return cbs <= 0 && ebs <= 0 ? 'one of the two burst sizes must be above 0' : null;
    case 'two-rate':
      if (cir <= 0 || eir <= 0 || cbs <= 0 || ebs <= 0) return 'both rates and both sizes must be above 0';
      return eir < cir ? 'the peak rate must not be below the committed rate' : null;
    case 'two-rate-4115':
      if (cir > 0 && cbs <= 0) return 'a committed rate needs a committed burst size above 0';
      return eir > 0 && ebs <= 0 ? 'an excess rate needs an excess burst size above 0' : null;
  }
}
