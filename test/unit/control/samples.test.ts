import { describe, expect, it } from 'vitest';
import { NONE } from '../../../src/base/none.ts';
import { type Sample, Samples } from '../../../src/control/samples.ts';
import type { Snapshot } from '../../../src/control/snapshot.ts';
import { createStats } from '../../../src/core/packets/stats.ts';

const label = (path: string) => ({
  path,
  rateBytesPerSec: 1,
  ceilBytesPerSec: 1,
  isPaced: false,
  parent: NONE,
});
const LABELS = [label('w/up')];

function snapshotAt(seconds: number, more: Partial<Snapshot> = {}): Snapshot {
  const socket = { truncated: 0, malformed: 0, sendErrors: 0, verdictErrors: 0 };
  return {
    generation: 0,
    classes: LABELS,
    classChanges: 0,
    takenNs: seconds * 1e9,
    nfqueues: { open: [], closedDrops: { queueFull: 0, socketFull: 0 } },
    socket,
    warnings: [],
    stats: createStats(1),
    ...more,
  };
}

/** Samples at every second from 0 to `last`. */
function samplesUpTo(last: number): Samples {
  const samples = new Samples();
  for (let second = 0; second <= last; second++) samples.add(snapshotAt(second));
  return samples;
}

const any = (): boolean => true;
const secondOf = (sample: Sample | null): number | null => sample && sample.takenNs / 1e9;

describe('samples', () => {
  it.each([
    [5, 1, 4],
    [5.4, 1, 4],
    [5, 3, 2],
    [5, 10, 0],
    [5, 0, 5],
  ])('at %d s, the youngest that is %d s old is of second %d', (now, seconds, expected) => {
    expect(secondOf(samplesUpTo(5).before(now * 1e9, seconds, any))).toBe(expected);
  });

  it('one that does not fit is passed over for a younger one', () => {
    const samples = samplesUpTo(5);
    expect(secondOf(samples.before(5e9, 4, ({ takenNs }) => takenNs >= 3e9))).toBe(3);
    expect(samples.before(5e9, 4, () => false)).toBeNull();
    expect(new Samples().before(5e9, 4, any)).toBeNull();
  });

  it('a minute is kept, and delays of ten seconds', () => {
    const samples = samplesUpTo(200);
    expect(secondOf(samples.before(200e9, 60, any))).toBe(140);
    expect(secondOf(samples.before(200e9, 1000, any))).toBe(138);
    const withDelays = ({ delays }: Sample): boolean => delays !== null;
    expect(secondOf(samples.before(200e9, 10, withDelays))).toBe(190);
    expect(secondOf(samples.before(200e9, 60, withDelays))).toBe(186);
  });

  it('a sample is a value: what is counted later does not change it', () => {
    const samples = new Samples();
    const stats = createStats(1);
    stats.sentBytes[0] = 7;
    samples.add(snapshotAt(0, { stats }));
    stats.sentBytes[0] = 8;
    expect(samples.before(1e9, 1, any)!.sentBytes[0]).toBe(7);
  });
});
