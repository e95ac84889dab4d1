/** The control socket of a running instance: who may use it, and clients that are slow. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { describeNetns, ping, run, until, useLab, useShapers } from '../harness.ts';

const SLOW_CLIENTS = 300;
const DRIP_MS = 200;
/** How they begin: with nothing, with headers, with a body. None of them comes to its end. */
const BEGINNINGS = [
  '',
  'GET /v1/status HTTP/1.1\r\nHost: x\r\nX-Header: ',
  'POST /v1/stop HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n',
];

const LINKS = 'links: { wan: { device: wan0, up: 100mbit, down: 100mbit } }\n';

function residentBytes(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!;
  return Number(kilobytes) * 1024;
}

describeNetns('the control socket', () => {
  const world = useLab();
  const start = useShapers(world);
  let ends: (() => void)[] = [];
  afterEach(() => {
    for (const end of ends) end();
    ends = [];
  });

  /** A client that sends a byte now and then, and comes again when it is cut off. */
  function keepSlowClient(path: string, beginning: string): void {
    let socket: Socket;
    let isOver = false;
    const begin = (): void => {
      socket = connect(path);
      socket.on('error', () => undefined);
      if (beginning !== '') socket.write(beginning);
      socket.once('close', () => !isOver && setTimeout(begin, DRIP_MS));
    };
    begin();
    const dripping = setInterval(() => beginning !== '' && socket.writable && socket.write('x'), DRIP_MS);
    ends.push(() => {
      isOver = true;
      clearInterval(dripping);
      socket.destroy();
    });
  }

  it('300 slow clients delay no packet, keep nobody from the socket, and cost little memory', async () => {
    const { client, server } = world.lab;
    const shaper = await start(LINKS);
    const calm = await ping(client, server, { count: 100, intervalMs: 10 });
    const before = residentBytes(shaper.pid);
    for (let i = 0; i < SLOW_CLIENTS; i++) keepSlowClient(shaper.socketPath, BEGINNINGS[i % 3]!);
    const pinged = ping(client, server, { count: 300, intervalMs: 10 });
    for (let i = 0; i < 3; i++) expect((await shaper.status()).pid).toBe(shaper.pid);
    const { sent, received, medianMs } = await pinged;
    expect(received).toBe(sent);
    // The test itself keeps the machine busy. A packet that waited for a client would wait for seconds.
    expect(medianMs).toBeLessThan(calm.medianMs + 20);
    expect(residentBytes(shaper.pid) - before).toBeLessThan(100e6);
    expect((await shaper.cli(['stop', '--socket', shaper.socketPath])).code).toBe(0);
  });

  it('curl reads the status, and control.group gives the socket to a group', async (context) => {
    if (!existsSync('/usr/bin/curl')) context.skip('no curl');
    const [, name, gid] = /^(\w+):[^:]*:([1-9]\d*):/m.exec(readFileSync('/etc/group', 'utf8'))!;
    const path = join(world.lab.folder, 'group.sock');
    const shaper = await start(`${LINKS}control: { socket: ${path}, group: ${name} }\n`);
    const curl = (target: string, ...options: string[]) =>
      run(['curl', '-sS', ...options, '--unix-socket', path, `http://shaper${target}`]);
    expect(JSON.parse((await curl('/v1/status')).stdout)).toMatchObject({ pid: shaper.pid, backend: /./ });
    expect((await curl('/v1/staus', '-w', '%{http_code}')).stdout).toMatch(/"unknown-path".*\n404$/);
    const made = statSync(path);
    expect({ mode: made.mode & 0o777, gid: made.gid }).toEqual({ mode: 0o660, gid: Number(gid) });
    await curl('/v1/stop', '-X', 'POST');
    await until('it has ended', () => shaper.child.exitCode !== null);
    expect(shaper.child.exitCode).toBe(0);
    expect(existsSync(path)).toBe(false);
  });
});
