/** Instances of elastic-tunnel in this process, on the loopback, with timers that run as time does. */
import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { FRAME_HEADER_BYTES, HELLO, SESSION_BYTES } from '../../../../src/built-in/elastic-tunnel/frames.ts';
import type { TunnelOptions } from '../../../../src/built-in/elastic-tunnel/settings.ts';
import elasticTunnel from '../../../../src/built-in/elastic-tunnel.ts';
import { ACCEPT, DROP, type ModuleInstance } from '../../../../src/modules/api/module.ts';
import { ipPacket } from '../itm-route/packets.ts';
import { Machine, pass } from '../machine.ts';

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

async function until(what: () => boolean, why: string): Promise<void> {
  const endMs = performance.now() + 20_000;
  while (!what()) {
    if (performance.now() > endMs) throw new Error(`not in 20 s: ${why}`);
    await sleep(5);
  }
}

/** A port that nobody has. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

interface Instance {
  readonly host: Machine;
  readonly module: ModuleInstance;
  stop(): void;
}

function start(options: Partial<TunnelOptions>): Instance {
  const host = new Machine();
  const module = elasticTunnel.create!(host.itm, {
    ...{ peer: '127.0.0.1', listen: '', match: [], target: 1e6, connectionsMax: 8, period: 100e6 },
    ...options,
  });
  // The clock of the machine begins at 0: this process may be older than a period.
  const beganMs = performance.now();
  const timer = setInterval(() => host.runUntil((performance.now() - beganMs) * 1e6), 5);
  let isOver = false;
  const stop = (): void => {
    if (isOver) return;
    isOver = true;
    clearInterval(timer);
    module.stop?.();
  };
  ends.push(stop);
  return { host, module, stop };
}

const PACKET = ipPacket({ src: '10.1.0.1', dst: '10.2.0.1', length: 1000 });

async function opened({ module }: Instance): Promise<void> {
  await until(() => pass(module, 'output', PACKET).verdict === DROP, 'no connection is open');
}

/** A peer that reads `bytesPerLook` of every connection each 10 ms, at most `bytesInAll`, and says so. */
async function slowPeer(
  bytesPerLook: number,
  bytesInAll: () => number,
): Promise<{ port: number; sockets: Set<Socket> }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    let read = -HELLO.length - SESSION_BYTES;
    const timer = setInterval(() => {
      const chunk: Buffer | null = socket.read(Math.min(bytesPerLook, socket.readableLength));
      const share = bytesInAll();
      if (chunk === null && read >= 0) return;
      read += chunk?.length ?? 0;
      if (share < 0 || read < 0) return;
      const receipt = Buffer.alloc(4);
      receipt.writeUInt32BE(read);
      socket.write(receipt);
    }, 10);
    socket.on('close', () => clearInterval(timer));
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  ends.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { port: (server.address() as { port: number }).port, sockets };
}

test('packets come out at the other instance as they went in, in order', async () => {
  const port = await freePort();
  const far = start({ listen: `127.0.0.1:${port}` });
  const near = start({ peer: `127.0.0.1:${port}`, match: ['dst=10.2.0.0/16'] });
  await opened(near);
  await until(() => far.host.injected.length > 0, 'nothing came out');
  far.host.injected.length = 0;
  const sent = Array.from({ length: 100 }, (_, n) =>
    ipPacket({ src: '10.1.0.1', dst: '10.2.0.1', length: 100 + n }),
  );
  for (const packet of sent) expect(pass(near.module, 'output', packet).verdict).toBe(DROP);
  await until(() => far.host.injected.length >= 100, 'not all came out');
  expect(far.host.injected).toEqual(sent);
});

test('a packet that the kernel refuses is told, and the next one comes out', async () => {
  const port = await freePort();
  const far = start({ listen: `127.0.0.1:${port}` });
  const near = start({ peer: `127.0.0.1:${port}`, match: ['dst=10.2.0.0/16'] });
  const { onInject } = far.host;
  far.host.onInject = () => {
    far.host.onInject = onInject;
    throw new Error('EINVAL');
  };
  await opened(near);
  await until(() => far.host.said.length > 0, 'nothing is told');
  expect(far.host.said[0]).toMatchObject({ level: 'warn', message: 'a packet of the tunnel cannot be sent' });
  pass(near.module, 'output', PACKET);
  await until(() => far.host.injected.length > 0, 'nothing came out');
});

test('the packets of its own connections stay outside', () => {
  const { module } = start({ match: ['dst=0.0.0.0/0'], listen: '127.0.0.1:9999', peer: '127.0.0.1:9998' });
  const own = { protocol: 6, dst: '127.0.0.1' };
  for (const ports of [
    { sport: 5, dport: 9998 },
    { sport: 9999, dport: 5 },
  ])
    expect(module.classify!({ ...own, ...ports } as never)).toBe(0);
  expect(module.classify!({ ...own, sport: 5, dport: 80 } as never)).toBe(1);
  expect(module.classify!({ ...own, protocol: 17, sport: 5, dport: 9998 } as never)).toBe(1);
  expect(module.classify!({ ...own, dst: '10.0.0.1', sport: 5, dport: 9998 } as never)).toBe(1);
});

test('without a peer packets go as they are, and the failure is told; when it comes they go by the tunnel', async () => {
  const port = await freePort();
  const near = start({ peer: `127.0.0.1:${port}`, match: ['dst=10.2.0.0/16'] });
  await until(() => near.host.said.some(({ level }) => level === 'warn'), 'no failure is told');
  expect(near.host.said[0]!.message).toContain('ECONNREFUSED');
  expect(pass(near.module, 'output', PACKET)).toEqual({ verdict: ACCEPT, bytes: PACKET });

  const far = start({ listen: `127.0.0.1:${port}` });
  await opened(near);
  far.stop();
  await until(
    () => pass(near.module, 'output', PACKET).verdict === ACCEPT,
    'the connection is still taken for open',
  );
  start({ listen: `127.0.0.1:${port}` });
  await opened(near);
});

test('who is not the peer is sent away', async () => {
  const port = await freePort();
  const far = start({ listen: `127.0.0.1:${port}`, peer: '127.0.0.9' });
  const near = start({ peer: `127.0.0.1:${port}`, match: ['dst=10.2.0.0/16'] });
  await until(() => far.host.said.length > 0, 'nobody came');
  expect(far.host.said[0]!.message).toBe('somebody who is not the peer has connected');
  expect(pass(near.module, 'output', PACKET).verdict).toBe(ACCEPT);
  expect(far.host.injected).toEqual([]);
});

test('a peer that reads nothing: the tunnel fills up to its bound, and packets are dropped', async () => {
  const { port } = await slowPeer(HELLO.length + SESSION_BYTES, () => 0);
  const near = start({ peer: `127.0.0.1:${port}`, match: ['dst=10.2.0.0/16'], target: 1e6, period: 60e9 });
  await opened(near);
  let taken = 0;
  const before = process.memoryUsage().arrayBuffers;
  for (let n = 0; n < 100_000; n++) if (pass(near.module, 'output', PACKET).verdict === DROP) taken++;
  expect(taken).toBe(100_000);
  near.host.runUntil(near.host.nowNs + 61e9);
  const period = near.host.said.find(({ message }) => message === 'a period')!;
  expect(period.fields.sentPackets).toBe(Math.floor(250_000 / (PACKET.length + FRAME_HEADER_BYTES)));
  expect(period.fields.droppedPackets).toBe(100_000 + 1 - (period.fields.sentPackets as number));
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(400e6);
});

test('too slow a peer: m rises, the target is told to be out of reach, and no more than the maximum is open', async () => {
  const { port, sockets } = await slowPeer(4000, () => 0);
  const near = start({
    peer: `127.0.0.1:${port}`,
    match: ['dst=10.2.0.0/16'],
    target: 10e6,
    connectionsMax: 4,
  });
  const offer = setInterval(() => {
    for (let n = 0; n < 200; n++) pass(near.module, 'output', PACKET);
  }, 5);
  ends.push(() => clearInterval(offer));
  await until(
    () => near.host.said.some(({ message }) => message.includes('the target is not reached')),
    'no warning',
  );
  expect(sockets.size).toBe(4);
  const steps = near.host.said.filter(({ message }) => message.includes('another number'));
  expect(steps.map(({ fields }) => fields.connections)).toEqual([3, 4]);
});

test('stop() ends connections, server and timers', async () => {
  const port = await freePort();
  const far = start({ listen: `127.0.0.1:${port}` });
  const near = start({ peer: `127.0.0.1:${port}`, match: ['dst=10.2.0.0/16'] });
  await opened(near);
  near.stop();
  far.stop();
  expect([near.host.timerCount, far.host.timerCount]).toEqual([0, 0]);
  const again = start({ listen: `127.0.0.1:${port}` });
  await sleep(50);
  expect(again.host.said).toEqual([]);
});
