/** The TCP rate control of a class. */
import { isScalar, type Node } from 'yaml';
import type { PaceSpec } from '../../spec/spec.ts';
import { PACE as DEFAULTS } from '../fields/defaults.ts';
import { SECTIONS } from '../fields/sections.ts';
import { PACE_WORD } from '../fields/tcp.ts';
import type { Located, Values, YamlReader } from '../yaml/reader.ts';

/** `at` is the block `tcp`. null if its connections are not paced. */
export function readPace(reader: YamlReader, at: Located<Node> | undefined): PaceSpec | null {
  if (!at) return null;
  const { pace }: Values<typeof SECTIONS.tcp> = reader.section(at.value, SECTIONS.tcp, 'tcp');
  if (!pace) return null;
  if (isScalar(pace.value)) {
    return reader.scalar(PACE_WORD.read, pace.value, 'pace')?.value ? DEFAULTS : null;
  }
  const { active, age, delay }: Values<typeof SECTIONS.pace> = reader.section(
    pace.value,
    SECTIONS.pace,
    'pace',
  );
  return {
    activeBytesPerSec: active?.value ?? DEFAULTS.activeBytesPerSec,
    ageNs: age?.value ?? DEFAULTS.ageNs,
    delayNs: delay?.value ?? DEFAULTS.delayNs,
  };
}
