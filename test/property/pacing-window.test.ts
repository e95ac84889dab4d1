/**
 * The window rules over random connections: loss, reordering, repeated acknowledgements, receivers that
 * close, shrink and open their windows, every scale, and numbers that wrap. A twin keeps whole numbers and
 * all that was promised.
 */
import { expect, it } from 'vitest';
import { nextField, openWindow, WINDOW_WORDS } from '../../src/algo/pacing/window.ts';
import { Prng } from '../../src/base/prng.ts';

const STEPS = 1_000_000;
const STEPS_OF_CONNECTION = 500;

/** What the sender of one connection sees, in numbers that do not wrap. */
class Sender {
  furthest: number;
  lastAck: number;
  lastIn = -1;
  lastOut = -1;
  private readonly mss: number;

  constructor(edge: number, mss: number) {
    this.mss = mss;
    this.furthest = edge;
    this.lastAck = edge;
  }

  /** Why the acknowledgement must not go on like this; null if it may. */
  wrongAbout(ack: number, fieldIn: number, fieldOut: number, scale: number, isPlain: boolean): string | null {
    const unit = 2 ** scale;
    const edge = ack + fieldOut * unit;
    const isOld = this.lastIn >= 0 && ack < this.lastAck;
    const isRepeated = isPlain && ack === this.lastAck && this.lastIn >= 0;
    if (fieldOut > fieldIn) return 'larger than the receiver';
    if (fieldOut < 0 || (fieldOut === 0 && fieldIn > 0)) return 'closed';
    if (isOld) {
      const isMore = edge > this.furthest;
      this.furthest = Math.max(this.furthest, edge);
      return isMore && fieldOut > 1 ? 'an old one promises more' : null;
    }
    if (isRepeated && fieldIn === this.lastIn && fieldOut !== this.lastOut) return 'no duplicate any more';
    const mayGrow = unit <= this.mss && fieldOut < fieldIn;
    if (isRepeated && fieldIn > this.lastIn && fieldOut === this.lastOut && mayGrow)
      return 'an update becomes a duplicate';
    if (edge < this.furthest && fieldOut !== fieldIn) return 'the edge moves left';
    this.furthest = Math.max(this.furthest, edge);
    this.lastAck = ack;
    this.lastIn = fieldIn;
    this.lastOut = fieldOut;
    return null;
  }
}

it('a million acknowledgements of random connections', () => {
  const prng = new Prng(7);
  const below = (n: number): number => Math.floor(prng.nextUnit() * n);
  const words = new Int32Array(WINDOW_WORDS);
  let narrowed = 0;
  for (let done = 0; done < STEPS; done += STEPS_OF_CONNECTION) {
    const scale = below(15);
    const mss = 536 + below(8500);
    let base = 0xffff_0000 + below(0x1_0000);
    const window = (): number => Math.min(65_535, below(2) === 0 ? below(70_000) : below(64) << below(10));
    const start = base + below(65_536);
    openWindow(words, 0, scale, mss, start | 0);
    const sender = new Sender(start, mss);
    sender.lastAck = start;
    let target = below(200_000);
    let field = window();
    for (let step = 0; step < STEPS_OF_CONNECTION; step++) {
      const kind = below(20);
      if (kind < 10) base += below(3 * mss);
      if (kind === 10) field = window();
      if (kind === 11) field = 0;
      if (kind === 12) target = below(2) === 0 ? below(3000) : below(500_000);
      const ack = kind === 13 ? base - below(4 * mss) : base;
      const isPlain = below(4) !== 0;
      const out = nextField(words, 0, ack | 0, field, target, isPlain);
      if (out < field) narrowed++;
      const wrong = sender.wrongAbout(ack, field, out, scale, isPlain);
      if (wrong !== null) {
        const all = { done, step, scale, mss, ack, field, out, target, isPlain, furthest: sender.furthest };
        expect.unreachable(`${wrong}: ${JSON.stringify(all)}`);
      }
    }
  }
  // It would all hold if nothing were ever edited.
  expect(narrowed).toBeGreaterThan(STEPS / 10);
});
