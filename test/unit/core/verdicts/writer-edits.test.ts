/** Verdicts with new bytes: by themselves, in order, out of an edit area that is bounded. */
import { expect, test } from 'vitest';
import { listClasses } from '../../../../src/core/classes/classes.ts';
import { FlowTable } from '../../../../src/core/flows/flow-table.ts';
import { Steering } from '../../../../src/core/flows/steering.ts';
import { Edits } from '../../../../src/core/packets/edits.ts';
import { HeldTable } from '../../../../src/core/packets/held.ts';
import { Ledger } from '../../../../src/core/packets/ledger.ts';
import { TOTAL } from '../../../../src/core/packets/stats.ts';
import { Trace } from '../../../../src/core/trace/trace.ts';
import { VerdictLog } from '../../../../src/core/verdicts/verdict-log.ts';
import { VerdictWriter } from '../../../../src/core/verdicts/writer.ts';
import { COPY_BYTES_MAX, EDIT_BYTES, VERDICT_ROWS } from '../../../../src/limits.ts';
import {
  acceptUnrouted,
  NF_ACCEPT,
  NF_INET_FORWARD,
  NF_INET_LOCAL_OUT,
  VERDICT_SET_MARK,
  VERDICT_UP_TO,
} from '../../../../src/packet/batch.ts';
import { planQueues } from '../../../../src/spec/queue-plan.ts';
import { repeat, shaper, up, WatchedPort } from '../../../sim/world.ts';

const UNREAD = 700;

/** A writer over a strict port that copies packets whole, and the packets that came. */
class Bench {
  readonly port = new WatchedPort([COPY_BYTES_MAX]);
  readonly writer: VerdictWriter;
  /** Held rows in order of arrival. */
  readonly packets: number[] = [];
  private readonly held = new HeldTable(4096);
  private readonly ledger = new Ledger(1, this.held);
  private readonly edits = new Edits(this.held);
  readonly stats = this.ledger.stats;

  constructor() {
    const spec = shaper({ wan: { up: { rate: 1, burst: 1 } } }, { markMask: 0xff });
    const plan = { ...planQueues(spec), unreadNfqueue: UNREAD };
    const flows = new FlowTable(16, 1, 2, this.ledger);
    this.writer = new VerdictWriter(
      0xff,
      this.held,
      flows,
      this.edits,
      this.ledger,
      new Steering(plan, listClasses(spec)),
      new VerdictLog(this.held),
      new Trace(this.held, flows),
      plan,
    );
  }

  /** Packets come; `mayEdit` says which of them can be edited. */
  receive(count: number, lengthBytes = 100, hook = NF_INET_FORWARD): boolean[] {
    this.port.inject(repeat(count, 0, (t) => up(t, lengthBytes)));
    const mayEdit: boolean[] = [];
    for (let rows = this.port.drain(); rows > 0; rows = this.port.drain()) {
      this.writer.connect(this.port, rows);
      for (let p = 0; p < rows; p++) {
        const h = this.held.take();
        this.held.packetId[h] = this.port.batch.arrivals.packetId[p];
        this.held.lengthBytes[h] = lengthBytes;
        this.held.mark[h] = 0;
        this.held.flags[h] = 0;
        this.held.setWay(h, 0, hook, 0);
        this.held.setDscp(h, 0);
        this.writer.received(h);
        mayEdit.push(this.edits.mayEdit(h, this.port.batch.arrivals, p));
        this.packets.push(h);
      }
    }
    return mayEdit;
  }

  /** Accepts a packet as IPv4 packet of `bytes` bytes that are all `value` behind the header. */
  edit(h: number, value: number, bytes = 100): void {
    const at = this.writer.editRoom(h, bytes);
    const slab = this.writer.slabOf(h);
    slab.fill(value, at, at + bytes);
    slab.set([0x45, 0, bytes >> 8, bytes & 0xff], at);
    this.writer.acceptEdited(h, at, bytes);
  }

  /** Rows written: "up to" and single verdicts by id. */
  get rows(): string[] {
    return this.port.rows.map(
      ({ verdict, packetId }) => `${verdict & VERDICT_UP_TO ? 'up to ' : ''}${packetId}`,
    );
  }

  /** Packets in the order in which the kernel let them go, new ones with their length and last byte. */
  get left(): string[] {
    return this.port.trace.map(({ packetId, payload }) =>
      payload ? `${packetId}: ${payload.length} x ${payload.at(-1)}` : String(packetId),
    );
  }
}

test('an edited packet has a row of its own, behind the packets before it and before those behind it', () => {
  const bench = new Bench();
  bench.receive(6);
  const [a, b, c, d, e, f] = bench.packets as [number, number, number, number, number, number];
  bench.writer.accept(a);
  bench.writer.accept(b);
  bench.edit(c, 7);
  bench.writer.accept(d);
  bench.edit(e, 9, 40);
  bench.edit(f, 8, 1500);
  bench.writer.flush();
  // All six were read together: those that wait keep the others from being joined.
  expect(bench.rows).toEqual(['1', '2', '3', '4', '5', '6']);
  expect(bench.left).toEqual(['1', '2', '3: 100 x 7', '4', '5: 40 x 9', '6: 1500 x 8']);
  expect(bench.port.rows.every(({ verdict }) => verdict === (NF_ACCEPT | VERDICT_SET_MARK))).toBe(true);
  expect(bench.stats.totals[TOTAL.acceptedPackets]).toBe(6);
});

test('a batch verdict takes no edited packet with it', () => {
  const bench = new Bench();
  const receiveAnd = (act: (h: number) => void): void => {
    bench.receive(1);
    act(bench.packets.pop()!);
  };
  const accept = (h: number): void => bench.writer.accept(h);
  for (const act of [accept, accept, (h: number) => bench.edit(h, 5), accept, accept]) receiveAnd(act);
  bench.writer.flush();
  expect(bench.rows).toEqual(['up to 2', '3', 'up to 5']);
  expect(bench.left).toEqual(['1', '2', '3: 100 x 5', '4', '5']);
});

test('only a packet that was copied whole may be edited', () => {
  const bench = new Bench();
  expect(bench.receive(1, 65_535)).toEqual([false]);
  expect(bench.receive(1, COPY_BYTES_MAX)).toEqual([true]);
  expect(() => bench.edit(bench.packets[0]!, 1)).toThrow('copied whole');
  bench.edit(bench.packets[1]!, 1);
});

test('new bytes must be a packet', () => {
  const bench = new Bench();
  bench.receive(1);
  for (const bytes of [0, COPY_BYTES_MAX + 1])
    expect(() => bench.writer.acceptEdited(bench.packets[0]!, 0, bytes)).toThrow('new bytes are a packet');
  expect(() => bench.writer.editRoom(bench.packets[0]!, EDIT_BYTES + 1)).toThrow('edit area');
});

test('a packet may be edited where it was copied to', () => {
  const bench = new Bench();
  bench.receive(1);
  const at = bench.port.batch.arrivals.slabOffset[0]!;
  bench.port.slab[at + 99] = 77;
  bench.writer.acceptEdited(bench.packets[0]!, at, 100);
  bench.writer.flush();
  expect(bench.left).toEqual(['1: 100 x 77']);
});

test('a full edit area is sent and used again; no packet gets the bytes of another', () => {
  const bench = new Bench();
  bench.receive(20);
  for (const [n, h] of bench.packets.entries()) bench.edit(h, n + 1, 60_000);
  bench.writer.flush();
  expect(bench.left).toEqual(bench.packets.map((_, n) => `${n + 1}: 60000 x ${n + 1}`));
  expect(bench.port.sends).toBe(20 / Math.floor(EDIT_BYTES / 60_000));
});

test('rows that are sent while a packet is edited do not make its room free', () => {
  const bench = new Bench();
  bench.receive(VERDICT_ROWS + 3);
  const [held, one, two, ...rest] = bench.packets as [number, number, number, ...number[]];
  for (const h of rest) bench.writer.accept(h);
  // The columns are full: the next row makes them go.
  expect(bench.port.sends).toBe(0);
  bench.edit(one, 1);
  expect(bench.port.sends).toBe(1);
  bench.edit(two, 2);
  bench.writer.accept(held);
  bench.writer.flush();
  expect(bench.left.slice(-3)).toEqual(['2: 100 x 1', '3: 100 x 2', '1']);
});

test('an edited packet of this host is not routed again, whatever its new TOS', () => {
  const bench = new Bench();
  bench.receive(2, 100, NF_INET_LOCAL_OUT);
  bench.edit(bench.packets[0]!, 7);
  bench.writer.accept(bench.packets[1]!);
  bench.writer.flush();
  expect(bench.port.rows.map(({ verdict }) => verdict)).toEqual([acceptUnrouted(UNREAD), NF_ACCEPT]);
  expect(bench.left).toEqual(['1: 100 x 7', '2']);
});
