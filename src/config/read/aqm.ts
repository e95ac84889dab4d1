/** What a queue does before it is full: which algorithm, and the parameters of those that go by time. */
import { isMap, isScalar, type Node } from 'yaml';
import { intervalForTargetNs, scaledTargetNs } from '../../algo/buckets/rate-scaling.ts';
import { formatRate, formatTime } from '../../base/units.ts';
import type { AqmSpec, QueueSpec } from '../../spec/spec.ts';
import { SECTIONS } from '../fields/fields.ts';
import { AQM_NAME } from '../fields/queue.ts';
import type { Located } from '../yaml/reader.ts';
import type { LeafContext } from './limits.ts';
import { type Parameters, type QueueRoom, type ReadAqm, readRed, readWred } from './red.ts';

type AqmKind = AqmSpec['kind'];

interface Chosen {
  readonly name: AqmKind;
  readonly parameters: Parameters;
}

export function readAqm(
  context: LeafContext,
  at: Located<Node> | undefined,
  room: QueueRoom,
  discipline: QueueSpec['discipline'],
): ReadAqm {
  const isFair = discipline === 'fair';
  const byDefault: Chosen = { name: isFair ? 'codel' : 'none', parameters: { value: null, offset: 0 } };
  const { name, parameters } = at ? chosenAqm(context, at) : byDefault;
  switch (name) {
    case 'none':
      return { aqm: { kind: 'none' }, ecn: false, maxBytes: 0 };
    case 'codel':
      return readCodel(context, parameters, isFair);
    case 'pie':
      return readPie(context, parameters);
    case 'red':
      return readRed(context, parameters, room);
    case 'wred':
      return readWred(context, parameters, room);
  }
}

/** Which one, and where its parameters are; a plain name takes every default. */
function chosenAqm({ reader }: LeafContext, at: Located<Node>): Chosen {
  const bare = { value: null, offset: at.offset };
  if (isScalar(at.value)) {
    const name = reader.scalar(AQM_NAME.read, at.value, 'aqm')?.value ?? 'none';
    return { name, parameters: bare };
  }
  const values = reader.section(at.value, SECTIONS.aqm, 'aqm');
  const [first, second] = Object.entries(values) as [Exclude<AqmKind, 'none'>, Located<Node>][];
  if (second) {
    const message = `a queue has one aqm: ${first![0]} is chosen already, ${second[0]} cannot be added`;
    reader.problems.error(second[1].offset, message);
  }
  if (isMap(at.value) && at.value.items.length === 0) {
    reader.problems.error(at.offset, `aqm is empty; it takes: ${SECTIONS.queue.aqm.takes}`);
  }
  return first ? { name: first[0], parameters: first[1] } : { name: 'none', parameters: bare };
}

/** CAKE's MTU: an Ethernet frame (sch_cake.c, cake_set_rate). */
const FRAME_BYTES = 1514;
/** RFC 8289, section 4.3. */
const CODEL = { targetNs: 5e6, intervalNs: 100e6 };

/** Defaults follow slow rates as in CAKE. Linux lets fq_codel mark by default, and codel alone not. */
function readCodel(context: LeafContext, at: Parameters, isFair: boolean): ReadAqm {
  const { reader, ceilBytesPerSec } = context;
  const values = reader.section(at.value, SECTIONS.codel, 'codel');
  const leastNs = Math.round(scaledTargetNs(ceilBytesPerSec, FRAME_BYTES, 0));
  const targetNs = values.target?.value ?? Math.max(CODEL.targetNs, leastNs);
  const intervalNs =
    values.interval?.value ?? intervalForTargetNs(targetNs, CODEL.targetNs, CODEL.intervalNs);
  if (targetNs >= intervalNs) {
    const message = `codel: target ${formatTime(targetNs)} must be below interval ${formatTime(intervalNs)}`;
    reader.problems.error(values.target?.offset ?? values.interval?.offset ?? at.offset, message);
  }
  if (values.target && targetNs < leastNs) {
    const rate = formatRate(ceilBytesPerSec);
    const message = `codel: target ${formatTime(targetNs)} is less than the ${formatTime(leastNs)} of 1.5 full-sized`;
    reader.problems.warn(values.target.offset, `${message} packets at ${rate}: it signals without a queue`);
  }
  return {
    aqm: { kind: 'codel', codel: { targetNs, intervalNs } },
    ecn: values.ecn?.value ?? isFair,
    maxBytes: 0,
  };
}

/** RFC 8033, section 5: the same as Linux. */
const PIE = { targetNs: 15e6, updateNs: 15e6, burstNs: 150e6, alpha: 0.125, beta: 1.25 };

function readPie({ reader }: LeafContext, at: Parameters): ReadAqm {
  const values = reader.section(at.value, SECTIONS.pie, 'pie');
  const pie = {
    targetNs: values.target?.value ?? PIE.targetNs,
    updateNs: values.update?.value ?? PIE.updateNs,
    burstNs: values.burst?.value ?? PIE.burstNs,
    alpha: values.alpha?.value ?? PIE.alpha,
    beta: values.beta?.value ?? PIE.beta,
  };
  return { aqm: { kind: 'pie', pie }, ecn: values.ecn?.value ?? false, maxBytes: 0 };
}
