/** Blocks as they are written without defaults. */
import type { Block } from '../../../../src/config/write/block.ts';
import { writeLink } from '../../../../src/config/write/links.ts';
import { load } from '../helpers.ts';

export type Said = Record<string, unknown>;

/** The block of a link whose device is e. */
export function writtenLink(link: Said): Block {
  return writeLink(load(JSON.stringify({ links: { w: { device: 'e', ...link } } })).spec.links[0]!, 'chosen');
}

/** The block of a class in a direction of 20 Mbit/s. */
export function writtenClass(said: Said): Said {
  const up = writtenLink({ up: { rate: '20mbit', classes: { c: said } } }).up as Said;
  return (up.classes as Record<string, Said>).c!;
}
