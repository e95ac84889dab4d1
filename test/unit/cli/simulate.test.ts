/**
 * `shaper simulate` as its users call it. Slow lines and the shortest scenario: a run takes a fraction of a
 * second.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { IPPROTO_UDP, ipv4, type PacketShape, writePacket } from '../../../src/sim/packets/packets.ts';
import { figuresOf } from '../../../src/sim/report/figures.ts';
import type { SimulateReport } from '../../../src/sim/report/report.ts';
import { SCENARIOS } from '../../../src/sim/scenarios/index.ts';
import { filesWith, type Outcome, shaper, shaperOn } from './helpers.ts';

const files = filesWith({
  'tail.yaml': 'links: { wan: { device: nodevice0, up: { rate: 1mbit } } }',
  'red.yaml': `
links:
  wan:
    device: nodevice0
    up: { rate: 1mbit, classes: { default: { queue: { aqm: { red: { min: 5kB, max: 15kB } } } } } }
`,
  'half.yaml': 'links: { wan: { device: nodevice0, up: { rate: 500kbit }, down: { rate: 700kbit } } }',
  'both.yaml': 'links: { wan: { device: nodevice0, up: { rate: 1mbit }, down: { rate: 1mbit } } }',
  'warning.yaml':
    'links: { wan: { device: nodevice0, up: { rate: 1mbit, classes: { a: {}, b: { match: { dport: 1 } } } } } }',
  'bad.yaml': 'links: { wan: { device: nodevice0, up: 20 } }',
  'text.pcap': 'this is a text and no capture',
});
afterAll(() => files.remove());
const tail = files.path('tail.yaml');
const red = files.path('red.yaml');

const UP: PacketShape = {
  src: ipv4(10, 0, 0, 5),
  dst: ipv4(198, 51, 100, 1),
  protocol: IPPROTO_UDP,
  sport: 5,
  dport: 53,
};
const DOWN: PacketShape = { src: UP.dst, dst: UP.src, protocol: IPPROTO_UDP, sport: 53, dport: 5 };

interface Record {
  readonly atMicroseconds: number;
  /** A packet, or bytes that are none. */
  readonly shape?: PacketShape;
  readonly lengthBytes: number;
}

/** Raw IP (link type 101), microseconds, little endian. */
function pcapFile(records: readonly Record[]): Uint8Array {
  const parts = [new Uint8Array(24)];
  const head = new DataView(parts[0].buffer);
  head.setUint32(0, 0xa1b2c3d4, true);
  head.setUint16(4, 2, true);
  head.setUint16(6, 4, true);
  head.setUint32(16, 65535, true);
  head.setUint32(20, 101, true);
  for (const { atMicroseconds, shape, lengthBytes } of records) {
    const bytes = new Uint8Array(64).fill(0xff);
    const captured = shape ? writePacket(bytes, 0, shape, lengthBytes) : 7;
    const header = new DataView(new ArrayBuffer(16));
    header.setUint32(0, 1_700_000_000 + Math.floor(atMicroseconds / 1e6), true);
    header.setUint32(4, atMicroseconds % 1e6, true);
    header.setUint32(8, captured, true);
    header.setUint32(12, lengthBytes, true);
    parts.push(new Uint8Array(header.buffer), bytes.subarray(0, captured));
  }
  return new Uint8Array(Buffer.concat(parts));
}

function jsonOf(outcome: Outcome): SimulateReport {
  expect(outcome.code, outcome.stderr).toBe(0);
  return JSON.parse(outcome.stdout) as SimulateReport;
}

describe('usage faults exit with 2, say what would be right, and print nothing on stdout', () => {
  it.each([
    [['--conf', files.path('missing.yaml'), '--scenario', 'flood'], 'missing.yaml: no such file'],
    [['--conf', tail], 'simulate what? --scenario NAME, --pcap FILE or --history FILE'],
    [['--conf', tail, '--scenario', 'flod'], 'no scenario flod; did you mean flood?'],
    [['--conf', tail, '--scenario', 'q'], 'scenarios: call-beside-uploads, '],
    [['--conf', tail, '--scenario', 'flood', '--pcap', 'x'], 'cannot be used with'],
    [
      ['--conf', tail, '--scenario', 'flood', '--seed', '1.5'],
      "--seed takes a whole number from 0 to 9007199254740991, not '1.5'",
    ],
    [['--conf', tail, '--scenario', 'flood', '--seed', '-1'], "not '-1'"],
    [['--conf', tail, '--scenario', 'flood', '--seed', '9007199254740992'], '--seed takes'],
    [['--conf', files.path('bad.yaml'), '--scenario', 'flood'], "bad.yaml:1:40: up: '20' has no unit"],
    [['--conf', tail, '--compare', files.path('bad.yaml'), '--scenario', 'flood'], 'bad.yaml:1:40'],
    [['--conf', tail, '--compare', files.path('missing.yaml'), '--scenario', 'flood'], 'no such file'],
    [
      ['--conf', tail, '--scenario', 'flood', '--html', '/no/such/folder/x.html'],
      'cannot write /no/such/folder/x.html: no such folder',
    ],
    [['--conf', tail, '--scenario', 'flood', '--html', '/tmp'], 'cannot write /tmp: a folder, not a file'],
    [['--conf', tail, '--pcap', files.path('missing.pcap')], 'missing.pcap: no such file'],
    [['--conf', tail, '--pcap', '/tmp'], 'cannot read /tmp: a folder, not a file'],
    [['--conf', tail, '--pcap', files.path('text.pcap')], 'text.pcap: not a capture file'],
    [['--list', '--json'], 'cannot be used with'],
    [['--list', '--seed', '2'], 'cannot be used with'],
    [['--list', '--conf', files.path('bad.yaml')], 'bad.yaml:1:40'],
    [['flood', '--conf', tail], 'two configuration files: flood and'],
  ])('%j', async (args, message) => {
    const { code, stdout, stderr } = await shaper('simulate', ...args);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
    expect(stdout).toBe('');
  });
});

it('--list prints one scenario per line, name first, no header', async () => {
  const { code, stdout, stderr } = await shaper('simulate', '--list');
  expect(code).toBe(0);
  expect(stderr).toBe('');
  const lines = stdout.trimEnd().split('\n');
  expect(lines.map((text) => text.split(/\s+/)[0])).toEqual(SCENARIOS.map(({ name }) => name));
  for (const [i, { about }] of SCENARIOS.entries())
    expect(lines[i]).toMatch(new RegExp(`^\\S+ {2,}${about.slice(0, 8)}`));
  expect(await shaper('simulate', '--list', '--conf', tail)).toEqual({ code, stdout, stderr });
  const doubtful = await shaper('simulate', '--list', '--conf', files.path('warning.yaml'));
  expect(doubtful.stdout).toBe(stdout);
  expect(doubtful.stderr).toMatch(/warning\.yaml:1:\d+: warning: class b gets no packets/);
});

describe('a scenario', () => {
  const flood = ['simulate', '--scenario', 'flood', '--conf'];
  let single: SimulateReport;
  beforeAll(async () => {
    single = jsonOf(await shaper(...flood, tail, '--json'));
  });

  it('as JSON has the keys of the contract, and its sums are right', () => {
    expect(single).toMatchObject({ scenario: 'flood', seed: 1, durationSeconds: 30 });
    expect(single.traceHash).toMatch(/^[0-9a-f]{16}$/);
    const { received, accepted, dropped, held, kernel } = single.totals;
    expect(received.packets).toBe(accepted.packets + dropped.packets + held.packets + kernel.lost);
    expect(received.packets).toBeGreaterThan(1000);
    expect(single.classes.map(({ path }) => path)).toEqual(['wan/up', 'wan/up/default']);
    const [up] = single.classes;
    expect(up.throughputBitsPerSecond).toBeGreaterThan(0.8e6);
    expect(up.throughputBitsPerSecond).toBeLessThanOrEqual(1.01e6);
    expect(up.dropped).toBe(dropped.packets);
    for (const { delayMilliseconds } of [...single.classes, ...single.flows]) {
      expect(delayMilliseconds.p50).toBeLessThanOrEqual(delayMilliseconds.p99);
      expect(delayMilliseconds.p99).toBeLessThanOrEqual(delayMilliseconds.max);
    }
    expect(single.flows.find(({ name }) => name === 'flood')).toMatchObject({
      protocol: 'udp',
      retransmits: 0,
    });
  });

  it('the same seed gives the same report, another one another trace; without --seed it is 1', async () => {
    expect(jsonOf(await shaper(...flood, tail, '--json', '--seed', '1'))).toEqual(single);
    const other = jsonOf(await shaper(...flood, tail, '--json', '--seed', '2'));
    expect(other.seed).toBe(2);
    expect(other.traceHash).not.toBe(single.traceHash);
  });

  it('--compare: both runs, the first as it is alone', async () => {
    const { runs } = JSON.parse((await shaper(...flood, tail, '--compare', red, '--json')).stdout);
    expect(runs).toHaveLength(2);
    expect(runs[0]).toEqual({ configuration: tail, figures: figuresOf(single), ...single });
    expect(runs[1].configuration).toBe(red);
    expect(runs[1].figures).toEqual(figuresOf(runs[1]));
    expect(runs[1].traceHash).not.toBe(single.traceHash);
    expect(jsonOf(await shaper(...flood, red, '--json')).traceHash).toBe(runs[1].traceHash);
  });

  it('--compare: the second meets the traffic that was made for the first', async () => {
    const half = files.path('half.yaml');
    const { runs } = JSON.parse((await shaper(...flood, tail, '--compare', half, '--json')).stdout);
    const offered = ({ flows, totals }: SimulateReport): number => {
      const one = flows.find(({ name }) => name === 'flood')!;
      return (one.throughputBitsPerSecond * 30) / 12000 + one.dropped + totals.held.packets;
    };
    // 1500 bytes at 120 % of 1 Mbit/s, from second 4 or later: over 2300 packets. Made for half the rate it
    // were half of them.
    for (const run of runs) expect(offered(run)).toBeGreaterThan(2300);
    expect(offered(jsonOf(await shaper(...flood, half, '--json')))).toBeLessThan(1500);
  });

  it('prints a summary, in colour only where stdout takes colour', async () => {
    const plain = await shaper(...flood, tail);
    expect(plain.stdout).toMatch(/^flood: UDP at 120 %.*\nseed 1\n/);
    expect(plain.stdout).toContain(`trace ${single.traceHash}`);
    expect(plain.stdout).not.toContain('\x1b');
    expect(plain.stderr).toBe('');
    expect((await shaperOn({ hasColor: true }, ...flood, tail)).stdout).toContain('\x1b[1mflood\x1b[0m');
  });

  it('warns of what the configuration says in vain', async () => {
    const { stderr } = await shaper(...flood, files.path('warning.yaml'), '--json');
    expect(stderr).toMatch(/warning\.yaml:1:\d+: warning: class b gets no packets/);
  });

  it('--html writes a page beside what it prints', async () => {
    const page = files.path('page.html');
    expect(jsonOf(await shaper(...flood, red, '--compare', tail, '--json', '--html', page))).toBeTruthy();
    const html = readFileSync(page, 'utf8');
    expect(html).toMatch(/^<!doctype html>/);
    expect(html).toContain('RED in default');
    expect(html).toContain(single.traceHash);
    expect(html).not.toMatch(/NaN|undefined|Infinity/);
  });

  it('a page that is there stays as it was until the run has ended', async () => {
    const page = files.path('before.html');
    writeFileSync(page, 'before');
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => {
      throw new Error('the run breaks');
    });
    try {
      const broken = shaperOn({ isErrInteractive: true }, ...flood, tail, '--html', page);
      await expect(broken).rejects.toThrow('the run breaks');
    } finally {
      clock.mockRestore();
    }
    expect(readFileSync(page, 'utf8')).toBe('before');
    await shaper(...flood, tail, '--html', page);
    expect(readFileSync(page, 'utf8')).toMatch(/^<!doctype html>/);
  });

  it('shows progress only where stderr is a terminal, and takes it away', async () => {
    let nowMs = 0;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => {
      nowMs += 200;
      return nowMs;
    });
    try {
      expect((await shaper(...flood, tail, '--json')).stderr).toBe('');
      const { stderr } = await shaperOn({ isErrInteractive: true }, ...flood, tail, '--json');
      const shown = stderr.split('\r\x1b[K');
      expect(shown.slice(1, 3)).toEqual([`simulating ${tail}: 1 %`, `simulating ${tail}: 1 %`]);
      expect(shown.slice(-2)).toEqual([`simulating ${tail}: 100 %`, '']);
      // What cannot be written is known before anything was run.
      const args = [...flood, tail, '--html', '/no/such/folder/x.html'];
      expect((await shaperOn({ isErrInteractive: true }, ...args)).stderr).toBe(
        'shaper: cannot write /no/such/folder/x.html: no such folder\n',
      );
    } finally {
      clock.mockRestore();
    }
  });
});

describe('a capture', () => {
  const replay = async (records: readonly Record[], ...more: string[]): Promise<Outcome> => {
    const file = files.path('replay.pcap');
    writeFileSync(file, pcapFile(records));
    return shaper('simulate', '--conf', files.path('both.yaml'), '--pcap', file, ...more);
  };
  const packets = (count: number, shape: PacketShape | undefined, gapMicroseconds: number): Record[] =>
    Array.from({ length: count }, (_, i) => ({
      atMicroseconds: i * gapMicroseconds,
      lengthBytes: 1000,
      ...(shape ? { shape } : {}),
    }));

  it('is replayed to its end: nothing is held, and everything is counted', async () => {
    // 1000 bytes each millisecond are eight times the rate.
    const report = jsonOf(await replay(packets(100, UP, 1000), '--json'));
    const { received, accepted, dropped, held, unparsed } = report.totals;
    expect(report.scenario).toBe('replay.pcap');
    expect(received).toEqual({ packets: 100, bytes: 100_000 });
    expect(accepted.packets + dropped.packets).toBe(100);
    expect(held.packets).toBe(0);
    expect(unparsed).toBe(0);
    // What waits when the last one comes leaves at the rate.
    expect(report.durationSeconds).toBeGreaterThan(0.1);
    expect((8 * accepted.bytes) / report.durationSeconds).toBeLessThan(1.3e6);
    expect((8 * accepted.bytes) / report.durationSeconds).toBeGreaterThan(0.9e6);
    expect(report.flows).toMatchObject([
      { name: 'udp 10.0.0.5:5 > 198.51.100.1:53', dropped: dropped.packets },
    ]);
  });

  it('knows the way by which addresses are private', async () => {
    const report = jsonOf(await replay([...packets(3, UP, 10_000), ...packets(2, DOWN, 0)], '--json'));
    const sent = (path: string): number =>
      report.classes.find((one) => one.path === path)!.throughputBitsPerSecond;
    expect(sent('wan/up')).toBeCloseTo((3 * 8000) / report.activeSeconds, 3);
    expect(sent('wan/down')).toBeCloseTo((2 * 8000) / report.activeSeconds, 3);
  });

  it('counts what it cannot read, and passes it on all the same', async () => {
    const report = jsonOf(await replay([...packets(1, UP, 0), ...packets(2, undefined, 0)], '--json'));
    expect(report.totals.unparsed).toBe(2);
    expect(report.totals.accepted.packets).toBe(3);
    expect((await replay(packets(2, undefined, 0))).stdout).toContain('treated as unknown protocol: 2\n');
  });

  it('repeats itself', async () => {
    const hash = async (): Promise<string> => jsonOf(await replay(packets(50, UP, 3000), '--json')).traceHash;
    expect(await hash()).toBe(await hash());
  });

  it.each([
    ['holds no packets', pcapFile([])],
    ['the last record is cut short', pcapFile(packets(2, UP, 1000)).slice(0, -3)],
  ])('says when it %s, and draws what there is', async (message, bytes) => {
    const file = files.path('odd.pcap');
    writeFileSync(file, bytes);
    const page = files.path('odd.html');
    const { code, stdout, stderr } = await shaper(
      ...['simulate', '--conf', tail, '--compare', red, '--pcap', file, '--html', page],
    );
    expect(code).toBe(0);
    expect(stderr).toContain(message);
    for (const text of [stdout, readFileSync(page, 'utf8')])
      expect(text).not.toMatch(/NaN|undefined|Infinity/);
  });
});
