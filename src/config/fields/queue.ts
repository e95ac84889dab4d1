/** Fields of queues and of active queue management. Part of the table in sections.ts. */
import { SIZE_FORMS } from '../../base/units.ts';
import { PIE as PIE_DEFAULTS, QUEUE as QUEUE_DEFAULTS } from './defaults.ts';
import { NO_QUEUE_KEYS } from './elsewhere.ts';
import { boolean, choice, list, node, ref, type Section } from './kinds.ts';
import { COLOURS, colour, dscp } from './names.ts';
import { bytes, fraction, number, size, time } from './quantities.ts';
import { RED as RED_DEFAULTS } from './red-defaults.ts';

const AQMS = ['none', 'codel', 'pie', 'red', 'wred'] as const;

const ecn = (byDefault: string) =>
  boolean({
    default: byDefault,
    help: 'Mark ECN-capable packets (CE) instead of dropping them.',
  });

export const QUEUE = {
  discipline: choice({
    choices: ['fair', 'fifo', 'short-first'],
    default: QUEUE_DEFAULTS.discipline,
    help: 'Which packet leaves next. fair: hosts and flows take turns. fifo: order of arrival. short-first: flows that have sent little go before others.',
  }),
  isolation: choice({
    choices: ['flow', 'host', 'src', 'dst', 'dual-src', 'dual-dst', 'triple'],
    default: 'dual-src in up, dual-dst in down',
    help: 'Only for fair: who shares equally, as in CAKE (`host` is its `hosts`). By default hosts inside do: for a link whose device is in `hosts.lan` it is dual-dst in up, dual-src in down. dual-src: first the sources, then the flows of each source. An IPv6 prefix that floods with addresses is one host.',
  }),
  short: size({
    default: '30kB',
    help: 'Only for short-first: a flow is short until it has sent more than this. A packet counts as 1500B.',
  }),
  limit: size({
    default:
      "100ms at the class's ceil, at least 30kB, 1MB where TCP is paced, and twice the max of red or wred",
    help: `How much may wait, in all buckets of each together: ${SIZE_FORMS}.`,
  }),
  aqm: node(
    {
      takes: `${AQMS.join(', ')}, or { NAME: … }`,
      mayDiffer: true,
      default: 'codel with fair, else none',
      help: 'Active queue management: signals by a mark or a drop before the queue is full. A name alone takes every default. In a bucket of each, times and defaults mean the rate of the bucket.',
    },
    { oneOf: [{ enum: [...AQMS] }, { ...ref('aqm'), minProperties: 1, maxProperties: 1 }] },
  ),
  ackFilter: boolean({
    default: String(QUEUE_DEFAULTS.ackFilter),
    help: 'Only for fair: drop waiting TCP acknowledgements that a newer one of the same flow makes useless (CAKE). The drops count as aqm.',
  }),
  ...NO_QUEUE_KEYS,
} satisfies Section;

/** `aqm` as one word. */
export const AQM_NAME = choice({
  choices: AQMS,
  default: 'codel with fair, else none',
  help: 'The algorithm, with every default.',
});

const params = (name: string, help: string) =>
  node({ takes: 'map', default: 'every default', help }, ref(name));

export const AQM = {
  codel: params(
    'codel',
    'Keeps the time that packets wait near target (RFC 8289). With fair it does so for each flow by itself.',
  ),
  pie: params('pie', 'Keeps the time that packets wait near target by a drop probability (RFC 8033).'),
  red: params('red', 'Random early detection by the average queue length (Floyd, Jacobson 1993).'),
  wred: params('wred', 'RED with one average and thresholds by DSCP, or by the colour that a meter gave.'),
} satisfies Section;

const US = 1e3;
const SECOND = 1e9;

export const CODEL = {
  target: time({
    min: 10 * US,
    max: 10 * SECOND,
    default: "5ms, at least 1.5 full-sized packets (1514B) at the class's ceil",
    help: 'The standing delay that is accepted.',
  }),
  interval: time({
    min: 100 * US,
    max: 100 * SECOND,
    default: '100ms plus the part of target above 5ms, at least twice target',
    help: 'How long the delay may stay above target before CoDel signals: about the longest usual round trip.',
  }),
  ecn: ecn('true with fair, else false'),
} satisfies Section;

export const PIE = {
  target: time({
    min: 10 * US,
    max: 10 * SECOND,
    default: '15ms',
    help: 'The delay that PIE aims at.',
  }),
  update: time({
    min: 1000 * US,
    max: 10 * SECOND,
    default: '15ms',
    help: 'How often the drop probability is adjusted.',
  }),
  burst: time({
    min: 0,
    max: 10 * SECOND,
    default: '150ms',
    help: 'How long nothing is dropped after a quiet time.',
  }),
  alpha: number({
    min: 0.001,
    max: 16,
    default: String(PIE_DEFAULTS.alpha),
    help: 'Change of the probability per update, for each second of delay away from target.',
  }),
  beta: number({
    min: 0.001,
    max: 16,
    default: String(PIE_DEFAULTS.beta),
    help: 'Change of the probability per update, for each second by which the delay grew.',
  }),
  ecn: ecn(String(PIE_DEFAULTS.ecn)),
} satisfies Section;

const PACKET = { min: 64, max: 65535, default: '1000B' };
const DERIVED_MAX = 'a quarter of the limit (at least 15 mean packets, at most half the limit)';

export const RED = {
  min: size({
    default: 'a third of max',
    help: 'Average queue length below which nothing is dropped. A packet counts as meanPacket bytes, a time as bytes at the ceil.',
  }),
  max: size({
    default: `three times min, else ${DERIVED_MAX}; adaptive: 7.5ms at the ceil, with the same bounds`,
    help: 'Average queue length at which the drop probability reaches `probability`.',
  }),
  probability: fraction({
    default: String(RED_DEFAULTS.probability),
    help: 'Drop probability when the average reaches max.',
  }),
  weight: fraction({
    default: `${RED_DEFAULTS.weight}; adaptive: an average over a second of mean packets at the ceil`,
    help: 'Weight of one arrival in the average.',
  }),
  gentle: boolean({
    default: String(RED_DEFAULTS.gentle),
    help: 'Between max and twice max the probability rises to 1. With false every packet above max is dropped.',
  }),
  adaptive: boolean({
    default: String(RED_DEFAULTS.adaptive),
    help: 'Adaptive RED: `probability` is the start value, and the probability follows the average every half second.',
  }),
  ecn: ecn(String(RED_DEFAULTS.ecn)),
  byteMode: boolean({
    default: String(RED_DEFAULTS.byteMode),
    help: 'Scale the probability for a packet by its size divided by meanPacket.',
  }),
  meanPacket: bytes({
    ...PACKET,
    help: 'Typical packet: the unit of byteMode, of packets in min and max, and of idle time.',
  }),
} satisfies Section;

export const WRED = {
  profiles: node(
    {
      takes: 'list of profiles',
      default: 'by precedence',
      help: 'In the order in which they are tried. Code points without a profile get profiles by precedence, with min from 9/18 of max (precedence 0) to 16/18 (precedence 7).',
    },
    { oneOf: [ref('profile'), { type: 'array', items: ref('profile'), minItems: 1 }] },
  ),
  max: size({ default: DERIVED_MAX, help: 'The max of profiles that have none of their own.' }),
  probability: fraction({
    default: String(RED_DEFAULTS.probability),
    help: 'The probability of profiles that have none of their own.',
  }),
  weight: fraction({
    default: '0.001953125',
    help: 'Weight of one arrival in the average, which all profiles share.',
  }),
  gentle: RED.gentle,
  ecn: ecn(String(RED_DEFAULTS.ecn)),
  meanPacket: bytes({
    ...PACKET,
    help: 'Typical packet: the unit of packets in min and max, and of idle time.',
  }),
} satisfies Section;

export const PROFILE = {
  dscp: list(
    {
      takes: 'name, number 0 to 63, or list',
      default: 'all others',
      help: 'Code points that follow this profile. A profile without dscp and color takes all other packets and is the last.',
    },
    dscp,
  ),
  color: list(
    {
      takes: `${COLOURS.join(', ')}, or list`,
      default: 'all',
      help: 'Colours that follow this profile, as given by the meter of the class or of a class above.',
    },
    colour,
  ),
  min: size({ default: 'required', help: RED.min.help }),
  max: size({ default: 'max of wred', help: RED.max.help }),
  probability: fraction({ default: 'probability of wred', help: RED.probability.help }),
} satisfies Section;
