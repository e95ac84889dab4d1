import { defineConfig } from 'vitest/config';

/** Tests on real packets make network namespaces and queues: only root may. */
const isRoot = process.getuid?.() === 0;

export default defineConfig({
  test: {
    reporters: ['./test/skips-reporter.ts', 'default'],
    projects: [
      {
        test: {
          name: 'fast',
          include: ['test/{tidy,unit,property,sim,vectors}/**/*.test.ts'],
          testTimeout: 30_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'netns',
          include: ['test/netns/**/*.test.ts'],
          // One at a time, after the fast ones: they measure, and they share one machine's kernel.
          fileParallelism: false,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
          testTimeout: 60_000,
          hookTimeout: 60_000,
          ...(isRoot ? {} : { runner: './test/skip-runner.ts' }),
        },
      },
    ],
  },
});
