/** Chooses our eight bits of packet and connection marks among those that nobody else uses. */
import type { MatcherSpec } from './match.ts';
import type { ModuleSpec } from './modules.ts';
import type { ClassSpec, LinkSpec } from './spec.ts';

const LOWEST_SHIFT_MAX = 24;

/** The highest eight neighbouring bits none of which is in `used`. null if there are none. */
export function freeMarkMask(used: number): number | null {
  for (let shift = LOWEST_SHIFT_MAX; shift >= 0; shift--) {
    const mask = (0xff << shift) >>> 0;
    if ((mask & used) === 0) return mask;
  }
  return null;
}

/**
 * Bits of a comparison with a packet mark: those of the mask or, where all are compared, those of the value.
 */
export function comparedBits(value: number, mask: number): number {
  return mask === 0xffffffff ? value : mask;
}

/** The bits by which matchers of the configuration choose classes, and by which modules choose packets. */
export function matchedMarkBits(links: readonly LinkSpec[], modules: readonly ModuleSpec[] = []): number {
  let bits = 0;
  const compare = (matchers: readonly MatcherSpec[] | null): void => {
    for (const { mark } of matchers ?? []) {
      for (const { value, mask } of mark ?? []) bits |= comparedBits(value, mask);
    }
  };
  const collect = (node: ClassSpec | null): void => {
    compare(node?.match ?? null);
    node?.children.forEach(collect);
  };
  for (const { interest } of modules) compare(interest);
  for (const { up, down } of links) {
    collect(up);
    collect(down);
  }
  return bits >>> 0;
}
