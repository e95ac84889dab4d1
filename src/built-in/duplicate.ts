/** duplicate: some packets arrive several times. docs/modules/duplicate.md. */
import {
  ACCEPT,
  defineModule,
  type Itm,
  type ModuleInstance,
  type Packet,
  type Verdict,
} from '../modules/api/index.ts';
import { interestOf, SELECTION, type Selection } from './selection.ts';

interface Options extends Selection {
  readonly share: number;
  readonly copies: number;
}

export default defineModule<Options>({
  label: 'duplicate',
  about: 'sends packets several times',
  options: {
    share: { type: 'number', default: 0.01, min: 0, max: 1, help: 'share of packets that are sent again' },
    copies: { type: 'integer', default: 1, min: 1, max: 10, help: 'how often each of them is sent again' },
    ...SELECTION,
  },
  // Copies are sent as this machine would send them, so they must be leaving it.
  hooks: ['postrouting'],
  interest: interestOf,
  payload: true,
  create: (itm, options) => new Copier(itm, options),
});

class Copier implements ModuleInstance {
  private readonly itm: Itm;
  private readonly options: Options;

  constructor(itm: Itm, options: Options) {
    this.itm = itm;
    this.options = options;
  }

  process(p: Packet): Verdict {
    const { share, copies } = this.options;
    if (p.bytes === null || this.itm.random() >= share) return ACCEPT;
    for (let n = 0; n < copies; n++) this.itm.inject(p.bytes);
    return ACCEPT;
  }
}
