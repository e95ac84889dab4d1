/** The trial of edited packets against kernels that take them, drop them, or show them to nobody. */
import { describe, expect, it } from 'vitest';
import { EDITED_WINDOW, type TrialPort, tryEdits } from '../../../../src/io/nfqueue/edit-trial.ts';
import type { Loopback } from '../../../../src/io/nfqueue/loopback.ts';
import { EDIT_BYTES } from '../../../../src/limits.ts';
import { createBatch, NF_ACCEPT } from '../../../../src/packet/batch.ts';
import { mend } from '../../../netns/native-edits.ts';

const SLAB_BYTES = 4096;
const WINDOW = 512;
/** A pure acknowledgement of the same flow. */
const BARE = segment(Buffer.alloc(0));
const PATIENCE_MS = 60;

/** An IPv4 packet of TCP with time stamps in its options, as the loopback carries it. */
function segment(payload: Uint8Array): Buffer {
  const headers = Buffer.alloc(52);
  headers[0] = 0x45;
  headers[9] = 6;
  headers.set([127, 0, 0, 1, 127, 0, 0, 1], 12);
  headers[32] = 8 << 4;
  headers.writeUInt16BE(WINDOW, 34);
  return mend(Buffer.concat([headers, payload]));
}

interface Kernel {
  /** What becomes of the packet: the bytes that arrive, or null. */
  readonly pass: (bytes: Buffer, isEdited: boolean) => Buffer | null;
  readonly isQueued?: boolean;
  readonly isCut?: boolean;
}

/** One segment, which is sent again until it arrives. Each copy comes with one of another kind before it. */
function world({ pass, isQueued = true, isCut = false }: Kernel) {
  const { arrivals, verdicts, failures, buffer } = createBatch();
  const slab = new Uint8Array(SLAB_BYTES + EDIT_BYTES);
  const sent: { isEdited: boolean; bytes: Buffer }[] = [];
  let ready = (): void => undefined;
  let hear = (_: Uint8Array): void => undefined;
  let waiting: Buffer[] = [];
  let question: Buffer = BARE;
  const arrive = (): void => {
    waiting = [BARE, question];
    if (isQueued) ready();
    else hear(question.subarray(52));
  };
  const port: TrialPort = {
    batch: { arrivals, verdicts, failures, buffer },
    slab,
    editOffset: SLAB_BYTES,
    onReady: (callback) => {
      ready = callback;
    },
    drain: () => {
      let at = 0;
      for (const [p, packet] of waiting.entries()) {
        arrivals.packetId[p] = p + 1;
        arrivals.lengthBytes[p] = packet.length;
        arrivals.copiedBytes[p] = packet.length - Number(isCut);
        arrivals.slabOffset[p] = at;
        slab.set(packet, at);
        at += packet.length;
      }
      return waiting.splice(0).length;
    },
    send: (count) => {
      expect(count).toBe(2);
      expect([...verdicts.verdict.subarray(0, 2)]).toEqual([NF_ACCEPT, NF_ACCEPT]);
      expect(verdicts.payloadBytes[0]).toBe(0);
      const [from, lengthBytes] = [verdicts.payloadOffset[1]!, verdicts.payloadBytes[1]!];
      const isEdited = lengthBytes > 0;
      const bytes = isEdited ? Buffer.from(slab.subarray(from, from + lengthBytes)) : question;
      sent.push({ isEdited, bytes });
      const arrived = pass(bytes, isEdited);
      if (arrived) hear(arrived.subarray(52));
      else setTimeout(arrive, 1);
    },
  };
  const loopback: Loopback = {
    flow: { address: '127.0.0.1', sourcePort: 1, targetPort: 2 },
    say: (bytes) => {
      question = segment(bytes);
      setImmediate(arrive);
    },
    onHeard: (callback) => {
      hear = callback;
    },
    close: () => undefined,
  };
  return { sent, trial: () => tryEdits(port, loopback, PATIENCE_MS) };
}

describe('the trial of edited packets', () => {
  it('says that the kernel takes them when the edited bytes arrive', async () => {
    const { trial, sent } = world({ pass: (bytes) => bytes });
    expect(await trial()).toEqual({ outcome: 'taken' });
    expect(sent).toHaveLength(1);
    const edited = sent[0]!.bytes;
    expect(edited.readUInt16BE(34)).toBe(EDITED_WINDOW);
    expect(mend(Buffer.from(edited))).toEqual(edited);
  });

  it('says that it refuses them when only the copy that nobody edited arrives', async () => {
    const { trial, sent } = world({ pass: (bytes, isEdited) => (isEdited ? null : bytes) });
    expect(await trial()).toEqual({ outcome: 'refused' });
    expect(sent.map(({ isEdited }) => isEdited)).toEqual([true, true, false]);
  });

  it('does not take one lost copy for a refusal', async () => {
    let copies = 0;
    const { trial } = world({ pass: (bytes) => (copies++ === 0 ? null : bytes) });
    expect(await trial()).toEqual({ outcome: 'taken' });
  });

  it.for<[string, Kernel, RegExp]>([
    ['nothing arrives', { pass: () => null }, /in 0\.06 s, neither edited nor as it was$/],
    [
      'nothing is copied whole',
      { pass: () => null, isCut: true },
      /in 0\.06 s, and did not reach our queue$/,
    ],
    ['packets pass by', { pass: (bytes) => bytes, isQueued: false }, /passed by our queue$/],
  ])('knows nothing if %s', async ([, kernel, reason]) => {
    expect(await world(kernel).trial()).toEqual({
      outcome: 'unknown',
      reason: expect.stringMatching(reason),
    });
  });
});
