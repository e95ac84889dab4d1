/**
 * Finds out by trying whether the kernel takes edited packets. Some kernels drop each of them without an
 * error: from Linux 7.1 on in a network namespace of a user namespace, and from 7.2 on wherever they find
 * fault with the new bytes.
 *
 * One segment crosses the loopback. Its window and its payload are edited on the way, as pacing edits
 * windows. If it is lost, TCP sends it again, and at last it passes as it is. So the bytes that arrive give
 * the answer, and no time limit does: a busy machine is only slow.
 *
 *     edited bytes arrive       taken
 *     original bytes arrive     refused: the way is free, and the edited copies before them got lost
 *     nothing arrives in time   unknown
 */
import { CHECKSUM_AT, tcpChecksum } from '../../algo/pacing/checksum.ts';
import { COPY_BYTES } from '../../limits.ts';
import { NF_ACCEPT } from '../../packet/batch.ts';
import { headerBytesOf, WINDOW_AT } from '../../packet/tcp-header.ts';
import type { Loopback } from './loopback.ts';
import type { NfqueuePort } from './nfqueue.ts';
import { afterPatience } from './patience.ts';

export type EditTrial =
  | { readonly outcome: 'taken' }
  | { readonly outcome: 'refused' }
  | { readonly outcome: 'unknown'; readonly reason: string };

/** The port of an NFQUEUE that copies COPY_BYTES of each packet of the loopback flow, and gets no others. */
export type TrialPort = Pick<NfqueuePort, 'batch' | 'slab' | 'editOffset' | 'drain' | 'send' | 'onReady'>;

/** The window of edited copies, as it stands in the header. The system itself chooses about 500. */
export const EDITED_WINDOW = 41;

const QUESTION = Buffer.from('shaper: as sent');
const ANSWER = Buffer.from('shaper: edited!');
/** Copies that are edited. TCP sends the second one after 0.2 s, and the third, which passes, after 0.6 s. */
const EDITED_COPIES = 2;
/** The fourth copy comes after 1.4 s. */
const PATIENCE_MS = 3000;

/** Resolves with the answer. Packets of the flow must reach `port` already. Never rejects. */
export function tryEdits(port: TrialPort, loopback: Loopback, patienceMs = PATIENCE_MS): Promise<EditTrial> {
  let editedCopies = 0;
  port.onReady(() => {
    const rows = port.drain();
    for (let p = 0; p < rows; p++) if (accept(port, p, editedCopies < EDITED_COPIES)) editedCopies++;
    if (rows > 0) port.send(rows);
  });
  return new Promise((resolve) => {
    const callOff = afterPatience(patienceMs, () => {
      resolve({ outcome: 'unknown', reason: nothingHeard(editedCopies, patienceMs) });
    });
    loopback.onHeard((bytes) => {
      callOff();
      if (ANSWER.equals(bytes)) resolve({ outcome: 'taken' });
      else if (editedCopies > 0) resolve({ outcome: 'refused' });
      else resolve({ outcome: 'unknown', reason: 'a packet over the loopback passed by our queue' });
    });
    loopback.say(QUESTION);
  });
}

function nothingHeard(editedCopies: number, patienceMs: number): string {
  const what = editedCopies > 0 ? 'neither edited nor as it was' : 'and did not reach our queue';
  return `a packet over the loopback did not arrive in ${patienceMs / 1000} s, ${what}`;
}

/** Writes the verdict of row `p`. Returns whether it edits the packet. */
function accept({ batch, slab, editOffset }: TrialPort, p: number, mayEdit: boolean): boolean {
  const { arrivals, verdicts } = batch;
  verdicts.packetId[p] = arrivals.packetId[p]!;
  verdicts.nfqueue[p] = arrivals.nfqueue[p]!;
  verdicts.verdict[p] = NF_ACCEPT;
  verdicts.tag[p] = p;
  verdicts.payloadBytes[p] = 0;
  const lengthBytes = arrivals.lengthBytes[p]!;
  const at = arrivals.slabOffset[p]!;
  if (!mayEdit || arrivals.copiedBytes[p] !== lengthBytes) return false;
  const to = editOffset + p * COPY_BYTES;
  slab.copyWithin(to, at, at + lengthBytes);
  if (!edit(slab.subarray(to, to + lengthBytes))) return false;
  verdicts.payloadOffset[p] = to;
  verdicts.payloadBytes[p] = lengthBytes;
  return true;
}

/** Edits an IPv4 packet whose TCP payload is the question. Returns whether it is one. */
function edit(packet: Uint8Array): boolean {
  const l4At = (packet[0]! & 15) * 4;
  const payloadAt = l4At + headerBytesOf(packet, l4At);
  if (!QUESTION.equals(packet.subarray(payloadAt))) return false;
  packet.set(ANSWER, payloadAt);
  const header = new DataView(packet.buffer, packet.byteOffset + l4At);
  header.setUint16(WINDOW_AT, EDITED_WINDOW);
  header.setUint16(CHECKSUM_AT, tcpChecksum(packet, 0, l4At, packet.length));
  return true;
}
