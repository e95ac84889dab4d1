/** Gives packets that come up to modules a verdict, as a module might. IPv4 alone is edited. */
import type { NfqueuePort } from '../../src/io/nfqueue/nfqueue.ts';
import { NF_ACCEPT, NF_DROP, NF_REPEAT, VERDICT_SET_MARK } from '../../src/packet/batch.ts';

/** `grow`: eight more bytes of UDP; `redirect`: to another address. */
export interface ModuleAnswer {
  readonly verdict: 'accept' | 'drop';
  /** The chain that queued the packet is one of iptables, and runs again. */
  readonly repeats: boolean;
  readonly grow?: boolean;
  readonly redirect?: readonly [number, number, number, number];
  /** Only at this hook; other packets pass. */
  readonly hook?: number;
}

const HOOKS = ['prerouting', 'input', 'forward', 'output', 'postrouting'] as const;
const PASSES: ModuleAnswer = { verdict: 'accept', repeats: false };

export class ModulePackets {
  how: ModuleAnswer = PASSES;
  private readonly nfqueue: number;
  private seen: Record<string, number> = {};

  constructor(nfqueue: number) {
    this.nfqueue = nfqueue;
  }

  forget(): void {
    this.how = PASSES;
    this.seen = {};
  }

  /** Packets by hook since the last call. */
  cameUp(): Record<string, number> {
    const { seen } = this;
    this.seen = {};
    return seen;
  }

  answer(port: NfqueuePort, rows: number, markMask: number): void {
    const { arrivals, verdicts } = port.batch;
    let count = 0;
    let at = port.editOffset;
    for (let p = 0; p < rows; p++) {
      if (arrivals.nfqueue[p] !== this.nfqueue) continue;
      const hook = arrivals.hook[p]!;
      const name = HOOKS[hook] ?? String(hook);
      this.seen[name] = (this.seen[name] ?? 0) + 1;
      const how =
        this.how.hook === undefined || this.how.hook === hook
          ? this.how
          : { ...PASSES, repeats: this.how.repeats };
      const from = arrivals.slabOffset[p]!;
      const edited = edit(port.slab.subarray(from, from + arrivals.copiedBytes[p]!), how);
      if (edited) port.slab.set(edited, at);
      const accepts = how.repeats ? NF_REPEAT : NF_ACCEPT;
      verdicts.packetId[count] = arrivals.packetId[p]!;
      verdicts.nfqueue[count] = this.nfqueue;
      verdicts.verdict[count] = (how.verdict === 'drop' ? NF_DROP : accepts) | VERDICT_SET_MARK;
      verdicts.mark[count] = (arrivals.mark[p]! & ~markMask) >>> 0;
      verdicts.payloadOffset[count] = at;
      verdicts.payloadBytes[count] = edited?.length ?? 0;
      at += edited?.length ?? 0;
      count++;
    }
    if (count > 0) port.send(count);
  }
}

/** The new bytes; null: as it came. */
function edit(bytes: Uint8Array, { grow, redirect }: ModuleAnswer): Buffer | null {
  if (bytes[0] !== 0x45 || bytes[9] !== 17 || (grow !== true && redirect === undefined)) return null;
  const packet = Buffer.concat([bytes, Buffer.alloc(grow ? 8 : 0, 'g')]);
  packet.writeUInt16BE(packet.length, 2);
  packet.writeUInt16BE(packet.length - 20, 24);
  if (redirect) packet.set(redirect, 16);
  // UDP over IPv4 needs no checksum.
  packet.writeUInt16BE(0, 26);
  packet.writeUInt16BE(0, 10);
  let sum = 0;
  for (let i = 0; i < 20; i += 2) sum += packet.readUInt16BE(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  packet.writeUInt16BE(~sum & 0xffff, 10);
  return packet;
}
