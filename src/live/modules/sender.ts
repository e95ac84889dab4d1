/** What modules send, by sockets that are open from the first packet on. */
import { openRawSender, type RawSender } from '../../io/modules/raw-sender.ts';

export class SenderOnDemand {
  private readonly open: () => RawSender;
  private sender: RawSender | null = null;

  constructor(open: () => RawSender = openRawSender) {
    this.open = open;
  }

  /** Throws TypeError if the bytes are no IP packet, and errors of the kernel. */
  readonly send = (bytes: Uint8Array): void => {
    this.sender ??= this.open();
    this.sender.send(bytes);
  };

  close(): void {
    this.sender?.close();
    this.sender = null;
  }
}
