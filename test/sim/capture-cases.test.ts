/**
 * Capture files that once were read wrongly (test/cases/), through the default configuration. All were made
 * by hand; their names say what is special about them.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runReplay } from '../../src/sim/capture/replay.ts';
import { scanCapture } from '../../src/sim/capture/scan.ts';
import { readAtOf } from '../../src/sim/capture/window.ts';
import { bottleneck } from './net.ts';

const FOLDER = join(import.meta.dirname, '../cases');

function replay(name: string) {
  const scan = scanCapture(readAtOf(readFileSync(join(FOLDER, `${name}.pcap`))));
  return { scan, report: runReplay(bottleneck({}, 1_250_000), scan, name, 1).report };
}

interface Right {
  readonly packets: number;
  readonly bytes: number;
  readonly unparsed?: number;
  readonly neverQueued?: number;
  readonly flows?: readonly string[];
}

const UDP = 'udp 192.0.2.1:1000 > 198.51.100.2:2000';

describe('a capture', () => {
  test.each<[string, Right]>([
    ['stp-read-as-ipv4-icmp', { packets: 5, bytes: 230, unparsed: 5, flows: ['unparsed up'] }],
    ['stp-read-as-ipv4-tcp', { packets: 5, bytes: 230, unparsed: 5, flows: ['unparsed up'] }],
    ['stp-read-as-ipv4-udp', { packets: 5, bytes: 230, unparsed: 5, flows: ['unparsed up'] }],
    ['fabricpath-length-misread', { packets: 1, bytes: 250, unparsed: 1 }],
    ['mpls-read-as-ipv4', { packets: 2, bytes: 656, flows: ['udp 192.0.2.1:40000 > 198.51.100.2:53'] }],
    ['mpls-unparsed', { packets: 1, bytes: 328, flows: ['udp 192.0.2.1:40000 > 198.51.100.2:53'] }],
    ['pppoe-unparsed', { packets: 2, bytes: 92 }],
    ['qinq-9100-unparsed', { packets: 2, bytes: 92, flows: ['udp 10.0.0.2:1000 > 198.51.100.2:53'] }],
    ['sll-vlan-unparsed', { packets: 3, bytes: 138 }],
    ['wire-length-zero', { packets: 2, bytes: 92, flows: [UDP] }],
    ['zero-captured', { packets: 2, bytes: 61, unparsed: 2 }],
    ['version-2.2-lengths-swapped', { packets: 2, bytes: 92, flows: [UDP] }],
    ['modified-pcap-fritzbox', { packets: 3, bytes: 138, flows: [UDP] }],
    ['damaged-in-the-middle', { packets: 3, bytes: 138, flows: [UDP] }],
    ['last-packet-lost', { packets: 2, bytes: 92 }],
    ['two-packets-1us', { packets: 2, bytes: 2856 }],
    ['never-queued-but-shaped', { packets: 0, bytes: 0, neverQueued: 3, flows: [] }],
  ])('%s', (name, { packets, bytes, unparsed = 0, neverQueued = 0, flows }) => {
    const { report } = replay(name);
    expect(report.totals).toMatchObject({ received: { packets, bytes }, unparsed, neverQueued });
    expect(report.totals.accepted.packets + report.totals.dropped.packets).toBe(packets);
    if (flows) expect(report.flows.map((flow) => flow.name)).toEqual(flows);
  });
});

test('damage is named with its place', () => {
  expect(replay('damaged-in-the-middle').scan.trouble).toEqual({ kind: 'damaged', atByte: 252 });
});

test('an old version is refused by name', () => {
  expect(() => replay('version-1.4')).toThrow(/version 1\.4/);
});

test('throughput makes sense across 12 days and across a microsecond', () => {
  const days = replay('last-packet-lost');
  expect(days.scan.longestPauseNs / 86_400e9).toBeCloseTo(12, 0);
  expect(days.report.classes[0]!.throughputBitsPerSecond).toBeGreaterThan(300);
  const moment = replay('two-packets-1us');
  expect(moment.report.classes[0]!.throughputBitsPerSecond).toBeCloseTo(10e6);
});

test('of a thousand equal flows 200 are named, in order of appearance, the rest are one row', () => {
  const { report } = replay('equal-flows-1000');
  expect(report.flows).toHaveLength(201);
  expect(report.flows[0]!.name).toBe('tcp 192.0.2.1:1024 > 198.51.100.1:443');
  expect(report.flows[200]).toMatchObject({ name: 'other tcp up', count: 800, delivered: { packets: 800 } });
});
