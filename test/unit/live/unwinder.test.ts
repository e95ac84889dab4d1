import { describe, expect, it } from 'vitest';
import { Unwinder } from '../../../src/live/unwinder.ts';

describe('the unwinder', () => {
  it('takes back last first, every step once, also after one failed', async () => {
    const unwinder = new Unwinder();
    const seen: string[] = [];
    unwinder.add('a', () => {
      seen.push('a');
    });
    unwinder.add('b', async () => {
      throw new Error('b does not go');
    });
    unwinder.add('c', async () => {
      seen.push(unwinder.step);
    });
    const isClean = await unwinder.unwind((what, error) => seen.push(`${what}: ${(error as Error).message}`));
    expect([isClean, unwinder.step]).toEqual([false, 'last words']);
    expect(seen).toEqual(['c', 'b: b does not go', 'a']);
    expect(await unwinder.unwind(() => seen.push('again'))).toBe(true);
    expect(seen).toHaveLength(3);
  });
});
