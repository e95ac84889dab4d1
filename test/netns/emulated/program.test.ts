/** The whole program over the nft queue statement, under a full kernel where this machine's own lacks it. */
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { capabilities } from '../capabilities.ts';
import { classOf, describeNetns, nativeProgram, packetsUnaccounted } from '../harness.ts';
import { underFullkernel } from './fullkernel.ts';
import type { NativeReport } from './program-script.ts';

const PROGRAM = fileURLToPath(new URL('program-script.ts', import.meta.url));
const SECONDS = 280;

describeNetns('the nft back end', () => {
  it('shapes, polices, counts and stops as the other one does', { timeout: 310_000 }, async (context) => {
    if ((await capabilities()).nft) context.skip('all stories here run over the nft back end');
    // Built here: a compiler takes its time in an emulated machine.
    await Promise.all([nativeProgram('udpgen'), nativeProgram('udpsink')]);
    const command = [process.execPath, '--import', 'tsx', PROGRAM];
    const { code, stdout, stderr } = await underFullkernel(context, SECONDS, command);
    expect(code, stderr).toBe(0);
    const { status, tcp, policed, stopped, isAsBefore, pingsAcrossTheStop } = JSON.parse(
      stdout,
    ) as NativeReport;
    expect(status.backend).toBe('nft');
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
});
