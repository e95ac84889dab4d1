/** Reads the body of a request within bounds: one body, and all bodies that are under way together. */
import type { IncomingMessage } from 'node:http';
import { CONTROL_BODIES_BYTES_MAX, CONTROL_BODY_BYTES_MAX } from '../../limits.ts';
import { ApiError } from '../api-error.ts';

export class Bodies {
  private bytesUnderWay = 0;

  /** Resolves with the value of the body; `{}` if there is none. Rejects with ApiError. */
  async read(incoming: IncomingMessage): Promise<unknown> {
    const announced = Number(incoming.headers['content-length'] ?? 0);
    if (announced > CONTROL_BODY_BYTES_MAX) throw refused(incoming, tooLong());
    const chunks: Buffer[] = [];
    let bytes = 0;
    try {
      await new Promise<void>((resolve, reject) => {
        const take = (chunk: Buffer): void => {
          bytes += chunk.length;
          this.bytesUnderWay += chunk.length;
          chunks.push(chunk);
          const isTooLong = bytes > CONTROL_BODY_BYTES_MAX;
          if (!isTooLong && this.bytesUnderWay <= CONTROL_BODIES_BYTES_MAX) return;
          incoming.off('data', take);
          reject(refused(incoming, isTooLong ? tooLong() : busy()));
        };
        incoming.on('data', take);
        incoming.once('end', resolve);
        incoming.once('error', reject);
        incoming.once('close', () => reject(gone()));
      });
      return parse(Buffer.concat(chunks));
    } finally {
      this.bytesUnderWay -= bytes;
    }
  }
}

/** The rest is read and thrown away, so that the client, which still sends, gets its answer. */
function refused(incoming: IncomingMessage, error: ApiError): ApiError {
  incoming.resume();
  return error;
}

function tooLong(): ApiError {
  return new ApiError(413, 'too-long', `a body is at most ${CONTROL_BODY_BYTES_MAX} bytes`, 'body');
}

function busy(): ApiError {
  const hint = 'try again in a moment';
  return new ApiError(503, 'busy', 'too many long bodies come at once', 'body', hint);
}

/** Nobody reads this answer. */
function gone(): ApiError {
  return new ApiError(400, 'cut-short', 'the body ends early', 'body');
}

function parse(bytes: Buffer): unknown {
  if (bytes.length === 0) return {};
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    const message = `the body is not JSON: ${(error as Error).message}`;
    throw new ApiError(400, 'not-json', message, 'body');
  }
}
