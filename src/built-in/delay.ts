/** delay: packets wait, as on a long line. docs/modules/delay.md. */
import {
  ACCEPT,
  DROP,
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
  readonly delay: number;
  readonly jitter: number;
  readonly share: number;
  readonly order: boolean;
  readonly limit: number;
}

export default defineModule<Options>({
  label: 'delay',
  about: 'delays packets, by a fixed time or one that varies',
  options: {
    delay: { type: 'duration', min: 0, max: 20e9, help: 'how long packets wait' },
    jitter: { type: 'duration', default: '0ms', min: 0, max: 9e9, help: 'they wait so much more or less' },
    share: { type: 'number', default: 1, min: 0, max: 1, help: 'share of packets that are delayed' },
    order: { type: 'boolean', default: true, help: 'packets leave in the order in which they came' },
    limit: {
      type: 'integer',
      default: 1000,
      min: 1,
      max: 10_000,
      help: 'packets that wait; more are dropped',
    },
    ...SELECTION,
  },
  hooks: ['input', 'postrouting'],
  interest: interestOf,
  create: (itm, options) => new Line(itm, options),
});

/** Packets that wait are a ring, in the order in which they are due. */
class Line implements ModuleInstance {
  private readonly itm: Itm;
  private readonly options: Options;
  private readonly handles: Handle[];
  private readonly dueNs: Float64Array;
  private first = 0;
  private count = 0;
  private cancelTimer = (): void => {};

  constructor(itm: Itm, options: Options) {
    this.itm = itm;
    this.options = options;
    this.handles = new Array(options.limit);
    this.dueNs = new Float64Array(options.limit);
  }

  process(p: Packet): Verdict {
    const { delay, jitter, share, order, limit } = this.options;
    const nowNs = this.itm.now();
    const isDelayed = share === 1 || this.itm.random() < share;
    const spreadNs = jitter === 0 ? 0 : jitter * (2 * this.itm.random() - 1);
    let dueNs = isDelayed ? nowNs + Math.max(0, delay + spreadNs) : nowNs;
    if (order && this.count > 0) dueNs = Math.max(dueNs, this.dueNs[this.at(this.count - 1)]);
    if (dueNs === nowNs) return ACCEPT;
    if (this.count === limit) return DROP;
    this.insert(p.hold(), dueNs);
    return STOLEN;
  }

  private at(place: number): number {
    return (this.first + place) % this.handles.length;
  }

  private insert(handle: Handle, dueNs: number): void {
    let place = this.count++;
    for (; place > 0 && this.dueNs[this.at(place - 1)] > dueNs; place--) {
      this.handles[this.at(place)] = this.handles[this.at(place - 1)];
      this.dueNs[this.at(place)] = this.dueNs[this.at(place - 1)];
    }
    this.handles[this.at(place)] = handle;
    this.dueNs[this.at(place)] = dueNs;
    if (place === 0) this.arm();
  }

  /** The timer is for the packet that is due first. */
  private arm(): void {
    this.cancelTimer();
    const waitNs = Math.max(1000, this.dueNs[this.first] - this.itm.now());
    this.cancelTimer = this.itm.every(waitNs / 1e6, this.release);
  }

  private readonly release = (): void => {
    const nowNs = this.itm.now();
    while (this.count > 0 && this.dueNs[this.first] <= nowNs) {
      const handle = this.handles[this.first];
      this.first = this.at(1);
      this.count--;
      this.itm.accept(handle);
    }
    if (this.count > 0) this.arm();
    else this.cancelTimer();
  };
}
