/** Fields of the TCP rate control of a class. Part of the table in sections.ts. */
import { boolean, node, ref, type Section } from './kinds.ts';
import { rate, time } from './quantities.ts';

const MS = 1e6;
const SECOND = 1e9;

export const TCP = {
  pace: node(
    {
      takes: 'true, false, or map',
      mayDiffer: true,
      default: 'false',
      help: 'Share the rate of the class among its active TCP connections by the windows that their receivers advertise, so that no queue builds up and nothing is lost. The ceil stays behind it. true takes every default.',
    },
    { oneOf: [{ type: 'boolean' }, ref('pace')] },
  ),
} satisfies Section;

/** `pace` as one word. */
export const PACE_WORD = boolean({ default: 'false', help: 'Pace with every default, or do not pace.' });

export const PACE = {
  active: rate({
    default: '2kB/s',
    help: 'The rate is divided among the connections that move more than this. A slower one is not counted, but held to the same share.',
  }),
  age: time({
    min: 100 * MS,
    max: 60 * SECOND,
    default: '1s',
    help: 'Over how long it is looked at what a connection moves.',
  }),
  delay: time({
    min: MS,
    max: 10 * SECOND,
    default: '100ms',
    help: 'The longest standing queue that pacing may leave at the class.',
  }),
} satisfies Section;
