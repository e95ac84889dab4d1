/** itm-route on real packets: seven machines, six instances, delays by the module `delay`. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { destinationOf, isPiece, protocolOf, sourceOf } from '../../../src/algo/overlay/ipip.ts';
import { wordText } from '../../../src/built-in/itm-route/settings.ts';
import {
  describeNetns,
  type LogLine,
  type PingResult,
  parsePing,
  type RunningShaper,
  startShaper,
  tcpTransfer,
  until,
} from '../harness.ts';
import { A, BEHIND_D, createOverlay, D, N, type Name, type OverlayBed } from './overlay-bed.ts';

const LINK = 'links: { none: { device: none0, wait: true, up: 900mbit } }';
/** Machines in the middle delay all that they forward by so much, each way. */
const DELAY_MS = { n1: 5, n2: 25, n3: 60, r: 90 } as const;
type Middle = keyof typeof DELAY_MS;
const PROBE_MS = 1000;
/** Beside the probe period: what a busy machine may be late with. */
const LATE_MS = 3000;
const PATH = 'another path is the closest one';

const routeOptions = (self: string, neighbours: readonly string[], destinations: string): string =>
  `{ self: ${self}, neighbours: [${neighbours.join(', ')}], destinations: [${destinations}], probe: ${PROBE_MS}ms }`;

const module = (use: string, options: string): string => `{ use: ${use}, options: ${options} }`;

describeNetns('itm-route', () => {
  let bed: OverlayBed;
  const running = new Map<Name, RunningShaper>();

  beforeAll(async () => {
    bed = await createOverlay();
  }, 120_000);
  afterEach(async () => {
    for (const shaper of running.values()) if (shaper.child.exitCode === null) await shaper.kill();
    running.clear();
  });
  afterAll(async () => bed?.close());

  const start = async (name: Name, modules: readonly string[]): Promise<RunningShaper> => {
    const config = `modules: [ ${modules.join(', ')} ]\n${LINK}\n`;
    const host = bed.hosts[name];
    const shaper = await startShaper({ folder: bed.folder, router: host }, config, { host });
    running.set(name, shaper);
    return shaper;
  };
  const delayOptions = (name: Middle, ms: number): string =>
    name === 'r' ? `{ delay: ${ms}ms }` : `{ delay: ${ms}ms, oif: [to-a, to-d] }`;
  const startAll = async (): Promise<void> => {
    const middles = Object.keys(DELAY_MS) as Middle[];
    await Promise.all([
      start('a', [module('itm-route', routeOptions(A, N, `10.9.0.0/16@${D}`))]),
      start('d', [module('itm-route', routeOptions(D, N, A))]),
      ...middles.map((name) => {
        const delay = module('delay', delayOptions(name, DELAY_MS[name]));
        if (name === 'r') return start(name, [delay]);
        const self = N[Number(name[1]) - 1]!;
        return start(name, [module('itm-route', routeOptions(self, [A, D], '')), delay]);
      }),
    ]);
  };
  const told = ({ time }: LogLine): number => Date.parse(String(time));
  /** A command about the delay of a machine. Returns when that held, by its log. */
  const delayIs = async (name: Middle, done: string, ...words: readonly string[]): Promise<number> => {
    const shaper = running.get(name)!;
    const { code, stderr } = await shaper.cli(['module', ...words, '--socket', shaper.socketPath]);
    expect([code, stderr]).toEqual([0, '']);
    return told(shaper.logs.filter(({ msg, module: of }) => msg === done && of === 'delay').at(-1)!);
  };
  const changes = (name: 'a' | 'd'): LogLine[] => running.get(name)!.logs.filter(({ msg }) => msg === PATH);
  const pathOf = (name: 'a' | 'd'): unknown => changes(name).at(-1)?.path;
  /** Both ways. Returns how long after `sinceMs`, by the clock of logs. */
  const takes = async (path: string, sinceMs = 0): Promise<number> => {
    try {
      await until(`the path is ${path}`, () => pathOf('a') === path && pathOf('d') === path, 60_000);
    } catch (error) {
      const lines = (['a', 'd'] as const).flatMap((name) => running.get(name)!.logs.slice(-8));
      throw new Error(lines.map((line) => JSON.stringify(line)).join('\n'), { cause: error });
    }
    return Math.max(...(['a', 'd'] as const).map((name) => told(changes(name).at(-1)!))) - sinceMs;
  };
  const pings = async (
    count: number,
    more: readonly string[] = [],
  ): Promise<PingResult & { text: string }> => {
    const command = ['ping', '-n', '-c', String(count), '-i', '0.05', '-W', '3', ...more, BEHIND_D];
    const { stdout, stderr } = await bed.hosts.a.exec(command, { check: false, timeoutMs: 60_000 });
    return { ...parsePing(stdout, 50), text: stdout + stderr };
  };

  it('takes the best path, follows when delays change, and survives the death of a neighbour', async () => {
    await startAll();
    await takes(N[0]);
    const stop = await bed.capture('n1', 'to-a');
    const near = await pings(10);
    expect(near.received).toBe(10);
    // The fastest: a busy machine may be late with others.
    const fastest = Math.min(...near.rttsMs);
    expect(fastest).toBeGreaterThanOrEqual(2 * DELAY_MS.n1);
    expect(fastest).toBeLessThan(2 * DELAY_MS.n2);

    // Outer headers of what passed, probes among it: from A to the neighbour, and never fragments.
    const packets = await stop();
    const tunnel = packets.filter((bytes) => protocolOf(bytes) === 4);
    const ends = new Set(
      tunnel.map((bytes) => `${wordText(sourceOf(bytes))} ${wordText(destinationOf(bytes))}`),
    );
    expect(ends).toEqual(new Set([`${A} ${N[0]}`]));
    const requests = tunnel.filter((bytes) => protocolOf(bytes, 20) === 1);
    expect(requests.length).toBe(10);
    expect(requests.map((bytes) => wordText(destinationOf(bytes, 20)))).toEqual(new Array(10).fill(BEHIND_D));
    expect(tunnel.some((bytes) => isPiece(bytes))).toBe(false);
    // What n1 took out of D's tunnel packets goes on to A as it is.
    expect(packets.filter((bytes) => protocolOf(bytes) === 1).length).toBe(10);

    await delayIs('n1', 'module unloaded', 'unload', 'delay');
    const load = ['load', 'delay', 'delay=80ms', 'oif=to-a,to-d'];
    const slowMs = await takes(N[1], await delayIs('n1', 'module loaded', ...load));
    const fastMs = await takes(N[0], await delayIs('n1', 'module unloaded', 'unload', 'delay'));
    const follow = pings(60);
    const deadAtMs = Date.now();
    await bed.hosts.n1.exec(['ip', 'link', 'set', 'to-a', 'down']);
    await running.get('n1')!.kill();
    const deadMs = await takes(N[1], deadAtMs);
    const { received } = await follow;
    console.log(
      `another path after ${[slowMs, fastMs, deadMs].map(Math.round).join(', ')} ms; ${received} of 60`,
    );
    for (const ms of [slowMs, fastMs, deadMs]) expect(ms).toBeLessThan(PROBE_MS + LATE_MS);
    expect((await pings(10)).received).toBe(10);
    await bed.hosts.n1.exec(['ip', 'link', 'set', 'to-a', 'up']);
    await bed.hosts.n1.exec(['ip', 'route', 'replace', A, 'dev', 'to-a', 'src', N[0]]);
  });

  it('carries packets of 1500 bytes, tells senders what fits, and TCP fits from the start', async () => {
    await startAll();
    await takes(N[0]);
    const stop = await bed.capture('n1', 'to-a');
    const cut = await pings(10, ['-s', '1472', '-M', 'dont']);
    expect(cut.received).toBe(10);
    const whole = await pings(10, ['-s', '1452', '-M', 'do']);
    expect(whole.received).toBe(10);
    const tooLong = await pings(3, ['-s', '1472', '-M', 'do']);
    expect(tooLong.text).toMatch(/mtu ?[=:] ?1480/);
    const behind = { ...bed.hosts.d, addresses: { v4: BEHIND_D, v6: '' } };
    const { sent, received } = await tcpTransfer(bed.hosts.a, behind, { port: 7600, bytes: 1e6 });
    expect(received.sha256).toBe(sent.sha256);
    const packets = await stop();
    expect(packets.some((bytes) => isPiece(bytes) && protocolOf(bytes) === 4)).toBe(false);
    const segments = packets.filter((bytes) => protocolOf(bytes) === 4 && protocolOf(bytes, 20) === 6);
    expect(segments.length).toBeGreaterThan(500);
    const complaints = running.get('a')!.logs.filter(({ module: of, level }) => of && level !== 'info');
    expect(complaints).toEqual([]);
  });
});
