/** Fields of meters, which give packets colours. Part of the table in fields.ts. */

import { boolean, byteSize, choice, rate, type Section, word } from './kinds.ts';
import { readDscp } from './names.ts';

const BURST = 'the larger of 15kB and 20ms at';

export const METER = {
  type: choice({
    choices: ['srtcm', 'trtcm', 'rfc4115'],
    default: 'required',
    help: 'Three-colour markers: single-rate (RFC 2697), two-rate (RFC 2698), two-rate with separate excess (RFC 4115).',
  }),
  cir: rate({ default: 'required', help: 'Committed rate: packets within it are green.' }),
  cbs: byteSize({ default: `${BURST} cir`, help: 'What is green at once after a pause.' }),
  pir: rate({ default: 'required by trtcm', help: 'Of trtcm: peak rate; packets above it are red.' }),
  pbs: byteSize({
    default: `${BURST} pir, at least cbs`,
    help: 'Of trtcm: what is not red at once after a pause.',
  }),
  eir: rate({
    default: 'required by rfc4115',
    help: 'Of rfc4115: what may be yellow beside the green packets.',
  }),
  ebs: byteSize({
    default: `twice cbs; rfc4115: ${BURST} eir`,
    help: 'Of srtcm and rfc4115: what is yellow at once; srtcm fills it with what cir leaves.',
  }),
  aware: boolean({
    default: 'false',
    help: 'Make no packet better than it came: by the meter of a class above, else by its DSCP (af12 is yellow, af13 red).',
  }),
} satisfies Section;

const colour = (name: string) =>
  word(
    {
      takes: 'name or number 0 to 63',
      default: 'as it came',
      help: `DSCP of ${name} packets: af11, cs1, 46 …`,
    },
    readDscp,
    { type: ['string', 'integer'] },
  );

export const REMARK = {
  green: colour('green'),
  yellow: colour('yellow'),
  red: colour('red'),
} satisfies Section;

/** `remark` written as one word. */
export const REMARK_ALL = colour('all');
