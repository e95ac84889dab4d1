/** Links, devices, NFQUEUEs and rules change while packets flow: none is lost, overtaken or unshaped. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  describeNetns,
  ended,
  type Host,
  packetsUnaccounted,
  ping,
  type RunningShaper,
  sendUdp,
  shaperCommand,
  sleep,
  startSink,
  until,
  useLab,
  useShapers,
} from '../harness.ts';
import { hasTable, ruleset } from '../rules-bed.ts';
import { addUplink } from './second-uplink.ts';

const PORT = 7300;
const POLICED_PORT = 7301;
const POLICED_BYTES_PER_SEC = 2e6 / 8;
const BURST_BYTES = 10_000;
const PACKET_BYTES = 500;
/** Of traffic, during which one change follows the other. */
const SECONDS = 15;

const classes = (remark: string): string =>
  `classes: { policed: { match: { dport: ${POLICED_PORT} }, police: { rate: 2mbit, burst: ${BURST_BYTES}B } }, default: { ${remark} } }`;
/** Without the rules that come when others begin to track connections. */
const rulesOf = async (host: Host): Promise<string> =>
  (await ruleset(host)).replace(/^.* echo-request .*\n/gm, '');
const wan = (remark = ''): string =>
  `wan: { device: wan0, up: { rate: 200mbit, ${classes(remark)} }, down: 200mbit }`;
const dsl = (device: string): string => `dsl: { device: ${device}, wait: true, both: 50mbit }`;
const file = (links: string, nfqueue: string): string => `links: { ${links} }\nnfqueue: { ${nfqueue} }`;

const START = file(wan(), 'count: 2, length: 4096');
/** Each differs from the one before in what rules and NFQUEUEs do. */
const CHANGES = [
  file(`${wan()}, ${dsl('wan1')}`, 'count: 4, length: 4096'),
  file(`${wan('remark: af42')}, ${dsl('later0')}`, 'count: 4, length: 2048'),
  file(`${dsl('wan1')}, ${wan('remark: cs1')}`, 'count: 1, length: 8192'),
  file(`${wan('remark: cs1')}`, 'count: 3, length: 8192, bypass: false'),
  file(
    `wan: { device: wan0, up: { rate: 200mbit, ${classes('')} } }, ${dsl('wan1')}`,
    'count: 2, length: 4096',
  ),
  START,
];

function write(shaper: RunningShaper, text: string): void {
  writeFileSync(shaper.configPath, `${text}\ncontrol: { socket: ${shaper.socketPath} }\n`);
}

describeNetns('a reload', () => {
  const world = useLab();
  const start = useShapers(world);

  it('loses, overtakes and lets pass nothing, whatever it changes of links, devices and NFQUEUEs', async () => {
    const { client, router, server } = world.lab;
    await addUplink(world.lab);
    const before = await ruleset(router);
    const shaper = await start(START);
    const [sink, policedSink] = await Promise.all([
      startSink(server, { port: PORT, waitMs: 20_000, idleMs: 1000 }),
      startSink(server, { port: POLICED_PORT, waitMs: 20_000, idleMs: 1000 }),
    ]);
    const sent = sendUdp(client, server, {
      port: PORT,
      seconds: SECONDS,
      lengthBytes: PACKET_BYTES,
      rateBitsPerSec: 8e6,
    });
    const tooMuch = sendUdp(client, server, {
      ...{ port: POLICED_PORT, seconds: SECONDS, lengthBytes: PACKET_BYTES, rateBitsPerSec: 6e6 },
    });
    const flood = ping(client, server, { count: SECONDS * 200, intervalMs: 5, waitMs: 10_000 });
    let isOver = false;
    void sent.finally(() => {
      isOver = true;
    });
    for (let n = 0; !isOver || n < CHANGES.length; n++) {
      write(shaper, CHANGES[n % CHANGES.length]!);
      const { code, stdout, stderr } = await shaper.cli(['reload', '--socket', shaper.socketPath]);
      expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
      expect(packetsUnaccounted(await shaper.status())).toBe(0);
    }
    const received = await sink.finished(60_000);
    const { packets } = await sent;
    expect({ lost: packets - received.packets, reordered: received.reordered }).toEqual({
      lost: 0,
      reordered: 0,
    });
    const pings = await flood;
    expect(pings.sent - pings.received).toBe(0);
    await tooMuch;
    const policed = await policedSink.finished(60_000);
    const seconds = (policed.lastNs - policed.firstNs) / 1e9;
    expect(policed.bytes).toBeLessThanOrEqual(POLICED_BYTES_PER_SEC * seconds + BURST_BYTES + PACKET_BYTES);
    expect(policed.reordered).toBe(0);
    const { totals } = await shaper.status();
    expect(totals.kernel).toEqual({ queueFull: 0, socketFull: 0, lost: 0 });
    expect(shaper.logs.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
    write(shaper, START);
    expect((await shaper.cli(['reload', '--socket', shaper.socketPath])).code).toBe(0);
    await until('queues that are not used have closed', async () => (await openQueues(router)) === 2);
    expect((await shaper.stop()).code).toBe(0);
    expect(await ruleset(router)).toBe(before);
  });

  it('to fewer NFQUEUEs leaves packets that wait in the others, and they are delivered in order', async () => {
    const { client, router, server } = world.lab;
    const slow = 'rate: 200kbit, classes: { default: { queue: { discipline: fifo, limit: 500p } } }';
    const of = (count: number): string =>
      file(`wan: { device: wan0, up: 200mbit, down: { ${slow} } }`, `count: ${count}`);
    const shaper = await start(of(2));
    const sink = await startSink(client, { port: PORT, waitMs: 20_000, idleMs: 5000 });
    // Three seconds at the rate of the link.
    const { packets } = await sendUdp(server, client, { port: PORT, count: 150, lengthBytes: PACKET_BYTES });
    write(shaper, of(1));
    expect((await shaper.cli(['reload', '--socket', shaper.socketPath])).code).toBe(0);
    const { totals } = await shaper.status();
    expect(totals.held.packets).toBeGreaterThan(0);
    expect(await openQueues(router)).toBe(2);
    expect(await sink.finished(60_000)).toMatchObject({ packets, reordered: 0 });
    await until('the NFQUEUE that is not used has closed', async () => (await openQueues(router)) === 1);
    expect((await shaper.stop()).code).toBe(0);
  });

  it('of a device that is not there, or that another instance shapes, changes nothing and says why', async () => {
    const { router } = world.lab;
    const shaper = await start(START);
    const other = await start('links: { lan: { device: lan0, up: 10mbit } }\nnfqueue: { first: 300 }');
    const before = await rulesOf(router);
    const refused = async (links: string, reason: string): Promise<void> => {
      write(shaper, file(links, 'count: 3, length: 4096'));
      const { code, stderr } = await shaper.cli(['reload', '--socket', shaper.socketPath]);
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(reason) });
      expect(await rulesOf(router)).toBe(before);
    };
    await refused(`${wan()}, gone: { device: gone0, up: 1mbit }`, 'device gone0 of link gone does not exist');
    await refused(
      `${wan()}, lan: { device: lan0, up: 1mbit }`,
      'device lan0 is shaped by the running instance',
    );
    await until('the queue of the refused change has closed', async () => (await openQueues(router)) === 6);
    await other.stop();
    const { code } = await shaper.cli(['reload', '--socket', shaper.socketPath]);
    expect(code).toBe(0);
    expect((await shaper.status()).classes.map(({ path }) => path)).toContain('lan/up');
    await shaper.stop();
  });

  it('at the same time as the stop leaves nothing behind', async () => {
    const { router } = world.lab;
    // Takes out what a killed one may have left.
    await (await start(START)).stop();
    const before = await ruleset(router);
    for (const delayMs of [0, 300, 400, 500, 600]) {
      const shaper = await start(START);
      write(shaper, CHANGES[0]!);
      const reloading = shaper.cli(['reload', '--socket', shaper.socketPath]);
      await sleep(delayMs);
      const { code, tookMs } = await shaper.stop();
      expect({ code, isInTime: tookMs < 2000 }).toEqual({ code: 0, isInTime: true });
      expect([0, 1, 3]).toContain((await reloading).code);
      expect(await ruleset(router)).toBe(before);
    }
  });
});

/** How many NFQUEUEs are open in the namespace. */
async function openQueues(host: Host): Promise<number> {
  const { stdout } = await host.exec(['cat', '/proc/net/netfilter/nfnetlink_queue']);
  return stdout.trim().split('\n').filter(Boolean).length;
}

describeNetns('SIGHUP', () => {
  const world = useLab();
  const start = useShapers(world);
  const config = (rate: string): string => `links: { wan: { device: wan0, up: ${rate} } }`;
  const rateOf = async (shaper: { status: RunningShaper['status'] }): Promise<number> =>
    (await shaper.status()).classes[0]!.rateBitsPerSecond!;

  it('reloads where there is no terminal', async () => {
    const shaper = await start(config('10mbit'));
    write(shaper, config('20mbit'));
    shaper.child.kill('SIGHUP');
    await until('the new rate', async () => (await rateOf(shaper)) === 20e6);
    write(shaper, 'links: {');
    shaper.child.kill('SIGHUP');
    await until('a warning', () =>
      shaper.logs.some(({ level, msg }) => level !== 'info' && /reload/.test(String(msg))),
    );
    expect(await rateOf(shaper)).toBe(20e6);
    await shaper.stop();
  });

  it('reloads while the terminal is there, and ends the instance when it has closed', async () => {
    const { router, folder } = world.lab;
    const before = await ruleset(router);
    const files = {
      conf: join(folder, 'pty.yaml'),
      socket: join(folder, 'pty.sock'),
      exit: join(folder, 'pty.exit'),
    };
    const save = (rate: string) =>
      writeFileSync(files.conf, `${config(rate)}\ncontrol: { socket: ${files.socket} }\n`);
    save('10mbit');
    const command = [...shaperCommand(), '--conf', files.conf].join(' ');
    // The shell that leads the session dies with its terminal. The inner one says how the program ended.
    const script = `(trap "" HUP; ${command}; echo $? >${files.exit}); true`;
    const terminal = router.spawn(['script', '-qec', script, '/dev/null']);
    const status = async (): ReturnType<RunningShaper['status']> => {
      const { stdout } = await router.exec(
        [...shaperCommand(), 'status', '--json', '--socket', files.socket],
        { check: false },
      );
      return JSON.parse(stdout || '{"classes":[{}]}');
    };
    await until(
      'the instance is ready',
      async () => (await rateOf({ status })) === 10e6 && (await hasTable(router)),
    );
    save('20mbit');
    process.kill((await status()).pid, 'SIGHUP');
    await until('the new rate', async () => (await rateOf({ status })) === 20e6);
    terminal.kill('SIGKILL');
    await ended(terminal, 10_000);
    await until('the instance has ended', () => {
      try {
        return readFileSync(files.exit, 'utf8').trim() !== '';
      } catch {
        return false;
      }
    });
    expect(readFileSync(files.exit, 'utf8').trim()).toBe('0');
    expect(await ruleset(router)).toBe(before);
  });
});
