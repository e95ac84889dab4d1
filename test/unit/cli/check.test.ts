import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { afterAll, expect, it } from 'vitest';
import { configFiles, shaper } from './helpers.ts';

const files = configFiles();
afterAll(() => files.remove());
execFileSync('mkfifo', [files.path('fifo')]);
writeFileSync(files.path('long.yaml'), '#'.repeat((1 << 20) + 1));
const good = files.path('good.yaml');
const bad = files.path('bad.yaml');

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
      '      queue.aqm.codel: target 5ms, interval 100ms, ecn true\n' +
      '  local.exempt: ports 22, share 5%\n',
    stderr: expect.stringMatching(
      /good\.yaml:\d+:\d+: warning: device: this machine has no nodevice0 \(it has .*\)\n$/,
    ),
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
  ['a device, not a file', '/dev/zero'],
  ['a FIFO, not a file', files.path('fifo')],
  ['longer than the 1048576 bytes that are possible', files.path('long.yaml')],
])('%s: exit 2', async (message, path) => {
  const { code, stderr } = await shaper('check', path);
  expect(code).toBe(2);
  expect(stderr).toContain(`cannot read ${path}: ${message}`);
});
