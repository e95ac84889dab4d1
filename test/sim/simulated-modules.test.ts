/** Modules in a virtual world: they drop, mark, hold, send and steer, exactly and repeatably. */
import { describe, expect, test } from 'vitest';
import {
  ACCEPT,
  DROP,
  defineModule,
  type Handle,
  type Hook,
  type Itm,
  type ModuleInstance,
  type Packet,
  STOLEN,
} from '../../src/modules/api/index.ts';
import type { AnyModule } from '../../src/modules/definition.ts';
import { IPPROTO_TCP } from '../../src/packet/tcp-header.ts';
import { runReplay } from '../../src/sim/capture/replay.ts';
import { scanCapture } from '../../src/sim/capture/scan.ts';
import { readAtOf } from '../../src/sim/capture/window.ts';
import {
  type LogEntry,
  ModuleStartError,
  type ModulesOptions,
  type SimulatedModule,
} from '../../src/sim/modules/world-modules.ts';
import { tcpSum } from '../../src/sim/packets/headers.ts';
import { prepareTraffic, runScenario, runTraffic } from '../../src/sim/simulation.ts';
import type { MatcherSpec } from '../../src/spec/match.ts';
import { quotaSpec, windowSpec } from '../oracle/quota-spec.ts';
import { captureFile, packetBytes } from '../unit/sim/capture/capture-file.ts';
import { bottleneck, HOSTS, MS, SECOND, TEN_MBIT, tcp, traffic, udp } from './net.ts';
import { shaper } from './world.ts';

const SPEC = bottleneck({ limitPackets: 1000 });
/**
 * 100 packets of 1000 bytes a second, for 10 s. They take 20 ms to their end, so the last does not come
 * there.
 */
const HUNDRED = traffic(10, [udp('cbr', 100_000, 1000)]);

interface Parts {
  readonly hooks?: readonly Hook[];
  readonly interest?: readonly MatcherSpec[];
  readonly payload?: boolean;
}

function module(label: string, create: (itm: Itm) => ModuleInstance, parts: Parts = {}): SimulatedModule {
  const { hooks = ['forward'], interest = null, payload = false } = parts;
  const definition = defineModule({ label, hooks, create }) as unknown as AnyModule;
  const spec = {
    name: label,
    run: 'user',
    priority: 100,
    hooks,
    interest,
    payload,
    kernelRules: {},
  } as const;
  return { use: `./${label}.ts`, definition, options: {}, spec };
}

function options(
  modules: readonly SimulatedModule[],
  more: Partial<ModulesOptions> = {},
): { modules: ModulesOptions } {
  const setClass = (): never => {
    throw new Error('nobody sets anything here');
  };
  return { modules: { modules, setClass, log: () => undefined, ...more } };
}

const run = (modules: readonly SimulatedModule[], spec = SPEC, what = HUNDRED) =>
  runTraffic(spec, what, 'x', 1, options(modules));

function everyTenth(): ModuleInstance {
  let n = 0;
  return { process: () => (++n % 10 === 0 ? DROP : ACCEPT) };
}

describe.each([['prerouting'], ['forward'], ['postrouting']] as const)('at %s', (hook) => {
  test('every tenth packet is dropped', () => {
    const { report, modules } = run([module('tenth', everyTenth, { hooks: [hook] })]);
    expect(modules).toMatchObject([{ label: 'tenth', packets: 1000, dropped: 100, errors: 0, state: 'on' }]);
    expect(report.flows[0]!.delivered.packets).toBe(900);
    expect(report.flows[0]!.dropped).toBe(100);
    // Classes see what is left of prerouting, and all packets where the module comes behind them.
    expect(report.classes[0]!.sent.packets).toBe(hook === 'postrouting' ? 1000 : 900);
    expect(report.totals.kernel).toEqual({ queueFull: 0, socketFull: 0, lost: 0 });
  });
});

test('without modules the same seed gives the same run as before there were any', () => {
  const empty = runTraffic(SPEC, HUNDRED, 'x', 1, options([]));
  expect(empty.report).toEqual(runTraffic(SPEC, HUNDRED, 'x', 1).report);
  expect(empty.modules).toEqual([]);
});

test('interest chooses packets, and the rest goes its way', () => {
  const two = traffic(10, [udp('a', 100_000, 1000), { ...udp('b', 100_000, 1000), dport: 53 }]);
  const interest = [{ dport: [{ from: 53, to: 53 }] }];
  const { report, modules } = run([module('dns', () => ({ process: () => DROP }), { interest })], SPEC, two);
  expect(modules[0]).toMatchObject({ packets: 1000, dropped: 1000 });
  expect(report.flows.map(({ delivered }) => delivered.packets)).toEqual([999, 0]);
});

test('a mark that a module makes chooses the class, and ends see it', () => {
  const classes = [{ name: 'ef', match: [{ dscp: [46] }] }, { name: 'default' }];
  const spec = shaper({ wan: { up: { rate: TEN_MBIT, burst: 3028, leaves: classes } } });
  const marks = module('marks', () => ({
    process(p: Packet) {
      if (p.length === 1000) p.dscp = 46;
      return ACCEPT;
    },
  }));
  const sees: number[] = [];
  const looks = module('looks', () => ({ log: (p: Packet) => void sees.push(p.dscp) }), {
    hooks: ['postrouting'],
  });
  const { report, modules } = run([marks, looks], spec);
  expect(report.classes.map(({ path, sent }) => [path, sent.packets])).toEqual([
    ['wan/up', 1000],
    ['wan/up/ef', 1000],
    ['wan/up/default', 0],
  ]);
  expect(modules.map(({ packets }) => packets)).toEqual([1000, 1000]);
  expect(new Set(sees)).toEqual(new Set([46]));
});

test('CE by a module slows TCP down', () => {
  const flow = tcp('t', 20 * MS, { options: { ecn: true } });
  const marking = module('ce', (itm) => ({
    process(p: Packet) {
      if (p.tcp !== null && p.tcp.dataBytes > 0 && itm.random() < 0.02) p.ecn = 3;
      return ACCEPT;
    },
  }));
  const [plain, marked] = [[], [marking]].map(
    (list) => run(list, SPEC, traffic(10, [flow])).report.flows[0]!,
  );
  expect(plain!.marked).toBe(0);
  expect(marked!.marked).toBeGreaterThan(20);
  expect(marked!.throughputBitsPerSecond).toBeLessThan(0.6 * plain!.throughputBitsPerSecond);
  expect(marked!.retransmits).toBe(0);
});

/** Holds every packet for 50 ms. */
function delayLine(itm: Itm): ModuleInstance {
  const waiting: { handle: Handle; dueNs: number }[] = [];
  itm.every(1, () => {
    while (waiting.length > 0 && waiting[0]!.dueNs <= itm.now()) itm.accept(waiting.shift()!.handle);
  });
  return {
    process(p: Packet) {
      waiting.push({ handle: p.hold(), dueNs: itm.now() + 50 * MS });
      return STOLEN;
    },
  };
}

test('a module that holds packets is a delay line', () => {
  const { report, modules } = run([module('line', delayLine)]);
  expect(modules[0]).toMatchObject({ packets: 1000, stolen: 1000, dropped: 0, held: 4, errors: 0 });
  expect(report.totals.held.packets).toBe(4);
  // 50 ms, and 0.8 ms on the wire of 10 Mbit/s.
  const { p50, max } = report.flows[0]!.delayMilliseconds;
  expect([p50, max].map((ms) => Math.floor(ms / 10))).toEqual([5, 5]);
});

test('a copy that a module sends goes by the classes, and meets no module', () => {
  const doubles = module(
    'double',
    (itm) => ({
      process(p: Packet) {
        itm.inject(p.bytes!);
        itm.inject(new Uint8Array(p.bytes!).fill(0, 28));
        return ACCEPT;
      },
    }),
    { hooks: ['postrouting'], payload: true },
  );
  const strange = module(
    'strange',
    (itm) => ({
      process(p: Packet) {
        const other = new Uint8Array(p.bytes!);
        other[20] = 9;
        itm.inject(other);
        return ACCEPT;
      },
    }),
    { payload: true },
  );
  const { report, modules } = run([doubles]);
  expect(modules[0]).toMatchObject({ packets: 1000, injected: 2000 });
  expect(report.classes[0]!.sent.packets).toBe(3000);
  expect(report.flows[0]!.delivered.packets).toBe(3 * 999);
  // Nobody in this world has the other port.
  const elsewhere = run([strange]);
  expect(elsewhere.modules[0]!.injected).toBe(1000);
  expect(elsewhere.report.flows[0]!.delivered.packets).toBe(999);
});

test('replace gives a packet other bytes and another length', () => {
  const tunnel = module(
    'tunnel',
    () => ({
      process(p: Packet) {
        const outer = new Uint8Array(p.length + 20);
        outer.set(p.bytes!.subarray(0, 20));
        outer.set(p.bytes!, 20);
        outer[2] = outer.length >> 8;
        outer[3] = outer.length & 0xff;
        outer[9] = 4;
        p.replace(outer);
        return ACCEPT;
      },
    }),
    { hooks: ['forward'], payload: true },
  );
  const lengths: number[] = [];
  const looks = module(
    'looks',
    () => ({ log: (p: Packet) => void lengths.push(p.length * 1000 + p.protocol) }),
    {
      hooks: ['postrouting'],
    },
  );
  const { report } = run([tunnel, looks]);
  expect(report.classes[0]!.sent).toEqual({ packets: 1000, bytes: 1_020_000 });
  expect(new Set(lengths)).toEqual(new Set([1_020_004]));
});

describe('classes', () => {
  /** Halves the ceil after a second, and says what it saw. */
  const steering = (seen: unknown[]) =>
    module('steer', (itm) => {
      const stop = itm.every(1000, () => {
        stop();
        seen.push(itm.classes.get('wan/up')!.sentPackets, itm.classes.get('wan/none'));
        void itm.classes.set('wan/up', { rate: '400kbit' }).then(async () => {
          await itm.classes
            .set('wan/up', { burst: '3028' })
            .catch((error: Error) => seen.push(error.message));
          seen.push(itm.now(), itm.classes.get('wan/up')!.ceilBytesPerSec);
        });
      });
      return {};
    });
  const setClass: ModulesOptions['setClass'] = (path, values) => {
    if (values.burst !== undefined) throw new Error('burst is wrong');
    expect([path, values]).toEqual(['wan/up', { rate: '400kbit' }]);
    return bottleneck({ limitPackets: 1000 }, 50_000);
  };

  test('are read and set in virtual time', async () => {
    const seen: unknown[] = [];
    const simulation = prepareTraffic(SPEC, HUNDRED, 'x', 1, options([steering(seen)], { setClass }));
    const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
    while (await simulation.stepWithModules(settle));
    const { report } = simulation.result();
    expect(seen.slice(0, 3)).toEqual([100, null, 'burst is wrong']);
    expect(seen.slice(3)).toEqual([SECOND, 50_000]);
    // A second at 100 packets, nine at 50, and those that the burst lets through.
    expect(report.classes[0]!.sent.packets).toBeGreaterThanOrEqual(100 + 9 * 50);
    expect(report.classes[0]!.sent.packets).toBeLessThanOrEqual(100 + 9 * 50 + 4);
  });

  test('a run that waits for no promise sets them at the same instant', async () => {
    const settled = prepareTraffic(SPEC, HUNDRED, 'x', 1, options([steering([])], { setClass }));
    while (await settled.stepWithModules(() => new Promise<void>((resolve) => setImmediate(resolve))));
    const { report } = runTraffic(SPEC, HUNDRED, 'x', 1, options([steering([])], { setClass }));
    expect(report.traceHash).toBe(settled.result().report.traceHash);
  });
});

test('a captured packet comes with its bytes, and its checksum is mended', () => {
  const shape = {
    src: HOSTS[0]!.address,
    dst: HOSTS[1]!.address,
    protocol: IPPROTO_TCP,
    sport: 40_000,
    dport: 80,
  };
  const frames = Array.from({ length: 4 }, (_, i) => ({ ns: i * MS, bytes: packetBytes(shape, 400) }));
  const scan = scanCapture(readAtOf(captureFile(frames)));
  const seen: unknown[] = [];
  const shift = module('shift', () => ({
    process(p: Packet) {
      p.dport = 8080;
      p.ttl = 9;
      return ACCEPT;
    },
  }));
  const looks = module(
    'looks',
    () => ({
      log: ({ bytes, sport, dport, ttl, length }: Packet) =>
        void seen.push([sport, dport, ttl, length, bytes!.length, tcpSum(new Uint8Array(bytes!), 0, 400)]),
    }),
    { hooks: ['postrouting'], payload: true },
  );
  const { report, modules } = runReplay(SPEC, scan, 'x', 1, options([shift, looks]));
  expect(modules.map(({ packets }) => packets)).toEqual([4, 4]);
  expect(seen).toEqual(Array(4).fill([40_000, 8080, 9, 400, 400, 0xffff]));
  expect(report.totals.held.packets).toBe(0);
});

test('quotas tell modules of hosts', () => {
  const told: unknown[] = [];
  const punish = module('punish', () => ({
    onQuota: (host, name, state) => void told.push([host.addresses, name, state]),
  }));
  const quota = {
    ...quotaSpec('fair', [windowSpec(5 * SECOND, { upBytes: 300_000 })], { warnShare: 0.5 }),
    modules: ['./punish.ts'],
  };
  runTraffic(
    { ...SPEC, quotas: [quota] },
    { ...HUNDRED, flows: [{ ...HUNDRED.flows[0]!, stopNs: 4 * SECOND }] },
    'x',
    1,
    options([punish]),
  );
  expect(told).toEqual([
    [['10.0.0.1'], 'fair', 'warned'],
    [['10.0.0.1'], 'fair', 'limited'],
    [['10.0.0.1'], 'fair', 'warned'],
    [['10.0.0.1'], 'fair', 'ok'],
  ]);
});

describe('a module that fails', () => {
  test('is taken out, and its packets go on', () => {
    let n = 0;
    const { report, modules } = run([
      module('throws', () => ({
        process() {
          if (++n === 300) throw new Error('three hundred');
          return ACCEPT;
        },
      })),
    ]);
    expect(modules[0]).toMatchObject({ packets: 300, errors: 1, state: 'ejected' });
    expect(modules[0]!.reason).toContain('three hundred');
    expect(report.flows[0]!.delivered.packets).toBe(999);
  });

  test.each([
    [
      () => {
        throw new Error('no create');
      },
      'bad: create() throws: no create',
    ],
    [() => 5 as unknown as ModuleInstance, 'bad: create() returns no object'],
  ])('in create() ends the run before it begins', (create, message) => {
    const start = () => run([module('bad', create)]);
    expect(start).toThrow(ModuleStartError);
    expect(start).toThrow(message);
  });
});

test('logs have the time of the world, devices their names, and stop() ends the run', () => {
  const entries: LogEntry[] = [];
  const talks = module('talks', (itm) => {
    itm.onDevice(({ name, mtu }) => itm.log.info({ name, mtu: mtu ?? 0, other: itm.mtuOf(name) }, 'device'));
    itm.every(4000, () => itm.log.warn({}, 'tick'));
    return { stop: () => itm.log.debug({}, 'end') };
  });
  const log = (entry: LogEntry): void => void entries.push(entry);
  runTraffic(SPEC, HUNDRED, 'x', 1, options([talks], { log }));
  expect(entries.map(({ level, message, atNs }) => [level, message, atNs / SECOND])).toEqual([
    ['info', 'device', 0],
    ['warn', 'tick', 4],
    ['warn', 'tick', 8],
    ['debug', 'end', 10],
  ]);
  expect(entries[0]!.fields).toEqual({ name: 'wan0', mtu: 1500, other: 1500 });
});

test('the same seed gives the same run, also with chance in modules; another gives another', () => {
  const loses = module('loses', (itm) => ({ process: () => (itm.random() < 0.05 ? DROP : ACCEPT) }), {
    hooks: ['postrouting'],
  });
  const trace = (seed: number) =>
    runScenario(SPEC, 'game-beside-download', seed, { durationNs: 3 * SECOND, ...options([loses]) }).report
      .traceHash;
  expect(trace(1)).toBe(trace(1));
  expect(trace(1)).not.toBe(trace(2));
  expect(HOSTS).toHaveLength(2);
});
