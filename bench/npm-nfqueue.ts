/**
 * The npm package `nfqueue` (optional dependency), opened so that a comparison with it is fair.
 *
 * Its API sets neither the queue length (kernel default 1024) nor any flag; the socket buffer is the second
 * argument of createQueueHandler. A fill of 20,000 packets needs a longer queue, so the length is set here on
 * the package's own socket from outside: only the socket that owns a queue may configure it. Nothing else is
 * changed: full copy, one recv per wake-up, one callback per packet, one verdict per send.
 */
import { readdirSync, readFileSync, readlinkSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';

/** Holds a queue of 65536 packets that are copied in full. */
const RCVBUF_BYTES = 128 * 1024 * 1024;

export interface NpmPacket {
  readonly info: {
    readonly id: number;
    readonly len: number;
    readonly nfmark: number;
    readonly indev: number;
    readonly outdev: number;
  };
  readonly payload: Buffer;
  setVerdict(verdict: number, mark?: number, buffer?: Buffer | null): void;
}

export interface NpmQueue {
  readonly bindings: {
    setVerdict(id: number, verdict: number, buffer: Buffer | null): void;
    setVerdict(id: number, verdict: number, mark: number, buffer: Buffer | null): void;
  };
}

interface NpmPackage {
  createQueueHandler(queue: number, rcvbufBytes: number, callback: (packet: NpmPacket) => void): NpmQueue;
}

/** null when the optional dependency is not there or not built. */
export function loadNpmPackage(): NpmPackage | null {
  try {
    return createRequire(import.meta.url)('nfqueue') as NpmPackage;
  } catch {
    return null;
  }
}

const NETLINK_NETFILTER = 12;
const NFNL_SUBSYS_QUEUE = 3;
const NFQNL_MSG_CONFIG = 2;
const NFQA_CFG_QUEUE_MAXLEN = 3;
const NLM_F_REQUEST = 1;

/** Descriptors of this process that are netlink sockets to netfilter. */
function netfilterDescriptors(): Set<number> {
  const inodes = new Set(
    readFileSync('/proc/self/net/netlink', 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter((columns) => Number(columns[1]) === NETLINK_NETFILTER)
      .map((columns) => columns[9]),
  );
  const found = new Set<number>();
  for (const fd of readdirSync('/proc/self/fd')) {
    const inode = /^socket:\[(\d+)\]$/.exec(linkOf(fd))?.[1];
    if (inode !== undefined && inodes.has(inode)) found.add(Number(fd));
  }
  return found;
}

/** Empty for the descriptor that listed the folder: it is closed by now. */
function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return '';
  }
}

/**
 * nlmsghdr, nfgenmsg, one attribute; no acknowledgement is requested, as the package would take it for a
 * packet.
 */
function maxlenMessage(queue: number, lengthPackets: number): Buffer {
  const message = Buffer.alloc(28);
  message.writeUInt32LE(28, 0);
  message.writeUInt16LE((NFNL_SUBSYS_QUEUE << 8) | NFQNL_MSG_CONFIG, 4);
  message.writeUInt16LE(NLM_F_REQUEST, 6);
  message.writeUInt16BE(queue, 18);
  message.writeUInt16LE(8, 20);
  message.writeUInt16LE(NFQA_CFG_QUEUE_MAXLEN, 22);
  message.writeUInt32BE(lengthPackets, 24);
  return message;
}

/** Opens the queue with the length and socket buffer that every contender has. */
export function openNpmQueue(
  queue: number,
  lengthPackets: number,
  callback: (packet: NpmPacket) => void,
): NpmQueue {
  const npm = loadNpmPackage();
  if (!npm) throw new Error('the optional npm package nfqueue is not installed');
  const before = netfilterDescriptors();
  const handler = npm.createQueueHandler(queue, RCVBUF_BYTES, callback);
  const [fd] = [...netfilterDescriptors()].filter((descriptor) => !before.has(descriptor));
  if (fd === undefined) throw new Error('the socket of the npm package nfqueue was not found');
  writeSync(fd, maxlenMessage(queue, lengthPackets));
  return handler;
}
