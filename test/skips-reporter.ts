/** Lists what was skipped and why, before the runner's own summary: a skip is a result, not silence. */
import type { Reporter, TestCase, TestModule } from 'vitest/node';

export default class SkipsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const namesByReason = new Map<string, string[]>();
    for (const module of modules) {
      for (const test of module.children.allTests('skipped')) {
        const reason = reasonOf(test);
        namesByReason.set(reason, [...(namesByReason.get(reason) ?? []), test.fullName]);
      }
    }
    for (const [reason, names] of namesByReason) {
      console.log(`\n ${names.length} skipped: ${reason}`);
      for (const name of names) console.log(`   ${name}`);
    }
  }
}

function reasonOf(test: TestCase): string {
  const result = test.result();
  return (result.state === 'skipped' && result.note) || 'no reason given';
}
