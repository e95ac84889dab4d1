import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { Bodies } from '../../../../src/control/http/body.ts';
import { CONTROL_BODIES_BYTES_MAX, CONTROL_BODY_BYTES_MAX } from '../../../../src/limits.ts';

function incoming(): PassThrough & IncomingMessage {
  return Object.assign(new PassThrough(), { headers: {} }) as unknown as PassThrough & IncomingMessage;
}

it('all bodies together are bounded, and one that ends or is cut short makes room', async () => {
  const bodies = new Bodies();
  const block = Buffer.alloc(CONTROL_BODY_BYTES_MAX, ' ');
  const all = Array.from({ length: CONTROL_BODIES_BYTES_MAX / CONTROL_BODY_BYTES_MAX }, incoming);
  const reads = all.map((one) => bodies.read(one));
  for (const one of all) await new Promise<void>((resolve) => one.write(block, () => resolve()));
  const late = incoming();
  late.end('{}');
  await expect(bodies.read(late)).rejects.toMatchObject({ status: 503, code: 'busy' });
  all[0]!.destroy();
  await expect(reads[0]).rejects.toMatchObject({ code: 'cut-short' });
  const next = incoming();
  next.end('{"x":1}');
  expect(await bodies.read(next)).toEqual({ x: 1 });
  for (const one of all.slice(1)) one.end();
  for (const read of reads.slice(1)) await expect(read).rejects.toMatchObject({ code: 'not-json' });
  const last = incoming();
  last.end(block);
  await expect(bodies.read(last)).rejects.toMatchObject({ code: 'not-json' });
});
