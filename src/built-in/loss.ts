/**
 * loss: packets get lost, each by itself or in bursts. docs/modules/loss.md.
 *
 * Reference: Gilbert, "Capacity of a burst-noise channel" (1960); Elliott, "Estimates of error rates for
 * codes on burst-noise channels" (1963). A channel is good or bad, and each packet may change that.
 */
import {
  ACCEPT,
  DROP,
  defineModule,
  type Itm,
  type ModuleInstance,
  type Verdict,
} from '../modules/api/index.ts';
import { interestOf, SELECTION, type Selection } from './selection.ts';

interface Options extends Selection {
  readonly share: number;
  readonly burst: number;
  readonly bad: number;
  readonly good: number;
}

export default defineModule<Options>({
  label: 'loss',
  about: 'loses packets, each by itself or in bursts',
  options: {
    share: { type: 'number', default: 0.01, min: 0, max: 1, help: 'share of all packets that are lost' },
    burst: {
      type: 'number',
      default: 1,
      min: 1,
      max: 10_000,
      help: 'mean length of a bad stretch, in packets (Gilbert-Elliott); 1: each packet is lost by itself',
    },
    bad: { type: 'number', default: 1, min: 0, max: 1, help: 'share that is lost in a bad stretch' },
    good: { type: 'number', default: 0, min: 0, max: 1, help: 'share that is lost between bad stretches' },
    ...SELECTION,
  },
  hooks: ['input', 'postrouting'],
  interest: interestOf,
  create: (itm, options) => new Channel(itm, options),
});

class Channel implements ModuleInstance {
  private readonly itm: Itm;
  private readonly options: Options;
  /** Chance per packet that a good stretch ends, and a bad one. */
  private readonly toBad: number;
  private readonly toGood: number;
  private isBad = false;

  constructor(itm: Itm, options: Options) {
    const { share, burst, bad, good } = options;
    this.itm = itm;
    this.options = options;
    if (burst > 1 && !(good <= share && share < bad))
      throw new RangeError(
        `loss: with bursts, share (${share}) must not be below good (${good}), and must be below bad (${bad})`,
      );
    // Of all packets, share = good + badShare * (bad - good), and badShare = toBad / (toBad + toGood).
    const badShare = (share - good) / (bad - good);
    this.toGood = 1 / burst;
    this.toBad = (this.toGood * badShare) / (1 - badShare);
    if (burst > 1 && this.toBad > 1)
      throw new RangeError(
        `loss: a share of ${share} needs bursts of ${Math.ceil(badShare / (1 - badShare) - 1e-9)} packets`,
      );
  }

  process(): Verdict {
    const { share, burst, bad, good } = this.options;
    if (burst === 1) return this.itm.random() < share ? DROP : ACCEPT;
    if (this.itm.random() < (this.isBad ? this.toGood : this.toBad)) this.isBad = !this.isBad;
    return this.itm.random() < (this.isBad ? bad : good) ? DROP : ACCEPT;
  }
}
