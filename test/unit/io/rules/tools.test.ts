import { describe, expect, it } from 'vitest';
import { RulesError, toolComplaint, toolError } from '../../../../src/io/rules/errors.ts';
import { parseFlowtableClashes, parseSetElements } from '../../../../src/io/rules/others.ts';
import { runTool } from '../../../../src/io/rules/tool.ts';

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

  it('gives the elements of a named set', () => {
    const meta = '{"metainfo": {"version": "1.0.6"}}';
    const set = '{"set": {"family": "inet", "name": "d", "table": "shaper_100", "elem": ["eth0", "wan.5"]}}';
    expect(parseSetElements(`{"nftables": [${meta}, ${set}]}`)).toEqual(['eth0', 'wan.5']);
    expect(parseSetElements(`{"nftables": [${meta}, ${set.replace(/, "elem".*\]/, '')}]}`)).toEqual([]);
  });

  it('names the flowtables that cover a shaped device', () => {
    const flowtable = (dev: string): string =>
      `{"nftables": [{"flowtable": {"family": "inet", "name": "ft", "table": "fw4", "prio": 0, "dev": ${dev}}}]}`;
    const clashes = ['flowtable ft of table fw4 covers wan0: flows it has taken over are not shaped'];
    expect(parseFlowtableClashes(flowtable('"wan0"'), ['wan0'])).toEqual(clashes);
    expect(parseFlowtableClashes(flowtable('["lan0", "wan0"]'), ['wan0'])).toEqual(clashes);
    expect(parseFlowtableClashes(flowtable('"lan0"'), ['wan0'])).toEqual([]);
    expect(parseFlowtableClashes('{"nftables": []}', ['wan0'])).toEqual([]);
  });
});

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
});
