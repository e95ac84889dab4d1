/** The TCP rate control of a class, as it is written in a configuration. */
import type { PaceSpec } from '../../spec/spec.ts';
import { PACE as DEFAULTS } from '../fields/defaults.ts';
import { SECTIONS } from '../fields/sections.ts';
import { PACE_WORD } from '../fields/tcp.ts';
import { type Block, type Detail, writeSection } from './block.ts';

/** `pace` is one word where every value has its default. */
export function writeTcp(pace: PaceSpec, detail: Detail): Block {
  const block = writeSection(SECTIONS.pace, valuesOf(pace), valuesOf(DEFAULTS), detail);
  const isDefault = Object.keys(block).length === 0;
  return { pace: isDefault ? PACE_WORD.write(true) : block };
}

function valuesOf({ activeBytesPerSec: active, ageNs: age, delayNs: delay }: PaceSpec) {
  return { active, age, delay };
}
