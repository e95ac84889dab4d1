/** A stopped host as it sees the network: what is answered, what is refused, and how soon. */
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { PageHost } from '../../src/portal/messages.ts';
import type { Host } from './harness.ts';
import { Driver } from './rules-bed.ts';

const PORTAL_DRIVER = [
  process.execPath,
  ...['--import', 'tsx', fileURLToPath(new URL('./portal-driver.ts', import.meta.url))],
];

export function portalDriver(host: Host): Driver {
  return new Driver(host, [], PORTAL_DRIVER);
}

/** The other end: HTTP at port 80, echoes of TCP at 443 and of UDP at 53 and 4000, a clock at 7443. */
const SERVER = `
  require('node:http').createServer((request, response) => response.end('the real site')).listen(80);
  require('node:net').createServer((socket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  }).listen(443);
  require('node:net').createServer((socket) => {
    socket.on('error', () => undefined);
    const ticks = setInterval(() => socket.write('tick'), 50);
    socket.on('close', () => clearInterval(ticks));
  }).listen(7443);
  for (const port of [53, 4000]) {
    const socket = require('node:dgram').createSocket('udp6');
    socket.on('message', (text, { port, address }) => socket.send(text, port, address));
    socket.bind(port, '::');
  }
  setTimeout(() => console.log('ready'), 50);`;

export async function startSites(host: Host): Promise<ChildProcess> {
  const child = host.spawn([process.execPath, '-e', SERVER]);
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  return child;
}

/** What came of an attempt. `error` is empty if something was answered. */
export interface Answered {
  readonly error: string;
  readonly text: string;
  readonly status: number;
  /** Without the start of the process that tries. */
  readonly ms: number;
}

const CLIENT = `
  const [kind, address, port, from] = process.argv.slice(1);
  const [http, net, { createSocket }] = [require('node:http'), require('node:net'), require('node:dgram')];
  let at = performance.now();
  const tell = (found) => {
    console.log(JSON.stringify({ error: '', text: '', status: 0, ms: performance.now() - at, ...found }));
    process.exit();
  };
  const failed = (error) => tell({ error: error.code ?? error.message });
  const options = { host: address, port: Number(port), localAddress: from, agent: false };
  setTimeout(() => tell({ error: 'silence' }), 3000);
  if (kind === 'http') {
    http.get({ ...options, path: '/a?b=c' }, (response) => {
      let text = '';
      response.on('data', (part) => { text += part; });
      response.on('end', () => tell({ text, status: response.statusCode }));
    }).on('error', failed);
  } else if (kind === 'tcp') {
    const socket = net.connect(options, () => socket.write('hello'));
    socket.on('data', (text) => tell({ text: String(text) }));
    socket.on('error', failed);
  } else {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    socket.on('message', (text) => tell({ text: String(text) }));
    socket.on('error', failed);
    socket.bind(0, from, () => socket.connect(Number(port), address, () => {
      at = performance.now();
      socket.send('hello');
    }));
  }`;

/** `from`: the address of the host that tries; it may have several. */
export async function attempt(
  host: Host,
  kind: 'http' | 'tcp' | 'udp',
  address: string,
  port: number,
  from: string,
): Promise<Answered> {
  const { stdout } = await host.exec([process.execPath, '-e', CLIENT, kind, address, `${port}`, from]);
  return JSON.parse(stdout) as Answered;
}

/** Connects, and both ends speak. Resolves when something has come, with a promise of the end. */
export async function holdConnection(
  host: Host,
  address: string,
  port: number,
): Promise<{ readonly ended: Promise<string> }> {
  const script = `
    const socket = require('node:net').connect(${port}, '${address}');
    socket.on('data', (text) => console.log(String(text)));
    const words = setInterval(() => socket.write('word'), 50);
    socket.on('error', (error) => console.log(error.code));
    socket.on('close', () => clearInterval(words));`;
  const child = host.spawn([process.execPath, '-e', script]);
  let last = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    last = text.trim();
  });
  // Its last words may come after its exit.
  const ended = new Promise<string>((resolve) => child.once('close', () => resolve(last)));
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  return { ended };
}

/** A host that is over its limit for some time. */
export function stoppedHost(addresses: readonly string[], name = 'flat-12'): PageHost {
  const overNs = 4 * 3600e9;
  const endsAt = new Date(Date.now() + 2.5 * 3600e3).toISOString();
  const windows = { quota: 'fair-use', overNs, endsAt: null } as const;
  return {
    ...{ id: '00:50:8d:68:50:75', name, addresses, isStopped: true },
    quotas: [
      { ...windows, direction: 'down', usedBytes: 10.4e9, limitBytes: 10e9, state: 'exceeded', endsAt },
      { ...windows, direction: 'up', usedBytes: 1.2e9, limitBytes: 5e9, state: 'ok' },
      {
        ...{ quota: 'fair-use', overNs: 7 * 86400e9, direction: 'down', endsAt: null },
        ...{ usedBytes: 51e9, limitBytes: 60e9, state: 'warned' },
      },
      {
        ...{ quota: 'fair-use', overNs: 30 * 86400e9, direction: 'total', endsAt: null },
        ...{ usedBytes: 120e9, limitBytes: 500e9, state: 'ok' },
      },
    ],
  };
}
