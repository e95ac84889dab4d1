/**
 * Vitest's runner, but for tests on real packets: where they cannot run at all, every one of them is reported
 * by name as skipped, with the reason; neither tests nor hooks run.
 */
import { type RunnerTask, type RunnerTestCase, type RunnerTestFile, TestRunner } from 'vitest';
import { netnsMissing } from './netns/missing.ts';

function disarmHooks(task: RunnerTask): void {
  if (task.type === 'test') return;
  for (const hooks of Object.values(TestRunner.getSuiteHooks(task))) hooks.length = 0;
  task.tasks.forEach(disarmHooks);
}

export default class SkipRunner extends TestRunner {
  private readonly missing = netnsMissing();

  onCollected(files: RunnerTestFile[]): void {
    if (this.missing !== '') files.forEach(disarmHooks);
  }

  override onBeforeTryTask(test: RunnerTestCase): void {
    if (this.missing !== '') test.context.skip(this.missing);
    super.onBeforeTryTask(test);
  }
}
