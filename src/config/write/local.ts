/** The traffic of this host itself, as it is written in a configuration. */
import type { LocalSpec } from '../../spec/spec.ts';
import { EXEMPT as DEFAULTS } from '../fields/defaults.ts';
import { SECTIONS } from '../fields/sections.ts';
import { type Block, type Detail, writeSection } from './block.ts';

export function writeLocal({ exempt }: LocalSpec, detail: Detail): Block {
  const block = writeSection(SECTIONS.exempt, exempt, DEFAULTS, detail);
  return Object.keys(block).length === 0 ? {} : { exempt: block };
}
