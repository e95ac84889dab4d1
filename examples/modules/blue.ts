/**
 * BLUE (Feng, Kandlur, Saha, Shin: "Blue: a new class of active queue management algorithms", 1999) as a module.
 * It has one probability with which packets are marked or dropped. Losses of the queue behind it raise the
 * probability, an idle line lowers it, at most once in the time `freeze`. docs/modules.md goes through this file.
 */
import { ACCEPT, DROP, defineModule } from 'nfqueue-shaper/module';

interface Options {
  device: string;
  class: string;
  limit: number;
  freeze: number;
  increase: number;
  decrease: number;
  fixed: number;
}

const NOT_ECT = 0;
const CE = 3;

export default defineModule<Options>({
  label: 'blue',
  about: 'BLUE, an AQM: marks or drops packets before a class by its losses and idle times',
  options: {
    device: { type: 'string', help: 'device by which the packets leave' },
    class: { type: 'string', help: 'class whose queue it looks at, such as wan/up' },
    limit: { type: 'size', default: '60kB', help: 'a backlog above this counts as a loss' },
    freeze: { type: 'duration', default: '100ms', min: 1e6, help: 'time between two changes' },
    increase: { type: 'number', default: 0.0025, min: 0, max: 1, help: 'after a loss' },
    decrease: { type: 'number', default: 0.00025, min: 0, max: 1, help: 'when the line is idle' },
    fixed: { type: 'number', default: 0.01, min: 0, max: 0.99, help: 'kernel-run: the probability' },
  },
  hooks: ['forward', 'output'],
  interest: ({ device }) => ({ oif: device }),

  create(itm, options) {
    let probability = 0;
    let lostBefore: number | null = null;

    itm.every(options.freeze / 1e6, () => {
      const queue = itm.classes.get(options.class);
      if (queue === null) return;
      const hasLost = lostBefore !== null && queue.droppedPackets > lostBefore;
      lostBefore = queue.droppedPackets;
      if (hasLost || queue.backlogBytes > options.limit)
        probability = Math.min(1, probability + options.increase);
      else if (queue.backlogBytes === 0) probability = Math.max(0, probability - options.decrease);
    });

    return {
      process(p) {
        if (itm.random() >= probability) return ACCEPT;
        if (p.ecn === NOT_ECT) return DROP;
        p.ecn = CE;
        return ACCEPT;
      },
    };
  },

  // Rules cannot look at a queue: in the kernel the probability stays as it is given.
  kernel({ device, fixed }) {
    const chance = `oifname "${device}" numgen random mod 10000 < ${Math.round(fixed * 10_000)}`;
    const mark = ['ip', 'ip6'].map((ip) => `${chance} ${ip} ecn != not-ect ${ip} ecn set ce`);
    const drop = ['ip', 'ip6'].map((ip) => `${chance} ${ip} ecn not-ect drop`);
    return { forward: [...mark, ...drop], output: [...mark, ...drop] };
  },
});
