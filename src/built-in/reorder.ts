/** reorder: some packets are overtaken by later ones. docs/modules/reorder.md. */
import {
  ACCEPT,
  defineModule,
  type Handle,
  type Itm,
  type ModuleInstance,
  type Packet,
  STOLEN,
  type Verdict,
} from '../modules/api/index.ts';
import { interestOf, SELECTION, type Selection } from './selection.ts';

interface Options extends Selection {
  readonly share: number;
  readonly distance: number;
  readonly wait: number;
}

/** Packets that are kept back at the same time; beyond that packets pass in order. */
const KEPT_MAX = 1000;

export default defineModule<Options>({
  label: 'reorder',
  about: 'lets later packets overtake some packets',
  options: {
    share: { type: 'number', default: 0.05, min: 0, max: 1, help: 'share of packets that are kept back' },
    distance: {
      type: 'integer',
      default: 3,
      min: 1,
      max: 1000,
      help: 'later packets that overtake each of them',
    },
    wait: {
      type: 'duration',
      default: '50ms',
      min: 1e6,
      max: 20e9,
      help: 'when too few packets come, they go on after this time',
    },
    ...SELECTION,
  },
  hooks: ['input', 'postrouting'],
  interest: interestOf,
  create: (itm, options) => new Shuffler(itm, options),
});

/** Packets that are kept back are a ring: all wait for as many packets, and as long. */
class Shuffler implements ModuleInstance {
  private readonly itm: Itm;
  private readonly options: Options;
  private readonly handles: Handle[] = new Array(KEPT_MAX);
  /** How many packets had passed, and when, as it was kept back. */
  private readonly passedBefore = new Float64Array(KEPT_MAX);
  private readonly keptNs = new Float64Array(KEPT_MAX);
  private first = 0;
  private count = 0;
  private passed = 0;
  private cancelTimer = (): void => {};

  constructor(itm: Itm, options: Options) {
    this.itm = itm;
    this.options = options;
  }

  process(p: Packet): Verdict {
    if (this.count < KEPT_MAX && this.itm.random() < this.options.share) {
      this.keep(p.hold(), this.itm.now());
      return STOLEN;
    }
    this.passed++;
    return ACCEPT;
  }

  /** The packet has passed: what is released now leaves behind it. */
  updateController(): void {
    if (this.count > 0) this.release();
  }

  private keep(handle: Handle, nowNs: number): void {
    const at = (this.first + this.count++) % KEPT_MAX;
    this.handles[at] = handle;
    this.passedBefore[at] = this.passed;
    this.keptNs[at] = nowNs;
    if (this.count === 1) this.arm();
  }

  private arm(): void {
    const leftNs = this.keptNs[this.first] + this.options.wait - this.itm.now();
    this.cancelTimer();
    this.cancelTimer = this.itm.every(Math.max(1000, leftNs) / 1e6, this.release);
  }

  private readonly release = (): void => {
    const { distance, wait } = this.options;
    const before = this.count;
    for (; this.count > 0; this.count--) {
      const isOvertaken = this.passed - this.passedBefore[this.first] >= distance;
      if (!isOvertaken && this.itm.now() - this.keptNs[this.first] < wait) break;
      this.itm.accept(this.handles[this.first]);
      this.first = (this.first + 1) % KEPT_MAX;
    }
    if (this.count === 0) this.cancelTimer();
    else if (this.count < before) this.arm();
  };
}
