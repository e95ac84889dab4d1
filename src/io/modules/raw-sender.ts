/** Sends the packets that modules make. They meet no module: rules know them by their priority. */
import { getSystemErrorName } from 'node:util';
import { EXIT_IMPOSSIBLE, OperatingError } from '../../base/errors.ts';
import { SENT_PRIORITY } from '../../spec/module-hooks.ts';
import { type Addon, loadAddon } from '../nfqueue/addon.ts';

/** Nobody can reach the address now, or there is no room: the packet is lost, as any may be. */
const LOST = new Set([
  'EAGAIN',
  'ENOBUFS',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'ENETDOWN',
  'EHOSTDOWN',
  'EPERM',
  'EMSGSIZE',
  'ECONNREFUSED',
]);

export class RawSendError extends Error {
  override readonly name = 'RawSendError';
  readonly code: string;

  constructor(code: string) {
    super(`the kernel does not send the packet: ${code}`);
    this.code = code;
  }
}

export interface RawSender {
  /**
   * Sends a whole IP packet as this machine would. Returns false if the network cannot take it now: it is
   * lost.
   * @throws TypeError if the bytes are no IP packet
   * @throws RawSendError if the kernel refuses them for another reason
   */
  send(bytes: Uint8Array): boolean;
  close(): void;
}

/** Needs CAP_NET_RAW. Throws OperatingError without. */
export function openRawSender(addon: Addon = loadAddon()): RawSender {
  const native = open(addon);
  return {
    send(bytes) {
      const number = native.send(bytes);
      if (number === 0) return true;
      const code = getSystemErrorName(-number);
      if (LOST.has(code)) return false;
      throw new RawSendError(code);
    },
    close: () => native.close(),
  };
}

function open(addon: Addon): InstanceType<Addon['NativeRawSender']> {
  try {
    return new addon.NativeRawSender(SENT_PRIORITY);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    const hint = code === 'EPERM' ? 'run as root, or with CAP_NET_RAW (AmbientCapabilities= of systemd)' : '';
    throw new OperatingError(EXIT_IMPOSSIBLE, `modules cannot send packets: ${message}`, hint);
  }
}
