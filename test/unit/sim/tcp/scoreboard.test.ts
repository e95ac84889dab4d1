/** The counters of the scoreboard against sets, for any order of acknowledgements a receiver could send. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KIND_ACK, PacketTable, SACK_WORDS } from '../../../../src/sim/packets/packet-table.ts';
import { Scoreboard } from '../../../../src/sim/tcp/scoreboard.ts';

/** Slow and obvious: what is SACKed, lost, sent again, as sets. */
class SetBoard {
  una = 0;
  nxt = 0;
  readonly sacked = new Set<number>();
  readonly lost = new Set<number>();
  readonly again = new Set<number>();

  absorb(blocks: readonly (readonly [number, number])[]): void {
    for (const [from, to] of blocks) {
      for (let seq = Math.max(from, this.una); seq < to; seq++) {
        this.sacked.add(seq);
        this.lost.delete(seq);
        this.again.delete(seq);
      }
    }
  }

  acknowledge(ack: number): void {
    for (const set of [this.sacked, this.lost, this.again])
      for (const seq of set) if (seq < ack) set.delete(seq);
    this.una = ack;
  }

  findLost(): void {
    for (let seq = this.una; seq < this.nxt; seq++) {
      const above = [...this.sacked].filter((s) => s > seq).length;
      if (above >= 3 && !this.sacked.has(seq)) this.lost.add(seq);
    }
  }
}

test('counts as sets would, with losses, retransmissions, time-outs and lost acknowledgements', () => {
  const step = fc.record({
    kind: fc.constantFrom('send', 'send', 'arrive', 'arrive', 'arrive', 'again', 'timeout'),
    pick: fc.nat(1000),
    isAckLost: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const board = new Scoreboard();
      const slow = new SetBoard();
      const packets = new PacketTable();
      const network: number[] = [];
      const received = new Set<number>();
      for (const { kind, pick, isAckLost } of steps) {
        if (kind === 'send') {
          network.push(board.send(0));
          slow.nxt++;
        } else if (kind === 'again' && board.toRetransmit > 0) {
          const seq = board.retransmit(0);
          expect(seq).toBe(Math.min(...[...slow.lost].filter((s) => !slow.again.has(s))));
          slow.again.add(seq);
          network.push(seq);
        } else if (kind === 'timeout' && slow.nxt > slow.una) {
          board.allLost();
          slow.again.clear();
          for (let seq = slow.una; seq < slow.nxt; seq++) if (!slow.sacked.has(seq)) slow.lost.add(seq);
        } else if (kind === 'arrive' && network.length > 0) {
          const [seq] = network.splice(pick % network.length, 1);
          received.add(seq);
          if (isAckLost) continue;
          const { ack, blocks } = acknowledgement(received, seq);
          const p = packets.take(0, KIND_ACK, ack, 52);
          packets.sacks[p] = blocks.length;
          packets.sack.set(blocks.flat(), p * SACK_WORDS);
          board.absorb(packets, p);
          slow.absorb(blocks);
          packets.give(p);
          if (ack > board.una) {
            board.acknowledge(ack);
            slow.acknowledge(ack);
          }
          board.findLost();
          slow.findLost();
        }
        expect([board.una, board.nxt, board.sacked, board.lost, board.retransmitted]).toEqual([
          slow.una,
          slow.nxt,
          slow.sacked.size,
          slow.lost.size,
          slow.again.size,
        ]);
      }
    }),
    { numRuns: 150 },
  );
});

/**
 * What a receiver says that has these segments and got `seq` last: the block around it first, then the
 * highest others.
 */
function acknowledgement(received: ReadonlySet<number>, seq: number) {
  let ack = 0;
  while (received.has(ack)) ack++;
  const beyond = [...received].filter((s) => s > ack).sort((a, b) => a - b);
  const blocks: [number, number][] = [];
  for (const s of beyond) {
    const last = blocks.at(-1);
    if (last && last[1] === s) last[1] = s + 1;
    else blocks.push([s, s + 1]);
  }
  const around = blocks.filter(([from, to]) => from <= seq && seq < to);
  const others = blocks.filter((block) => !around.includes(block)).reverse();
  return { ack, blocks: [...around, ...others].slice(0, 3) };
}
