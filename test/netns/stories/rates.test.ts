/**
 * The short form of `npm run bench -- accuracy`: the tolerances are for busy machines, the bench is for the
 * limits.
 */
import { expect, it } from 'vitest';
import { type Case, measureCase, tcpCase, udpCase } from '../../../bench/rates.ts';
import { describeNetns, useLab } from '../harness.ts';

const ATTEMPTS_MAX = 3;
/** More than the rate never passes; less does while a busy machine lets the program stand still. */
const RATIO_MIN = 0.85;

describeNetns('rates', () => {
  const world = useLab();

  async function passedOfExpected(one: Case): Promise<number> {
    const { measuredBitsPerSec, expectedBitsPerSec } = await measureCase(world.lab, one, ATTEMPTS_MAX);
    return measuredBitsPerSec / expectedBitsPerSec;
  }

  it('TCP gets the payload of its rate', async () => {
    const ratio = await passedOfExpected(tcpCase(20e6, 2.5, 700));
    expect(ratio).toBeGreaterThan(RATIO_MIN);
    expect(ratio).toBeLessThan(1.03);
  });

  it('UDP offered at three times the rate passes at the rate', async () => {
    const ratio = await passedOfExpected(udpCase(10e6, 1.5, false));
    expect(ratio).toBeGreaterThan(RATIO_MIN);
    expect(ratio).toBeLessThan(1.03);
  });
});
