/**
 * Stands in for vitest's runner where the tests of a project cannot run at all: every one of them is reported by
 * name as skipped, with the reason; neither tests nor hooks run.
 */
import { type RunnerTask, type RunnerTestCase, type RunnerTestFile, TestRunner } from 'vitest';

const REASON = 'needs root: makes network namespaces and queues';

function disarmHooks(task: RunnerTask): void {
  if (task.type === 'test') return;
  for (const hooks of Object.values(TestRunner.getSuiteHooks(task))) hooks.length = 0;
  task.tasks.forEach(disarmHooks);
}

export default class SkipRunner extends TestRunner {
  onCollected(files: RunnerTestFile[]): void {
    files.forEach(disarmHooks);
  }

  override onBeforeTryTask(test: RunnerTestCase): void {
    test.context.skip(REASON);
  }
}
