import { describe, expect, it } from 'vitest';
import { toolComplaint, toolError } from '../../../../src/io/rules/errors.ts';

describe('what the tools print', () => {
  it('is reduced to the lines that tell', () => {
    const output =
      '/dev/stdin:4:30-52: Error: Could not process rule: No such file or directory\nadd rule x\n  ^^^\n';
    expect(toolComplaint(output)).toBe(
      '/dev/stdin:4:30-52: Error: Could not process rule: No such file or directory',
    );
    expect(toolComplaint('something else\n')).toBe('something else');
    expect(toolComplaint('\n')).toBe('no message');
  });

  it.each([
    ['Error: Could not process rule: Operation not permitted', 'denied'],
    ['Could not fetch rule set generation id: Permission denied (you must be root)', 'denied'],
    ['Unable to initialize Netlink socket: Protocol not supported', 'unsupported'],
    ['Error: interactive mode not supported: nft was compiled without readline', 'unsupported'],
    ['line 3: RULE_APPEND failed (Invalid argument): rule in chain p', 'failed'],
  ])('%j is %s', (output, code) => {
    const error = toolError('doing it', output);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(/^doing it: /);
    expect(error.hint.startsWith('try by hand: nft list ruleset')).toBe(code === 'failed');
  });
});
