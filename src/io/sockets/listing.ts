/**
 * All sockets of this network namespace, some hundred at a time, so that who lists them can pause between.
 */
import type { SocketKernel } from './kernel.ts';

/** Families and protocols, one list of the kernel each: TCP, UDP, UDP-Lite. */
const LISTS = [6, 17, 136].flatMap((protocol) => [
  { family: 4, protocol },
  { family: 6, protocol },
]);

export class SocketListing {
  private readonly kernel: SocketKernel;
  private at = -1;

  constructor(kernel: SocketKernel) {
    this.kernel = kernel;
  }

  /** Writes the next sockets into the first rows of the columns. Returns how many; 0 at the end. */
  next(): number {
    const { native } = this.kernel;
    for (;;) {
      const rows = this.at < 0 ? 0 : native.readList();
      if (rows > 0) return rows;
      this.at++;
      const list = LISTS[this.at];
      if (!list) return 0;
      // A kernel without a protocol has no list of it.
      native.startList(list.family, list.protocol);
    }
  }
}
