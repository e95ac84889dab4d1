import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { configFiles, shaper } from './helpers.ts';

const files = configFiles();
afterAll(() => files.remove());
const good = files.path('good.yaml');
const bad = files.path('bad.yaml');

describe('usage faults exit with 2 and say what would be right', () => {
  it.each([
    [[], 'Usage: shaper'],
    [['statu'], '(Did you mean status?)'],
    [['frobnicate'], "unknown command 'frobnicate'"],
    [['top'], "unknown command 'top'"],
    [['reload'], "unknown command 'reload'"],
    [['set', 'wan/up', 'ceil=1mbit'], "unknown command 'set'"],
    [['--conf', good, '--frob'], "unknown option '--frob'"],
    [['--conf'], 'argument missing'],
    [['run'], "required option '--conf <file>' not specified"],
    [['run', '--conf', good, 'extra'], 'too many arguments'],
    [['check'], "missing required argument 'file'"],
    [['check', good, 'extra'], 'too many arguments'],
    [['rules'], "required option '--conf <file>' not specified"],
    [['rules', '--conf', good, '--backend', 'pf'], 'Allowed choices are nft, iptables'],
    [['status', '--jsn'], '(Did you mean --json?)'],
    [['status', '--conf', good, '--socket', '/x'], 'cannot be used with'],
    [['clean', 'all'], 'too many arguments'],
    [['clean', '--conf', bad], "bad.yaml:4:9: up: '20' has no unit"],
    [['clean', '--conf', good, '--socket', '/x'], 'cannot be used with'],
  ])('%j', async (args, message) => {
    const { code, stdout, stderr } = await shaper(...args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(stdout).toBe('');
  });
});

describe('help and version', () => {
  it.each(['--help', '-h', 'help'])('%s goes to stdout, exit 0', async (arg) => {
    const { code, stdout } = await shaper(arg);
    expect(code).toBe(0);
    for (const command of ['run', 'check', 'rules', 'status', 'clean'])
      expect(stdout).toContain(`  ${command}`);
    expect(stdout).not.toContain('reload');
  });

  it('help of a command', async () => {
    const { code, stdout } = await shaper('status', '--help');
    expect(code).toBe(0);
    expect(stdout).toContain('--socket <path>');
  });

  it.each(['--version', '-V'])('%s', async (arg) => {
    const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
    expect(await shaper(arg)).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });
});
