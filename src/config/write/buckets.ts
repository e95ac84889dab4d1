/**
 * Token buckets of a class (`police`, `each`, `meter`) and `remark`, as they are written in a configuration.
 */
import type { EachSpec, MeterSpec, PoliceSpec, RemarkSpec } from '../../spec/spec.ts';
import { CLASS as DEFAULTS, defaultBurst, defaultExcessBytes, eachBurstKind } from '../fields/defaults.ts';
import { REMARK_ALL } from '../fields/meter.ts';
import type { ByteSize } from '../fields/quantities.ts';
import { SECTIONS } from '../fields/sections.ts';
import { type Block, type Detail, writeSection } from './block.ts';

export function sizeOf(bytes: number): ByteSize {
  return { kind: 'bytes', bytes };
}

export function writePolice({ rateBytesPerSec, burstBytes, exceed }: PoliceSpec, detail: Detail): Block {
  return writeSection(
    SECTIONS.police,
    { rate: rateBytesPerSec, burst: sizeOf(burstBytes), exceed },
    { burst: sizeOf(defaultBurst(rateBytesPerSec, 'police')), exceed: DEFAULTS.policeExceed },
    detail,
  );
}

export function writeEach(each: EachSpec, detail: Detail): Block {
  const { by, prefix6Bits, rateBytesPerSec, burstBytes, exceed } = each;
  const burst = defaultBurst(rateBytesPerSec, eachBurstKind(exceed));
  return writeSection(
    SECTIONS.each,
    {
      by,
      rate: rateBytesPerSec,
      burst: sizeOf(burstBytes),
      exceed,
      prefix6: by === 'flow' ? undefined : prefix6Bits,
    },
    { burst: sizeOf(burst), exceed: DEFAULTS.eachExceed, prefix6: DEFAULTS.eachPrefix6 },
    detail,
  );
}

export function writeMeter(meter: MeterSpec, detail: Detail): Block {
  const { kind, committedBytesPerSec, committedBytes, excessBytesPerSec } = meter;
  const excess = sizeOf(meter.excessBytes);
  const byType = {
    'single-rate': { type: 'srtcm', ebs: excess },
    'two-rate': { type: 'trtcm', pir: excessBytesPerSec, pbs: excess },
    'two-rate-4115': { type: 'rfc4115', eir: excessBytesPerSec, ebs: excess },
  } as const;
  const excessByDefault = sizeOf(defaultExcessBytes(kind, committedBytes, excessBytesPerSec));
  return writeSection(
    SECTIONS.meter,
    {
      pir: undefined,
      pbs: undefined,
      eir: undefined,
      ebs: undefined,
      ...byType[kind],
      cir: committedBytesPerSec,
      cbs: sizeOf(committedBytes),
      aware: meter.aware,
    },
    {
      cbs: sizeOf(defaultBurst(committedBytesPerSec, 'police')),
      pbs: excessByDefault,
      ebs: excessByDefault,
      aware: DEFAULTS.meterAware,
    },
    detail,
  );
}

/** One word if all colours leave with the same DSCP. A colour that keeps its DSCP has no key. */
export function writeRemark([green, yellow, red]: RemarkSpec): Block | string {
  if (green !== null && green === yellow && green === red) return REMARK_ALL.write(green);
  const values = { green: green ?? undefined, yellow: yellow ?? undefined, red: red ?? undefined };
  return writeSection(SECTIONS.remark, values, {}, 'all');
}
