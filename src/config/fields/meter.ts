/** Fields of meters, which give packets colours, and of remarks. Part of the table in sections.ts. */
import { CLASS as DEFAULTS } from './defaults.ts';
import { boolean, choice, type Section, word } from './kinds.ts';
import { dscp } from './names.ts';
import { byteSize, rate } from './quantities.ts';

const BURST = 'the larger of 15kB and 20ms at';

export const METER = {
  type: choice({
    choices: ['srtcm', 'trtcm', 'rfc4115'],
    default: 'required',
    help: 'Three-colour markers: single-rate (RFC 2697), two-rate (RFC 2698), two-rate with separate excess (RFC 4115).',
  }),
  cir: rate({ default: 'required', help: 'Committed rate: packets within it are green.' }),
  cbs: byteSize({ default: `${BURST} cir`, help: 'How much is green at once after a pause.' }),
  pir: rate({
    default: 'required by trtcm',
    help: 'Only for trtcm: peak rate. Packets above it are red.',
  }),
  pbs: byteSize({
    default: `${BURST} pir, at least cbs`,
    help: 'Only for trtcm: how much is green or yellow at once after a pause.',
  }),
  eir: rate({
    default: 'required by rfc4115',
    help: 'Only for rfc4115: the rate of yellow packets beside the green ones.',
  }),
  ebs: byteSize({
    default: `twice cbs; rfc4115: ${BURST} eir`,
    help: 'Only for srtcm and rfc4115: how much is yellow at once. srtcm fills it with the tokens that cir leaves.',
  }),
  aware: boolean({
    default: String(DEFAULTS.meterAware),
    help: 'Give no packet a better colour than it came with: from the meter of a class above, else from its DSCP (af12 is yellow, af13 red).',
  }),
} satisfies Section;

const codePoint = (name: string) =>
  word(
    {
      takes: 'name or number 0 to 63',
      default: 'as it came',
      help: `DSCP of ${name} packets: af11, cs1, 46 …`,
    },
    dscp,
    { type: ['string', 'integer'] },
  );

export const REMARK = {
  green: codePoint('green'),
  yellow: codePoint('yellow'),
  red: codePoint('red'),
} satisfies Section;

/** `remark` as one word. */
export const REMARK_ALL = codePoint('all');
