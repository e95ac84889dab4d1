/** All sockets of this network namespace by their ends, as the kernel lists them: whose is a flow? */
import type { SocketKernel } from '../../io/sockets/kernel.ts';
import { SocketListing } from '../../io/sockets/listing.ts';

export interface ListedSocket {
  readonly uid: number;
  readonly inode: number;
}

/** The ends of a flow as this machine's socket sees them. */
export interface SocketEnds {
  readonly protocol: number;
  /** 4 or 6. */
  readonly family: number;
  readonly local: ArrayLike<number>;
  readonly localPort: number;
  readonly remote: ArrayLike<number>;
  readonly remotePort: number;
}

const ANY = [0, 0, 0, 0];

function keyOf({ protocol, family, local, localPort, remote, remotePort }: SocketEnds): string {
  const [a, b] = [textOf(family, local), textOf(family, remote)];
  return `${protocol} ${family} ${a} ${localPort} ${b} ${remotePort}`;
}

const textOf = (family: number, words: ArrayLike<number>): string =>
  family === 4 ? String(words[0]) : `${words[0]}.${words[1]}.${words[2]}.${words[3]}`;

export class SocketIndex {
  #sockets = new Map<string, ListedSocket>();

  /** Lists all sockets anew. Others have their turn between some hundred of them. */
  async refresh(kernel: SocketKernel, pause: () => Promise<void>): Promise<void> {
    const sockets = new Map<string, ListedSocket>();
    const listing = new SocketListing(kernel);
    const { columns: c } = kernel;
    for (let rows = listing.next(); rows > 0; rows = listing.next()) {
      for (let r = 0; r < rows; r++) {
        const ends = {
          ...{ protocol: c.protocol[r]!, family: c.family[r]! },
          ...{ local: [c.local0[r]!, c.local1[r]!, c.local2[r]!, c.local3[r]!], localPort: c.localPort[r]! },
          remote: [c.remote0[r]!, c.remote1[r]!, c.remote2[r]!, c.remote3[r]!],
          remotePort: c.remotePort[r]!,
        };
        sockets.set(keyOf(ends), { uid: c.uid[r]!, inode: c.inode[r]! });
      }
      await pause();
    }
    this.#sockets = sockets;
  }

  inodes(): number[] {
    return [...this.#sockets.values()].map(({ inode }) => inode);
  }

  /**
   * The connection with these ends, else the socket that is bound to the local end, else to its port. null:
   * none.
   */
  find(ends: SocketEnds): ListedSocket | null {
    const bound = { ...ends, remote: ANY, remotePort: 0 };
    const wildcard = { ...bound, local: ANY };
    const found = this.#at(ends) ?? this.#at(bound) ?? this.#at(wildcard);
    if (found || ends.family === 6) return found ?? null;
    // A socket of IPv6 that takes IPv4 as well.
    return this.#at({ ...wildcard, family: 6 }) ?? null;
  }

  #at(ends: SocketEnds): ListedSocket | undefined {
    return this.#sockets.get(keyOf(ends));
  }
}
