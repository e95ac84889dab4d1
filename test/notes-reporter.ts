/**
 * Lists what was skipped and why, and what passed only when it was repeated, with the first fault, before the
 * runner's own summary: neither is silence.
 */
import type { Reporter, TestCase, TestModule } from 'vitest/node';

export default class NotesReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const skipped = modules.flatMap((module) => [...module.children.allTests('skipped')]);
    const namesByReason = new Map<string, string[]>();
    for (const test of skipped) {
      const reason = reasonOf(test);
      namesByReason.set(reason, [...(namesByReason.get(reason) ?? []), test.fullName]);
    }
    for (const [reason, names] of namesByReason) print(`skipped: ${reason}`, names);
    const repeated = modules
      .flatMap((module) => [...module.children.allTests('passed')])
      .filter((test) => (test.diagnostic()?.retryCount ?? 0) > 0);
    if (repeated.length > 0)
      print(
        'passed only when repeated',
        repeated.map((test) => `${test.fullName}: ${firstFault(test)}`),
      );
  }
}

function print(what: string, names: readonly string[]): void {
  console.log(`\n ${names.length} ${what}`);
  for (const name of names) console.log(`   ${name}`);
}

function reasonOf(test: TestCase): string {
  const result = test.result();
  return (result.state === 'skipped' && result.note) || 'no reason given';
}

/** Its first line. A repeated test keeps the errors of its earlier tries. */
function firstFault(test: TestCase): string {
  return test.result().errors?.[0]?.message?.split('\n')[0] ?? 'no error kept';
}
