import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { run } from '../../../bench/lab/process.ts';

const bench = fileURLToPath(new URL('../../../bench/hosts.ts', import.meta.url));

interface QuickResult {
  readonly loop: readonly {
    readonly mode: string;
    readonly bestNs: readonly number[];
    readonly known: number;
    readonly limited: number;
  }[];
  readonly control: readonly {
    readonly hosts: number;
    readonly corePercent: number;
    readonly fileBytes: number;
  }[];
  readonly goals: readonly { readonly value: number }[];
}

it('the hosts bench measures the decision loop without hosts, with them and with maxima, and the control thread', async () => {
  const { stdout } = await run([process.execPath, '--import', 'tsx', bench, '--quick', 'loop', 'control'], {
    timeoutMs: 200_000,
  });
  const { loop, control, goals } = JSON.parse(stdout) as QuickResult;
  expect(loop.map(({ mode, known, limited }) => [mode, known, limited])).toEqual([
    ['off', 0, 0],
    ['counted', 33, 0],
    ['limited', 33, 33],
  ]);
  for (const { bestNs } of loop) expect(bestNs[0]).toBeGreaterThan(0);
  expect(control.map(({ hosts }) => hosts)).toEqual([33]);
  expect(control[0]!.corePercent).toBeGreaterThan(0);
  // The file has tables, and rows of every host.
  expect(control[0]!.fileBytes).toBeGreaterThan(8192);
  // JSON has no NaN: it would be null here.
  for (const { value } of goals) expect(value).toBeTypeOf('number');
});
