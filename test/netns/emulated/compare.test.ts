/**
 * The comparison with the kernel's disciplines, short: that it runs, and that what it shows has not turned
 * round.
 */
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { Row } from '../../../bench/compare/report.ts';
import { FULLKERNEL_MISSING, findFullkernel } from '../../../bench/lab/fullkernel.ts';
import { describeNetns, run } from '../harness.ts';

const compare = fileURLToPath(new URL('../../../bench/compare.ts', import.meta.url));
const EXIT_NOT_HERE = 3;

describeNetns('bench compare --quick', () => {
  it('one TCP flow gets nearly what CAKE gives it, and ping waits little longer', {
    timeout: 420_000,
    retry: 1,
  }, async (context) => {
    if (findFullkernel() === undefined) context.skip(FULLKERNEL_MISSING);
    const command = [process.execPath, '--import', 'tsx', compare, '--quick'];
    const { code, stdout, stderr } = await run(command, { timeoutMs: 400_000, check: false });
    if (code === EXIT_NOT_HERE) context.skip(`fullkernel failed: ${stderr.slice(0, 200)}`);
    expect(code, stderr).toBe(0);
    const rows = JSON.parse(stdout) as Row[];
    expect(rows.map(({ shaper, load }) => [shaper, load])).toEqual([
      ['cake', 'tcp1'],
      ['shaper', 'tcp1'],
    ]);
    const [cake, ours] = rows.map(({ figures }) => figures);
    // Wide: a few seconds, and a busy host can make the guest's time jump. The figures are the bench's
    // business.
    expect(cake!.usedRatio).toBeGreaterThan(0.9);
    expect(ours!.tcpBitsPerSec).toBeGreaterThan(0.9 * cake!.tcpBitsPerSec);
    expect(ours!.usedRatio).toBeLessThan(1.05);
    expect(ours!.pingP99Ms).toBeLessThan(cake!.pingP99Ms + 10);
    expect(ours!.dropped).toBeGreaterThan(0);
  });

  it('says what is missing where there is no such kernel', async () => {
    const command = ['env', 'SHAPER_FULLKERNEL=/nowhere', process.execPath, '--import', 'tsx', compare];
    const { code, stderr } = await run(command, { check: false });
    expect(code).toBe(EXIT_NOT_HERE);
    expect(stderr).toContain('SHAPER_FULLKERNEL');
  });
});
