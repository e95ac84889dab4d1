/**
 * Without privileges in the machine itself the socket buffer is small: what does not fit is counted as
 * socketFull. The kernel may refuse edited packets (Linux 7.1), so pacing works or is off, and never costs
 * packets.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { classOf, describeNetns, packetsUnaccounted, run } from '../harness.ts';
import type { RootlessReport } from './rootless.ts';

const PROGRAM = fileURLToPath(new URL('rootless.ts', import.meta.url));
const UNSHARE = ['unshare', '--user', '--map-root-user', '--net', '--mount', '--'];

describeNetns('root in a user namespace of its own', () => {
  it('shapes; a full socket drops, the status says how many, and the next packets pass', async (context) => {
    const [unshare, ...options] = UNSHARE;
    if (spawnSync(unshare!, [...options, 'true']).status !== 0) context.skip('no user namespaces here');
    // Names of network namespaces live in /run.
    const inside = 'mount -t tmpfs none /run && exec "$@"';
    const command = [...UNSHARE, 'sh', '-c', inside, '-', process.execPath, '--import', 'tsx', PROGRAM];
    const { stdout } = await run(command, { timeoutMs: 200_000 });
    const { warning, sentPackets, received, later, status, stopped, paced } = JSON.parse(
      stdout,
    ) as RootlessReport;
    expect(warning).toMatchObject({ level: 'warn', length: 65536, fits: expect.any(Number) });
    const { totals } = status;
    expect(packetsUnaccounted(status)).toBe(0);
    expect(received.packets).toBe(sentPackets - totals.kernel.socketFull);
    expect(received.packets).toBeGreaterThanOrEqual(warning!.fits as number);
    expect(totals.kernel).toMatchObject({ queueFull: 0, lost: 0 });
    expect(totals.kernel.socketFull).toBeGreaterThan(0);
    expect(later.packets).toBe(100);
    expect(totals.accepted.packets).toBe(received.packets + later.packets);
    expect(stopped.code).toBe(0);
    const { sent, received: arrived } = paced.transfer;
    expect(arrived).toMatchObject({ bytes: sent.bytes, sha256: sent.sha256 });
    const { paced: pacing } = classOf(paced.status, 'wan/up');
    if (pacing) expect([pacing.rewritten > 0, ...paced.status.warnings]).toEqual([true]);
    else expect(paced.status.warnings).toEqual([expect.stringContaining('tcp.pace is off in wan/up')]);
  });
});
