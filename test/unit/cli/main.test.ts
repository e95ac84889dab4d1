import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { startServer } from '../../../src/control/server.ts';
import { filesWith, shaper } from './helpers.ts';

const files = filesWith({
  'good.yaml':
    'links: { wan: { device: nodevice0, up: { rate: 20mbit, classes: { bulk: { ceil: 5mbit, match: { dport: 873 } } } }, down: 100mbit } }',
  'bad.yaml': 'links:\n  wan:\n    device: nodevice0\n    up: 20\n    dwon: 5mbit\n',
  'warning.yaml':
    'links: { wan: { device: nodevice0, up: { rate: 20mbit, classes: { a: {}, b: { match: { dport: 1 } } } } } }\n' +
    'control: { socket: /nowhere/shaper.sock }',
  'iptables.yaml': 'links: { wan: { device: nodevice0, up: 20mbit } }\nnfqueue: { backend: iptables }',
});
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

describe('check', () => {
  it('a good file: a short summary on stdout', async () => {
    expect(await shaper('check', good)).toEqual({
      code: 0,
      stdout:
        `${good}: ok\n` +
        '  wan/up on nodevice0: rate 20mbit, burst 3028B\n' +
        '    bulk: ceil 5mbit, priority 3, weight 1, burst 3028B\n' +
        '      match: proto tcp udp udplite sctp, dport 873\n' +
        '      queue: discipline fair, isolation dual-src, limit 62.5kB, ackFilter false\n' +
        '      queue.aqm.codel: target 5ms, interval 100ms, ecn true\n' +
        '    default: ceil 20mbit, priority 3, weight 1, burst 3028B\n' +
        '      queue: discipline fair, isolation dual-src, limit 250kB, ackFilter false\n' +
        '      queue.aqm.codel: target 5ms, interval 100ms, ecn true\n' +
        '  wan/down on nodevice0: rate 100mbit, burst 12.5kB\n' +
        '    default: ceil 100mbit, priority 3, weight 1, burst 12.5kB\n' +
        '      queue: discipline fair, isolation dual-dst, limit 1250kB, ackFilter false\n' +
        '      queue.aqm.codel: target 5ms, interval 100ms, ecn true\n',
      stderr: '',
    });
  });

  it('a bad file: every problem as FILE:LINE:COL: message on stderr, exit 2', async () => {
    const { code, stdout, stderr } = await shaper('check', bad);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    const lines = stderr.trimEnd().split('\n');
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/bad\.yaml:4:9: up: '20' has no unit/);
    expect(lines[1]).toMatch(/bad\.yaml:5:5: unknown key 'dwon' in link wan; did you mean 'down'\?/);
  });

  it('warnings go to stderr and are no failure', async () => {
    const { code, stdout, stderr } = await shaper('check', files.path('warning.yaml'));
    expect(code).toBe(0);
    expect(stdout).toContain(': ok\n');
    expect(stderr).toMatch(/warning\.yaml:1:\d+: warning: class b gets no packets/);
  });

  it.each([
    ['no such file', files.path('missing.yaml')],
    ['a folder, not a file', '/tmp'],
  ])('%s: exit 2', async (message, path) => {
    const { code, stderr } = await shaper('check', path);
    expect(code).toBe(2);
    expect(stderr).toContain(`cannot read ${path}: ${message}`);
  });
});

describe('rules', () => {
  it('prints the nft rule set; the other back end on demand or when configured', async () => {
    const nft = await shaper('rules', '--conf', good);
    expect(nft.code).toBe(0);
    expect(nft.stdout).toContain('table inet shaper_100');
    expect(nft.stdout).not.toContain('iptables');
    const iptables = await shaper('rules', '--conf', good, '--backend', 'iptables');
    expect(iptables.stdout).toContain('NFQUEUE');
    expect((await shaper('rules', '--conf', files.path('iptables.yaml'))).stdout).toContain('NFQUEUE');
    expect(
      (await shaper('rules', '--conf', files.path('iptables.yaml'), '--backend', 'nft')).stdout,
    ).not.toContain('NFQUEUE');
  });

  it('a bad file: exit 2; a doubtful one: its warnings on stderr', async () => {
    expect((await shaper('rules', '--conf', bad)).code).toBe(2);
    const { code, stdout, stderr } = await shaper('rules', '--conf', files.path('warning.yaml'));
    expect(code).toBe(0);
    expect(stdout).not.toContain('warning');
    expect(stderr).toMatch(/warning\.yaml:1:\d+: warning: class b gets no packets/);
  });
});

describe('run', () => {
  it.each([
    ['with the word', ['run', '--conf']],
    ['without the word', ['--conf']],
  ])('%s: a bad file is exit 2, before anything on this machine is looked at', async (_, args) => {
    const { code, stderr } = await shaper(...args, bad);
    expect(code).toBe(2);
    expect(stderr).toContain('bad.yaml:4:9:');
  });

  it('a missing device is exit 3, naming it and those that exist', async () => {
    const { code, stderr } = await shaper('--conf', good);
    expect(code).toBe(3);
    expect(stderr).toContain('device nodevice0 of link wan does not exist');
    expect(stderr).toContain('devices here:');
  });
});

describe('status', () => {
  it('nobody there: exit 3 and what to do', async () => {
    const { code, stderr } = await shaper('status', '--socket', files.path('none.sock'));
    expect(code).toBe(3);
    expect(stderr).toContain('no running instance answers on');
    expect(stderr).toContain('shaper --conf FILE');
  });

  it('a bad --conf is exit 2, decided before 3; a doubtful one says its warnings', async () => {
    expect((await shaper('status', '--conf', bad)).code).toBe(2);
    const { code, stderr } = await shaper('status', '--conf', files.path('warning.yaml'));
    expect(code).toBe(3);
    expect(stderr).toMatch(/^\S+warning\.yaml:1:\d+: warning: class b gets no packets/);
  });

  it('prints the report of the instance, as JSON or as a table', async () => {
    const count = { packets: 1, bytes: 100 };
    const totals = { received: count, accepted: count, dropped: count, held: count, kernel: { lost: 0 } };
    const report = {
      version: '9',
      uptimeSeconds: 1,
      backend: 'nft',
      totals,
      latenessMicroseconds: { p50: 1, p99: 2 },
      bounds: {},
      socket: {},
      classes: [],
    };
    const path = files.path('live.sock');
    const server = await startServer(path, async () => ({ status: report }));
    try {
      const json = await shaper('status', '--json', '--socket', path);
      expect(json.code).toBe(0);
      expect(JSON.parse(json.stdout)).toEqual(report);
      const table = await shaper('status', '--socket', path);
      expect(table.stdout).toMatch(/^shaper 9, back end nft, up 1\.0 s\n/);
    } finally {
      await server.close();
    }
  });
});
