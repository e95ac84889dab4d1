/** The page as a process of its own: what it may, what it is told, and what becomes of it. */
import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { PageHost } from '../../../src/portal/messages.ts';
import { type Portal, startPortal } from '../../../src/portal/portal.ts';

const PAGE = { allow: [], certFile: null, keyFile: null, textFile: null, styleFile: null };
const HOST: PageHost = {
  ...{ id: 'a', name: 'flat-12', addresses: ['127.0.0.1', '127.2.0.1'], isStopped: true, quotas: [] },
};
/** Starting Node takes long on a busy machine. */
const PATIENCE = { timeout: 60_000, interval: 50 };

let portal: Portal | undefined;
afterEach(() => portal?.close());

interface Line {
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

function start(httpPort = 0): { lines: Line[]; ports: () => number[] } {
  const lines: Line[] = [];
  portal = startPortal({
    page: PAGE,
    place: { listenOn: '127.0.0.1', httpPort, httpsPort: 0 },
    onAllowed: () => undefined,
    log: (_, message, fields) => void lines.push({ message, fields: { ...fields } }),
  });
  const ports = (): number[] =>
    lines.flatMap(({ fields }) => (fields.httpPort ? [Number(fields.httpPort)] : []));
  return { lines, ports };
}

function bodyOf(port: number, localAddress: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, localAddress, agent: false }, async (response) => {
      let body = '';
      for await (const part of response) body += part;
      resolve(body);
    }).on('error', reject);
  });
}

/** The process that listens at a port, found by its command line among the children of this one. */
function childPid(): number {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ');
  const found = children.find((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('portal-process'),
  );
  return Number(found);
}

test('a process without rights serves what it is told, and another one comes when it dies', async () => {
  const { lines, ports } = start();
  portal?.setHosts([HOST]);
  await expect.poll(() => ports().length, PATIENCE).toBe(1);
  const pid = childPid();
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  expect(status).toMatch(/^CapEff:\s*0+$/m);
  if (process.getuid?.() === 0) expect(status).toMatch(/^Uid:\s*65534\s+65534\s+65534\s+65534$/m);
  let last = 1;
  // The first answers may come before it is told.
  await expect.poll(() => bodyOf(ports()[0]!, `127.2.0.${last++ % 2}`), PATIENCE).toContain('flat-12');
  process.kill(pid, 'SIGKILL');
  await expect.poll(() => ports().length, PATIENCE).toBe(2);
  expect(lines.map(({ message }) => message)).toEqual([
    'the page for stopped hosts is served',
    'the process that serves the page for stopped hosts has ended',
    'the page for stopped hosts is served',
  ]);
  expect(lines[1]?.fields).toMatchObject({ signal: 'SIGKILL', nextTrySeconds: 1 });
  await expect.poll(() => bodyOf(ports()[1]!, '127.0.0.1'), PATIENCE).toContain('flat-12');
  const second = childPid();
  await portal?.close();
  expect(() => process.kill(second, 0)).toThrow();
});

test('a process that cannot serve says why, once, and ends', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = taken.address() as AddressInfo;
    const { lines, ports } = start(port);
    await expect.poll(() => lines.length, PATIENCE).toBe(1);
    expect(lines[0]?.message).toBe(`no page for stopped hosts: port ${port}: another program listens there`);
    await new Promise((resolve) => taken.close(resolve));
    // The next one finds the port free.
    await expect.poll(() => ports(), PATIENCE).toEqual([port]);
    expect(lines).toHaveLength(2);
  } finally {
    taken.close();
  }
});

test('with another configuration another process serves', async () => {
  const { lines, ports } = start();
  await expect.poll(() => ports().length, PATIENCE).toBe(1);
  portal?.configure(PAGE);
  portal?.configure({ ...PAGE, styleFile: '/nowhere.css' });
  await expect.poll(() => ports().length, PATIENCE).toBe(2);
  expect(lines.map(({ message }) => message)).toContain(
    'page for stopped hosts: cannot read /nowhere.css: ENOENT; the page has our style',
  );
  expect(lines.filter(({ message }) => message.includes('has ended'))).toEqual([]);
});
