/** Fields of queues and of what they do before they are full. Part of the table in fields.ts. */
import { SIZE_FORMS } from '../../base/units.ts';
import {
  boolean,
  bytes,
  choice,
  fraction,
  list,
  node,
  number,
  ref,
  type Section,
  size,
  time,
} from './kinds.ts';
import { COLOURS, readColour, readDscp } from './names.ts';

const AQMS = ['none', 'codel', 'pie', 'red', 'wred'] as const;

const ecn = (byDefault: string) =>
  boolean({
    default: byDefault,
    help: 'Mark packets that are ECN-capable (CE) instead of dropping them.',
  });

export const QUEUE = {
  discipline: choice({
    choices: ['fair', 'fifo', 'short-first'],
    default: 'fair',
    help: 'Who leaves next: hosts and flows by turns; in order of arrival; flows that have sent little before others.',
  }),
  isolation: choice({
    choices: ['flow', 'host', 'src', 'dst', 'dual-src', 'dual-dst', 'triple'],
    default: 'dual-src in up, dual-dst in down',
    help: "Of fair: who shares equally, with CAKE's meanings (host is its hosts). dual-src: sources, then each one's flows.",
  }),
  short: size({
    default: '30kB',
    help: 'Of short-first: a flow is short until it has sent this much. Packets count as 1500B.',
  }),
  limit: size({
    default: "100ms at the class's ceil, at least 30kB and twice the max of red or wred",
    help: `What may wait: ${SIZE_FORMS}.`,
  }),
  aqm: node(
    {
      takes: `${AQMS.join(', ')}, or { NAME: … }`,
      default: 'codel with fair, else none',
      help: 'Signals early, before the queue is full. A name alone takes every default.',
    },
    { oneOf: [{ enum: [...AQMS] }, { ...ref('aqm'), minProperties: 1, maxProperties: 1 }] },
  ),
  ackFilter: boolean({
    default: 'false',
    help: 'Of fair: drop waiting TCP acknowledgements that a newer one of the same flow makes useless (CAKE). Counts as aqm.',
  }),
} satisfies Section;

/** `aqm` written as one word. */
export const AQM_NAME = choice({
  choices: AQMS,
  default: 'codel with fair, else none',
  help: 'With every default.',
});

const parameters = (name: string, help: string) =>
  node({ takes: 'map', default: 'every default', help }, ref(name));

export const AQM = {
  codel: parameters(
    'codel',
    'Keeps the time that packets wait near target (RFC 8289), with fair for each flow on its own.',
  ),
  pie: parameters('pie', 'Keeps the time that packets wait near target by a drop probability (RFC 8033).'),
  red: parameters('red', 'Random early detection by the average length (Floyd, Jacobson 1993).'),
  wred: parameters('wred', 'RED with one average and thresholds by DSCP, or by colour of a meter.'),
} satisfies Section;

const US = 1e3;
const SECOND = 1e9;

export const CODEL = {
  target: time({
    min: 10 * US,
    max: 10 * SECOND,
    default: "5ms, at least 1.5 full-sized packets (1514B) at the class's ceil",
    help: 'How long packets may wait for good.',
  }),
  interval: time({
    min: 100 * US,
    max: 100 * SECOND,
    default: '100ms and what target has above 5ms, at least twice target',
    help: 'How long they may wait longer: about the longest usual round trip.',
  }),
  ecn: ecn('true with fair, else false'),
} satisfies Section;

export const PIE = {
  target: time({
    min: 10 * US,
    max: 10 * SECOND,
    default: '15ms',
    help: 'How long packets should wait.',
  }),
  update: time({
    min: 1000 * US,
    max: 10 * SECOND,
    default: '15ms',
    help: 'How often the probability is adjusted.',
  }),
  burst: time({
    min: 0,
    max: 10 * SECOND,
    default: '150ms',
    help: 'After a quiet time nothing is dropped for this long.',
  }),
  alpha: number({
    min: 0.001,
    max: 16,
    default: '0.125',
    help: 'Probability per second of waiting away from target, per update.',
  }),
  beta: number({
    min: 0.001,
    max: 16,
    default: '1.25',
    help: 'Probability per second by which the waiting grew, per update.',
  }),
  ecn: ecn('false'),
} satisfies Section;

const PACKET = { min: 64, max: 65535, default: '1000B' };
const DERIVED_MAX = 'a quarter of the limit (at least 15 mean packets, at most half the limit)';

export const RED = {
  min: size({
    default: 'a third of max',
    help: 'Average queue below which nothing is dropped. Packets count as meanPacket bytes, times at the ceil.',
  }),
  max: size({
    default: `three times min, else ${DERIVED_MAX}; adaptive: 7.5ms at the ceil, with the same bounds`,
    help: 'Average queue at which the drop probability reaches its configured value.',
  }),
  probability: fraction({ default: '0.1', help: 'Drop probability as the average reaches max.' }),
  weight: fraction({
    default: '0.002; adaptive: an average over a second of mean packets at the ceil',
    help: 'Weight of one arrival in the average.',
  }),
  gentle: boolean({
    default: 'true',
    help: 'Between max and twice max the probability rises to 1; without it everything above max is dropped.',
  }),
  adaptive: boolean({
    default: 'false',
    help: 'Adaptive RED: probability is only where it starts, and follows the average every half second.',
  }),
  ecn: ecn('false'),
  byteMode: boolean({
    default: 'false',
    help: 'Scale the probability of a packet by its size / meanPacket.',
  }),
  meanPacket: bytes({
    ...PACKET,
    help: 'Typical packet: the measure of byteMode, of packets in min and max, and of time while idle.',
  }),
} satisfies Section;

export const WRED = {
  profiles: node(
    {
      takes: 'list of profiles',
      default: 'by precedence',
      help: 'In the order in which they are tried. Code points of none get those by precedence: min from 20/40 to 35/40 of max.',
    },
    { oneOf: [ref('profile'), { type: 'array', items: ref('profile'), minItems: 1 }] },
  ),
  max: size({ default: DERIVED_MAX, help: 'Of profiles that have none of their own.' }),
  probability: fraction({ default: '0.1', help: 'Of profiles that have none of their own.' }),
  weight: fraction({
    default: '0.001953125',
    help: 'Weight of one arrival in the average, which all profiles share.',
  }),
  gentle: RED.gentle,
  ecn: ecn('false'),
  meanPacket: bytes({ ...PACKET, help: RED.meanPacket.help.replace('byteMode, of ', '') }),
} satisfies Section;

export const PROFILE = {
  dscp: list(
    {
      takes: 'name, number 0 to 63, or list',
      default: 'all others',
      help: 'Code points that follow this profile. One without dscp and color takes all others and is the last.',
    },
    readDscp,
  ),
  color: list(
    {
      takes: `${COLOURS.join(', ')}, or list`,
      default: 'all',
      help: 'Colours that follow this profile, given by the meter of the class or of one above it.',
    },
    readColour,
  ),
  min: size({ default: 'required', help: RED.min.help }),
  max: size({ default: 'max of wred', help: RED.max.help }),
  probability: fraction({ default: 'probability of wred', help: RED.probability.help }),
} satisfies Section;
