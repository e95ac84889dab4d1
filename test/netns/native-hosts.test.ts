/** What the addon tells of neighbours and addresses, in a fresh network namespace each. */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { compileInto } from '../../bench/compiled.ts';
import { findAddon } from '../../src/io/nfqueue/addon.ts';

const run = promisify(execFile);
const COMPILED = mkdtempSync(join(tmpdir(), 'shaper-hosts-'));
const SCRIPT = join(COMPILED, 'test/netns/native-scenarios.js');
const NS = `shhost${process.pid}`;
const ip = (...args: string[]): string => execFileSync('ip', args, { encoding: 'utf8' });

/** RTM_NEWNEIGH is 28, RTM_DELNEIGH 29; those of addresses are 20 and 21. */
const isNeighbour = (change: string): boolean => change.startsWith('28 ') || change.startsWith('29 ');

// biome-ignore lint/suspicious/noExplicitAny: the result of a scenario is whatever it printed
async function scenario(name: string): Promise<any> {
  const { stdout, stderr } = await run('ip', ['netns', 'exec', NS, process.execPath, SCRIPT, name], {
    env: { ...process.env, SHAPER_ADDON: findAddon() },
    timeout: 100_000,
  });
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

describe('neighbours and addresses of the kernel', () => {
  beforeAll(() => compileInto(COMPILED, [join(import.meta.dirname, 'native-scenarios.ts')]));
  afterAll(() => rmSync(COMPILED, { recursive: true }));
  beforeEach(() => {
    ip('netns', 'add', NS);
    ip('-n', NS, 'link', 'set', 'lo', 'up');
    ip('-n', NS, 'link', 'add', 'n0', 'type', 'veth', 'peer', 'name', 'n1');
    // Addresses by which the kernel would make neighbours of its own are not there.
    ip('netns', 'exec', NS, 'sysctl', '-qw', 'net.ipv6.conf.n0.addr_gen_mode=1');
    ip('-n', NS, 'address', 'add', '10.77.0.1/24', 'dev', 'n0');
    ip('-n', NS, 'link', 'set', 'n0', 'up');
  });
  afterEach(() => {
    if (existsSync(`/run/netns/${NS}`)) ip('netns', 'delete', NS);
  });

  test('come as a list, and with every change', async () => {
    const { list, changes, areOfDevice, scopes } = await scenario('hostChanges');
    expect(list).toEqual(['20 127.0.0.1 127.0.0.1/8', '20 10.77.0.1 10.77.0.1/24', '20 ::1 ::1/128']);
    expect(scopes).toEqual([254, 0, 254]);
    // Each is told in its order; a new IPv6 address comes when the kernel has looked for its double.
    expect(changes.filter(isNeighbour)).toEqual([
      '28 10.77.0.12 00508d685075 80',
      '28 10.77.0.12 020000000001 4',
      '28 fd00::12 00508d685075 2',
      // Deleting makes it fail first.
      '28 fd00::12 000000000000 20',
      '29 fd00::12 000000000000 20',
      '28 10.77.0.13 020000000002 80',
    ]);
    expect(changes.filter((change: string) => !isNeighbour(change))).toEqual([
      '20 10.78.0.1 10.78.0.1/16',
      '20 10.79.0.1 10.80.0.0/24',
      '21 10.78.0.1 10.78.0.1/16',
      '20 fd01::1 fd01::1/64',
    ]);
    expect(areOfDevice).toBe(true);
  });

  test('come by the thousand, some hundred in a call', async () => {
    const { told, list, lost, callRowsMax } = await scenario('manyHosts');
    expect({ told, list, lost }).toEqual({ told: 5000, list: 5000, lost: 0 });
    expect(callRowsMax).toBeLessThanOrEqual(512);
  });

  test('that are lost are told as lost, and a list has them all', async () => {
    const { told, list, again, change } = await scenario('lostHosts');
    expect(told).toBeLessThan(5000);
    expect({ list, again }).toEqual({ list: 5000, again: 5000 });
    expect(change.at(-1)).toMatch(/^29 10\.77\.100\.7 /);
  });

  test('are not told after a close, which may come from a callback', async () => {
    expect(await scenario('closedHosts')).toEqual({ calls: 1, isAskedAfterwards: false });
  });
});
