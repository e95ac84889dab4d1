import { writeResults } from './goals.ts';
import { createLab } from './lab/lab.ts';
import { type Case, type Measured, measureCase, tcpCase, udpCase } from './rates.ts';
import { rate, renderTable } from './table.ts';
import { readWords } from './words.ts';

const ATTEMPTS_MAX = 3;

const CASES: readonly Case[] = [
  tcpCase(2e6, 12, 4000),
  tcpCase(20e6, 8, 2500),
  tcpCase(200e6, 6, 2000),
  udpCase(1e6, 8, false),
  udpCase(10e6, 4, false),
  udpCase(100e6, 3, false),
  udpCase(1e6, 8, true),
  udpCase(10e6, 4, true),
  udpCase(100e6, 3, true),
];

function print(measured: readonly Measured[]): void {
  const percent = (ratio: number, digits: number): string => `${(100 * ratio).toFixed(digits)} %`;
  const cells = measured.map((row) => [
    row.what,
    rate(row.rateBitsPerSec),
    rate(row.expectedBitsPerSec),
    rate(row.measuredBitsPerSec),
    percent(row.measuredBitsPerSec / row.expectedBitsPerSec - 1, 2),
    percent(row.toleranceRatio, 1),
    row.isMet ? 'pass' : 'FAIL',
    `${percent(row.starvedRatio, 1)}${row.attempts > 1 ? `, best of ${row.attempts}` : ''}`,
  ]);
  const head = ['', 'configured', 'expected', 'measured', 'off by', 'goal', '', 'waited for a processor'];
  console.log(`\n${renderTable(head, cells, true)}`);
}

async function main(): Promise<void> {
  readWords({ hasQuick: false });
  const lab = await createLab();
  const measured: Measured[] = [];
  try {
    for (const one of CASES) {
      console.error(`bench: ${one.what} at ${rate(one.rateBitsPerSec)}`);
      measured.push(await measureCase(lab, one, ATTEMPTS_MAX));
    }
  } finally {
    await lab.close();
  }
  print(measured);
  writeResults('accuracy', measured);
  process.exitCode = measured.every((row) => row.isMet) ? 0 : 1;
}

await main();
