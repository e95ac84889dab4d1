import { expect, it } from 'vitest';
import { openLoopback } from '../../../../src/io/nfqueue/loopback.ts';

const TIMEOUT_MS = 10_000;

it('carries bytes from one end to the other, whose ports it names', async () => {
  const loopback = await openLoopback(TIMEOUT_MS);
  const { address, sourcePort, targetPort } = loopback.flow;
  expect(address).toBe('127.0.0.1');
  expect(sourcePort).toBeGreaterThan(0);
  expect(targetPort).not.toBe(sourcePort);
  const heard = new Promise<Uint8Array>((resolve) => loopback.onHeard(resolve));
  loopback.say(Buffer.from('words'));
  expect(Buffer.from(await heard).toString()).toBe('words');
  loopback.close();
});
