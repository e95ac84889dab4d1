/**
 * Values that Linux and tc compute in integers where src/algo uses real numbers, for comparisons with the
 * kernel's own queues, and for the vectors that state these numbers.
 */

/**
 * One Newton step towards 1 / sqrt(count) in 16 bits (codel_Newton_step() of include/net/codel_impl.h). The
 * kernel makes one for each change of count, so at count 2 it has 0.5 and not 0.707.
 */
export function inverseRootStep(inverse16: number, count: number): number {
  const inverse = BigInt(inverse16) << 16n;
  const squared = (inverse * inverse) >> 32n;
  const rest = ((3n << 32n) - BigInt(count) * squared) >> 2n;
  // The result is a field of 16 bits.
  return Number(((((rest * inverse) & ((1n << 64n) - 1n)) >> 31n) >> 16n) & 0xffffn);
}

/**
 * The average of RED, scaled by 2^wlog, after an arrival (red_calc_qavg_no_idle_time() of include/net/red.h).
 */
export function scaledAverage(averageScaled: number, backlogBytes: number, wlog: number): number {
  return averageScaled + backlogBytes - Math.floor(averageScaled / 2 ** wlog);
}

/** Largest weight 2^-wlog at which a burst passes below min; -1: none (tc_red_eval_ewma() of iproute2). */
export function wlogOfBurst(minBytes: number, burstPackets: number, meanPacketBytes: number): number {
  const a = burstPackets + 1 - minBytes / meanPacketBytes;
  if (a < 1) return -1;
  for (let wlog = 1; wlog < 32; wlog++) {
    const weight = 2 ** -wlog;
    if (a <= (1 - (1 - weight) ** burstPackets) / weight) return wlog;
  }
  return -1;
}

/**
 * Largest burst that this formula lets pass at weight 2^-wlog: the table in the head of include/net/red.h.
 */
export function burstOfWlog(minPackets: number, wlog: number): number {
  const weight = 2 ** -wlog;
  let burst = 0;
  while (burst + 2 - minPackets < (1 - (1 - weight) ** (burst + 1)) / weight) burst++;
  return burst;
}

/** Exponent of the probability per byte of average (tc_red_eval_P()). */
export function plogOfProbability(minBytes: number, maxBytes: number, probability: number): number {
  let perByte = probability / (maxBytes - minBytes);
  for (let plog = 0; plog < 32; plog++, perByte *= 2) if (perByte > 1) return plog;
  return -1;
}

/**
 * Shifts of the average after an idle time of `i << cellLog` microseconds, i = 0..255
 * (tc_red_eval_idle_damping()).
 */
export function idleDamping(
  wlog: number,
  meanPacketBytes: number,
  rateBytesPerSec: number,
): { cellLog: number; shifts: number[] } {
  const transmitUs = (meanPacketBytes / rateBytesPerSec) * 1e6;
  const perUs = -Math.log(1 - 2 ** -wlog) / transmitUs;
  let cellLog = 0;
  while (31 / perUs / 2 ** cellLog >= 512) cellLog++;
  const shifts = Array.from({ length: 256 }, (_, i) => Math.min(31, Math.floor(i * 2 ** cellLog * perUs)));
  shifts[255] = 31;
  return { cellLog, shifts };
}
