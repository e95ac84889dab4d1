/**
 * The nft back end under a full kernel, where this machine's own lacks the queue statement. One boot for all
 * tests, in real time: in virtual time, waiting for a file of a busy host would let time limits run out.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, type TestContext } from 'vitest';
import { compileInto } from '../../../bench/compiled.ts';
import {
  FULLKERNEL_FAILED,
  FULLKERNEL_MISSING,
  findFullkernel,
  underFullkernelCommand,
} from '../../../bench/lab/fullkernel.ts';
import { findAddon } from '../../../src/io/nfqueue/addon.ts';
import { capabilities } from '../capabilities.ts';
import {
  classOf,
  describeNetns,
  type Finished,
  nativeProgram,
  packetsUnaccounted,
  run,
  shaperCommand,
} from '../harness.ts';
import { SCENARIOS } from '../rules-scenarios.ts';
import type { GuestLine, PortReport, ProgramReport } from './guest.ts';

/** 350 s were measured on two processors that ten processes wanted. */
const SECONDS = 600;

/** Of the guest, beside scenarios. */
const OTHERS = ['back end', 'devices', 'program', 'ports'];

const names = SCENARIOS.filter(({ differs }) => differs).map(({ name }) => name);

describeNetns('the nft back end under a full kernel', () => {
  const folder = mkdtempSync(join(tmpdir(), 'shaper-guest-'));
  let obstacle = '';
  let guest: Finished;
  let reported: readonly GuestLine[] = [];

  async function compile(): Promise<void> {
    // All that is compiled is compiled here: a compiler takes its time in an emulated machine, and so does
    // tsx.
    const scripts = ['./guest.ts', '../rules-driver.ts'].map((name) => join(import.meta.dirname, name));
    shaperCommand();
    await Promise.all([compileInto(folder, scripts), nativeProgram('udpgen'), nativeProgram('udpsink')]);
  }

  async function boot(tool: string, tests: readonly string[]): Promise<GuestLine[]> {
    const variables = [`SHAPER_ADDON=${findAddon() ?? ''}`, 'SHAPER_LAB_LIMIT_MS=60000'];
    const script = join(folder, 'test/netns/emulated/guest.js');
    const command = ['env', ...variables, process.execPath, script, ...tests];
    guest = await run(underFullkernelCommand(tool, command, { seconds: SECONDS, isFirst: true }), {
      timeoutMs: (SECONDS + 20) * 1000,
      check: false,
    });
    const printed = guest.stdout.split('\n').filter((line) => line.startsWith('{'));
    return printed.map((line) => JSON.parse(line) as GuestLine);
  }

  beforeAll(
    async () => {
      const tool = findFullkernel();
      if (tool === undefined) obstacle = FULLKERNEL_MISSING;
      else if ((await capabilities()).nft) obstacle = 'this kernel has the nft queue statement itself';
      else {
        await compile();
        const all = [...names, ...OTHERS];
        reported = await boot(tool, all);
        // A machine that ran a test and then broke down is a fault, perhaps of ours.
        if (guest.code === FULLKERNEL_FAILED && reported.length === 0)
          obstacle = `fullkernel failed: ${guest.stderr.slice(0, 200)}`;
        const missing = all.filter((name) => !reported.some(({ test }) => test === name));
        if (obstacle === '' && missing.length > 0) {
          console.warn(`The machine ended with ${guest.code}. A second one runs ${missing.join('; ')}.`);
          reported = [...reported, ...(await boot(tool, missing))];
        }
        console.log(reported.map(({ test, seconds }) => `${seconds} s: ${test}`).join('\n'));
        for (const { test, repeated } of reported)
          if (repeated !== undefined) console.warn(`It was repeated: ${test}: ${repeated}`);
      }
    },
    2 * (SECONDS + 60) * 1000,
  );
  afterAll(() => rmSync(folder, { recursive: true }));

  /** What the guest said of that test; throws what it threw, or all that was said where it said nothing. */
  function foundIn(test: string, context: TestContext): unknown {
    if (obstacle !== '') context.skip(obstacle);
    const { stdout, stderr, code } = guest;
    const own = reported.find((line) => line.test === test);
    expect(own, `exit ${code}\n${stdout}${stderr}`).toBeDefined();
    expect(own?.error).toBeUndefined();
    return own?.found;
  }

  it('is what the probe finds, and there are scenarios for it', (context) => {
    expect(foundIn('back end', context)).toBe('nft');
    expect(guest.code, guest.stderr).toBe(0);
    expect(names.length).toBeGreaterThanOrEqual(5);
  });

  for (const name of names) it(name, (context) => void foundIn(name, context));

  it('knows bonds, teams, VRFs and VLANs from other devices', (context) => {
    const lines = foundIn('devices', context) as string[];
    expect(lines.map((line) => line.replace(/^.*:(\d+):\d+: warning: device: /, '$1 '))).toEqual([
      expect.stringContaining('2 slave7 is a slave of the bond bond7: packets show bond7'),
      expect.stringContaining('4 port7 is a port of team7: packets show team7'),
      expect.stringContaining('5 member7 is a member of the VRF blue7: packets that arrive by it show blue7'),
      expect.stringContaining('6 packets that are forwarded out of the VRF blue7 show its members'),
      expect.stringMatching(/^7 packets of the devices on top of parent7 .*: vlan7$/),
    ]);
  });

  it('shapes, polices, counts and stops as the other one does', (context) => {
    const report = foundIn('program', context) as ProgramReport;
    const { status, tcp, policed, stopped, isAsBefore, pingsAcrossTheStop } = report;
    expect(status.backend).toBe('nft');
    // The trial at the start finds that the kernel takes edited packets.
    expect([classOf(status, 'wan/down').paced === null, ...status.warnings]).toEqual([false]);
    expect(packetsUnaccounted(status)).toBe(0);
    expect(tcp.receivedBytes).toBeGreaterThan(100_000);
    expect(tcp.bitsPerSec).toBeLessThan(4.4e6);
    const { sent, dropped } = classOf(status, 'wan/up/policed');
    expect(policed.received.packets).toBe(sent.packets);
    expect(dropped.police).toBe(300 - sent.packets);
    expect(dropped.police).toBeGreaterThan(50);
    expect(stopped.code).toBe(0);
    expect(isAsBefore).toBe(true);
    expect(pingsAcrossTheStop).toBe(100);
  });

  it('shapes a port of a bridge in the hooks of the bridge', (context) => {
    const report = foundIn('ports', context) as PortReport;
    const { shares, ownShares, otherLost, shareAgain, shareCalled, tcp, paced, status, isAsBefore } = report;
    const measured = [...shares[4], ...shares[6], ...ownShares, shareAgain, shareCalled];
    // The machine is slow: what waited too long passes late.
    for (const share of measured) expect(Math.abs(share - 1)).toBeLessThan(0.25);
    expect(otherLost).toBe(0);
    // Where superpackets are cut, the pieces get lost, and next to nothing passes.
    expect(tcp).toBeGreaterThan(0.7);
    expect(tcp).toBeLessThan(1.1);
    expect(paced).toBeGreaterThan(0.3);
    expect(paced).toBeLessThan(1.1);
    expect(classOf(status, 'lan/down').paced?.rewritten).toBeGreaterThan(0);
    expect(status.warnings).toEqual([]);
    expect(packetsUnaccounted(status)).toBe(0);
    expect(isAsBefore).toBe(true);
  });
});
