/** Active queue management: which algorithm a queue has, and the parameters of CoDel and PIE. */
import { isMap, isScalar, type Node } from 'yaml';
import { formatRate, formatTime } from '../../base/units.ts';
import type { AqmSpec, QueueSpec } from '../../spec/spec.ts';
import {
  defaultAqm,
  defaultCodelEcn,
  defaultIntervalNs,
  defaultTargetNs,
  leastTargetNs,
  PIE,
} from '../fields/defaults.ts';
import { AQM_NAME } from '../fields/queue.ts';
import type { QueueRoom } from '../fields/red-defaults.ts';
import { SECTIONS } from '../fields/sections.ts';
import type { Located } from '../yaml/reader.ts';
import type { LeafContext } from './context.ts';
import { type ParamsAt, type ReadAqm, readRed, readWred } from './red.ts';

type AqmKind = AqmSpec['kind'];

interface Chosen {
  readonly name: AqmKind;
  readonly params: ParamsAt;
}

export function readAqm(
  context: LeafContext,
  at: Located<Node> | undefined,
  room: QueueRoom,
  discipline: QueueSpec['discipline'],
): ReadAqm {
  const byDefault: Chosen = { name: defaultAqm(discipline), params: { value: null, offset: 0 } };
  const { name, params } = at ? chosenAqm(context, at) : byDefault;
  switch (name) {
    case 'none':
      return { aqm: { kind: 'none' }, ecn: false, maxBytes: 0 };
    case 'codel':
      return readCodel(context, params, discipline);
    case 'pie':
      return readPie(context, params);
    case 'red':
      return readRed(context, params, room);
    case 'wred':
      return readWred(context, params, room);
  }
}

/** The algorithm that is chosen, and the place of its parameters. A plain name takes every default. */
function chosenAqm({ reader }: LeafContext, at: Located<Node>): Chosen {
  const bare = { value: null, offset: at.offset };
  if (isScalar(at.value)) {
    const name = reader.scalar(AQM_NAME.read, at.value, 'aqm')?.value ?? 'none';
    return { name, params: bare };
  }
  const values = reader.section(at.value, SECTIONS.aqm, 'aqm');
  const [first, second] = Object.entries(values) as [Exclude<AqmKind, 'none'>, Located<Node>][];
  if (second) {
    const message = `a queue has one aqm: ${first![0]} is chosen already, so ${second[0]} cannot be added`;
    reader.problems.error(second[1].offset, message);
  }
  if (isMap(at.value) && at.value.items.length === 0) {
    reader.problems.error(at.offset, `aqm is empty; it takes: ${SECTIONS.queue.aqm.takes}`);
  }
  return first ? { name: first[0], params: first[1] } : { name: 'none', params: bare };
}

function readCodel(context: LeafContext, at: ParamsAt, discipline: QueueSpec['discipline']): ReadAqm {
  const { reader, ceilBytesPerSec } = context;
  const values = reader.section(at.value, SECTIONS.codel, 'codel');
  const leastNs = leastTargetNs(ceilBytesPerSec);
  const targetNs = values.target?.value ?? defaultTargetNs(ceilBytesPerSec);
  const intervalNs = values.interval?.value ?? defaultIntervalNs(targetNs);
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
    ecn: values.ecn?.value ?? defaultCodelEcn(discipline),
    maxBytes: 0,
  };
}

function readPie({ reader }: LeafContext, at: ParamsAt): ReadAqm {
  const values = reader.section(at.value, SECTIONS.pie, 'pie');
  const pie = {
    targetNs: values.target?.value ?? PIE.targetNs,
    updateNs: values.update?.value ?? PIE.updateNs,
    burstNs: values.burst?.value ?? PIE.burstNs,
    alpha: values.alpha?.value ?? PIE.alpha,
    beta: values.beta?.value ?? PIE.beta,
  };
  return { aqm: { kind: 'pie', pie }, ecn: values.ecn?.value ?? PIE.ecn, maxBytes: 0 };
}
