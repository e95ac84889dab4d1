/** Runs the vectors of three-colour markers against algo/buckets/markers.ts. */
import {
  createMarkerBuckets,
  fillMarker,
  type MarkerKind,
  type MarkerParameters,
  markerColour,
  markerProblem,
} from '../../src/algo/buckets/markers.ts';
import type { Vector } from './load.ts';
import type { Found, Runner } from './runner.ts';

const COLOURS = ['green', 'yellow', 'red'];

interface Params {
  cir: number;
  cbs: number;
  ebs?: number;
  pir?: number;
  pbs?: number;
  eir?: number;
  mode?: string;
}

function parametersOf(kind: MarkerKind, params: Params): MarkerParameters {
  return {
    kind,
    committedBytesPerSec: params.cir,
    committedBytes: params.cbs,
    excessBytesPerSec: params.pir ?? params.eir ?? 0,
    excessBytes: params.pbs ?? params.ebs ?? 0,
  };
}

type Event = [number, number, string?];

const runner = (kind: MarkerKind): Runner => ({
  params: ['cir', 'cbs', 'ebs', 'pir', 'pbs', 'eir', 'mode'],
  refuse: ({ body }) => {
    const { mode } = body.params as unknown as Params;
    return ['color-blind', 'color-aware', undefined].includes(mode) ? undefined : `no code for mode ${mode}`;
  },
  run: (vector) => {
    const params = vector.body.params as unknown as Params;
    const parameters = parametersOf(kind, params);
    const m = createMarkerBuckets(1);
    fillMarker(m, 0, parameters, 0);
    const rows = (vector.body.events as Event[]).map(([t, size, pre]) => {
      const before = params.mode === 'color-aware' ? COLOURS.indexOf(pre ?? 'green') : 0;
      const color = COLOURS[markerColour(m, 0, parameters, size, before, t)];
      const excess = m.excessTokens[0];
      return { color, Tc_after: m.committedTokens[0], Te_after: excess, Tp_after: excess };
    });
    return { rows };
  },
});

/** DPDK's meters: one packet of each size, one second after the start; the three kinds agree. */
function dpdkAware(vector: Vector): Found {
  const before = COLOURS.indexOf(vector.id.split('-').at(-1) as string);
  const kinds: readonly MarkerKind[] = ['single-rate', 'two-rate', 'two-rate-4115'];
  const rows = [2047, 2049, 4095, 4097].map((size) => {
    const colours = kinds.map((kind) => {
      const parameters = parametersOf(kind, { cir: 46e6, cbs: 2048, pir: 69e6, pbs: 4096 });
      const m = createMarkerBuckets(1);
      fillMarker(m, 0, parameters, 0);
      return COLOURS[markerColour(m, 0, parameters, size, before, 1e9)];
    });
    return { color: new Set(colours).size === 1 ? colours[0] : colours };
  });
  return { rows, fields: ['color'] };
}

function dpdkConfig(): Found {
  const invalid = (kind: MarkerKind, params: Partial<Params>): boolean =>
    markerProblem(parametersOf(kind, { cir: 100, cbs: 100, ebs: 100, ...params })) !== null;
  const two = { pir: 100, pbs: 100 };
  const zeros = [{ cir: 0 }, { pir: 0 }, { cbs: 0 }, { pbs: 0 }];
  const say = (isSo: boolean, text: string): string => (isSo ? text : `not: ${text}`);
  const single =
    invalid('single-rate', { cir: 0 }) &&
    invalid('single-rate', { cbs: 0, ebs: 0 }) &&
    !invalid('single-rate', { cbs: 0 }) &&
    !invalid('single-rate', { ebs: 0 });
  const twoRate =
    zeros.every((zero) => invalid('two-rate', { ...two, ...zero })) &&
    invalid('two-rate', { ...two, pir: 99 }) &&
    !invalid('two-rate', two);
  const other =
    invalid('two-rate-4115', { cbs: 0 }) &&
    invalid('two-rate-4115', { eir: 1, ebs: 0 }) &&
    !invalid('two-rate-4115', { cir: 0, cbs: 0, eir: 0, ebs: 0 });
  return {
    rows: [
      {
        srtcm: say(single, 'CIR 0 invalid; CBS and EBS both 0 invalid; one of them 0 valid'),
        trtcm: say(twoRate, 'any of CIR PIR CBS PBS 0 invalid; PIR < CIR invalid'),
        rfc4115: say(other, 'CIR > 0 with CBS 0 invalid; EIR > 0 with EBS 0 invalid'),
      },
    ],
  };
}

export const MARKER_RUNNERS: readonly [string, Runner][] = [
  ['srtcm', runner('single-rate')],
  ['trtcm', runner('two-rate')],
  ['rfc4115', runner('two-rate-4115')],
  ['dpdk-meter-aware-green', { params: [], run: dpdkAware }],
  ['dpdk-meter-aware-yellow', { params: [], run: dpdkAware }],
  ['dpdk-meter-aware-red', { params: [], run: dpdkAware }],
  ['dpdk-meter-config', { params: [], run: dpdkConfig }],
];
