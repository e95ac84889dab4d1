import { describe, expect, it } from 'vitest';
import { RulesError } from '../../../../src/io/rules/errors.ts';
import { runTool } from '../../../../src/io/rules/tool.ts';
import { useFakeTools } from './fake-tools.ts';

const tools = useFakeTools();

describe('running a tool', () => {
  it('hands over input, arguments and status', async () => {
    const result = await runTool('sh', ['-c', 'cat; echo "$1" >&2; exit 3', 'sh', 'a b'], 'in');
    expect(result).toEqual({ status: 3, stdout: 'in', stderr: 'a b\n' });
  });

  it('survives a tool that does not read its input', async () => {
    expect((await runTool('sh', ['-c', 'exec true'], 'x'.repeat(1 << 20))).status).toBe(0);
  });

  it('says which package a missing tool is in', async () => {
    const failure = await runTool('no-such-tables', []).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(RulesError);
    expect(failure).toMatchObject({ code: 'missing', hint: 'install the package iptables' });
  });

  it('runs a tool again that a signal for our group has ended, but not for ever', async () => {
    tools.pretend('early', '[ -s $LOG ] || { echo hit >> $LOG; kill -TERM $$; }; cat');
    expect(await runTool('early', [], 'in')).toEqual({ status: 0, stdout: 'in', stderr: '' });
    tools.pretend('always', 'echo hit >> $LOG; kill -INT $$');
    expect((await runTool('always', [])).status).toBe(1);
    expect(tools.log()).toBe('hit\n'.repeat(4));
  });
});
