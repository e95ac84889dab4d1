/**
 * PIE in the basic form of RFC 8033, and every form between that and the enhanced one of src/algo/aqm/pie.ts.
 *
 * Reference: RFC 8033, appendix A (basic), appendix B (enhanced).
 *
 * Model. Three options, all of which the enhanced form has and the basic form lacks:
 *
 *     derandomise     signals are neither close together nor far apart      else: each packet by itself
 *     capped          from p 0.1 on it grows by at most 0.02 a step         else: by any step
 *     decayBelowRef   p decays while both delays are below half the target  else: while both are 0
 */
import {
  type PieParameters,
  type PieQueues,
  pieArrive,
  pieDeparted,
  pieSettle,
  pieSignal,
  pieSpares,
  pieStep,
  pieUpdate,
} from '../../src/algo/aqm/pie.ts';

export interface PieForm {
  readonly derandomise: boolean;
  readonly capped: boolean;
  readonly decayBelowRef: boolean;
}

export const PIE_ENHANCED: PieForm = { derandomise: true, capped: true, decayBelowRef: true };
export const PIE_BASIC: PieForm = { derandomise: false, capped: false, decayBelowRef: false };

const isEnhanced = (form: PieForm): boolean => form.derandomise && form.capped && form.decayBelowRef;

/** pieUpdate() in this form. */
export function updateAs(form: PieForm, queues: PieQueues, i: number, params: PieParameters): void {
  if (form.capped && form.decayBelowRef) {
    pieUpdate(queues, i, params);
    return;
  }
  const [delayNs, oldNs] = [queues.delayNs[i] as number, queues.delayOldNs[i] as number];
  const before = queues.probability[i] as number;
  const step = pieStep(queues, i, params);
  const probability = before + (form.capped && before >= 0.1 ? Math.min(step, 0.02) : step);
  const decays = form.decayBelowRef
    ? Math.max(delayNs, oldNs) < params.targetNs / 2
    : delayNs === 0 && oldNs === 0;
  pieSettle(queues, i, params, decays ? probability * 0.98 : probability);
}

/** pieArrive() in this form. */
export function arriveAs(
  form: PieForm,
  queues: PieQueues,
  i: number,
  params: PieParameters,
  backlogBytes: number,
  unit: number,
  nowNs: number,
): boolean {
  if (isEnhanced(form)) return pieArrive(queues, i, params, backlogBytes, unit, nowNs);
  advanceAs(form, queues, i, params, nowNs);
  if (form.derandomise) return pieSignal(queues, i, params, backlogBytes, unit);
  return !pieSpares(queues, i, params, backlogBytes) && unit < (queues.probability[i] as number);
}

/** pieDeparted() in this form. */
export function departedAs(
  form: PieForm,
  queues: PieQueues,
  i: number,
  params: PieParameters,
  sojournNs: number,
  isEmptyNow: boolean,
  nowNs: number,
): void {
  if (isEnhanced(form)) {
    pieDeparted(queues, i, params, sojournNs, isEmptyNow, nowNs);
    return;
  }
  advanceAs(form, queues, i, params, nowNs);
  queues.delayNs[i] = isEmptyNow ? 0 : sojournNs;
}

function advanceAs(form: PieForm, queues: PieQueues, i: number, params: PieParameters, nowNs: number): void {
  for (; queues.nextUpdateNs[i] <= nowNs; queues.nextUpdateNs[i] += params.updateNs)
    updateAs(form, queues, i, params);
}
