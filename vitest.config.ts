import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Emulated machines take a processor for a minute: they start first, beside the fast tests. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ project }: TestSpecification): boolean => project.name === 'emulated';
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

/** Skips tests on real packets where they cannot run. */
const RUNNER = './test/skip-runner.ts';

/** One more than processors: the emulated machines wait for each other's timers now and then. */
const WORKERS = availableParallelism() + 1;

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    reporters: ['./test/skips-reporter.ts', 'default'],
    projects: [
      {
        test: {
          name: 'fast',
          include: ['test/{tidy,unit,property,sim,vectors}/**/*.test.ts'],
          maxWorkers: WORKERS,
          // Of a machine that is busy with something else: nothing here measures time.
          testTimeout: 120_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'emulated',
          // They look at what happens, not at how fast, so that they may run beside others.
          include: ['test/netns/emulated/**/*.test.ts'],
          maxWorkers: WORKERS,
          sequence: { groupOrder: 0 },
          runner: RUNNER,
        },
      },
      {
        test: {
          name: 'netns',
          include: ['test/netns/**/*.test.ts'],
          exclude: ['test/netns/emulated/**'],
          // One at a time, after the fast ones: they measure, and they share one machine's kernel.
          fileParallelism: false,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
          testTimeout: 60_000,
          hookTimeout: 60_000,
          runner: RUNNER,
        },
      },
    ],
  },
});
