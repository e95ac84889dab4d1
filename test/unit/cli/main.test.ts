import { existsSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { DEFAULT_CONF } from '../../../src/cli/conf-file.ts';
import { configFiles, shaper } from './helpers.ts';

const files = configFiles({ plain: 'lnks: {}' });
afterAll(() => files.remove());
const good = files.path('good.yaml');
const bad = files.path('bad.yaml');

describe('usage faults exit with 2 and say what would be right', () => {
  it.each([
    [[], 'Usage: shaper'],
    [['statu'], '(Did you mean status?)'],
    [['frobnicate'], "unknown command 'frobnicate'"],
    [['tpo'], "unknown command 'tpo'"],
    [['--conf', good, '--frob'], "unknown option '--frob'"],
    [['--conf'], 'argument missing'],
    [['run', good, '-c', good], 'two configuration files: '],
    [['-c', good, 'check'], `the command comes first: shaper check -c ${good}`],
    [['--json', 'status'], 'the command comes first: shaper status --json'],
    [['run', good, 'extra'], 'too many arguments'],
    [['check', good, '--conf', bad], 'two configuration files: '],
    [['check', good, 'extra'], 'too many arguments'],
    [['rules', '--conf', good, '--backend', 'pf'], 'Allowed choices are nft, iptables'],
    [['nowhere.yaml', 'extra'], 'too many arguments'],
    [['./nowhere'], 'cannot read ./nowhere: no such file'],
    [['stop', good, '--socket', '/x'], 'cannot be used with --socket'],
    [['stop', '--jsn'], "unknown option '--jsn'"],
    [['status', '--jsn'], '(Did you mean --json?)'],
    [['status', '--conf', good, '--socket', '/x'], 'cannot be used with'],
    [['status', good, '--socket', '/x'], 'cannot be used with --socket'],
    [['clean', good, 'all'], 'too many arguments'],
    [['clean', good, '--socket', '/x'], 'cannot be used with --socket'],
    [['clean', '--conf', bad], "bad.yaml:4:9: up: '20' has no unit"],
    [['clean', '--conf', good, '--socket', '/x'], 'cannot be used with'],
  ])('%j', async (args, message) => {
    const { code, stdout, stderr } = await shaper(...args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(stdout).toBe('');
  });
});

describe('every command takes its file as argument, as --conf and as -c', () => {
  const forms = [[bad], ['--conf', bad], ['-c', bad], [`--conf=${bad}`]];
  const commands = [
    [],
    ['run'],
    ['check'],
    ['rules'],
    ['status'],
    ['stop'],
    ['simulate', '--scenario', 'flood'],
    ['simulate', '--list'],
    ['clean'],
  ];
  it.each(commands)('%s %s %s', async (...command) => {
    for (const form of forms) {
      const { code, stderr } = await shaper(...command.filter(Boolean), ...form);
      expect(code).toBe(2);
      expect(stderr).toContain("bad.yaml:4:9: up: '20' has no unit");
    }
  });

  it('a file without an ending in its name may be named without the word run too', async () => {
    const before = process.cwd();
    process.chdir(dirname(bad));
    try {
      expect((await shaper('plain')).stderr).toContain("plain:1:1: unknown key 'lnks'");
    } finally {
      process.chdir(before);
    }
  });

  it.skipIf(existsSync(DEFAULT_CONF))('without a file the default is looked for', async () => {
    for (const command of ['run', 'check', 'rules', 'simulate']) {
      const { code, stderr } = await shaper(command);
      expect(code).toBe(2);
      expect(stderr).toContain('no configuration file is named, and there is no /etc/shaper/shaper.yaml');
    }
  });
});

describe('help and version', () => {
  it.each(['--help', '-h', 'help'])('%s goes to stdout, exit 0', async (arg) => {
    const { code, stdout } = await shaper(arg);
    expect(code).toBe(0);
    for (const command of [
      'run',
      'check',
      'rules',
      'status',
      'stop',
      'set',
      'reload',
      'save',
      'watch',
      'clean',
    ])
      expect(stdout).toContain(`  ${command}`);
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
