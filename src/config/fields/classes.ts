/** Fields of directions and classes, and of the buckets in them. Part of the table in sections.ts. */
import { IPV6_BITS } from '../../base/prefix.ts';
import { access } from './access.ts';
import { CLASS as DEFAULTS, PRIORITY_LAST } from './defaults.ts';
import { NO_BUCKET_KEYS, NO_CLASS_KEYS, NO_DIRECTION_KEYS, NO_EACH_KEYS } from './elsewhere.ts';
import { boolean, choice, list, mapOf, misplaced, node, ref, type Section } from './kinds.ts';
import { MATCH_NONE } from './match.ts';
import { byteSize, integer, number, rate, rateOrShare, rateOrUnlimited } from './quantities.ts';
import { when } from './when.ts';

const BURST_DEFAULT = 'the larger of 3028B and 1ms at the rate';
const POLICE_BURST_DEFAULT = 'the larger of 15kB and 20ms at the rate';
const BURST_HELP = 'How much may leave back to back after a pause.';

const shaping = {
  police: node(
    {
      takes: 'map',
      default: 'none',
      help: 'A limit that never delays: packets over its rate are dropped or marked at once.',
    },
    ref('police'),
  ),
  meter: node(
    {
      takes: 'map',
      default: 'none',
      help: 'Measures packets and drops none. It makes each packet green, yellow or red, for `wred` and `remark`.',
    },
    ref('meter'),
  ),
  remark: node(
    {
      takes: 'DSCP name or number 0 to 63, or map',
      mayDiffer: true,
      default: 'that of the class above, else the DSCP stays as it came',
      help: 'The DSCP with which packets leave the class. A map gives one for each colour of the meter. A live change can only use code points that some class has at the start.',
    },
    { oneOf: [{ type: ['string', 'integer'] }, { ...ref('remark'), minProperties: 1 }] },
  ),
};

const tcp = node(
  {
    takes: 'map',
    default: '{}',
    help: 'How the TCP connections of the class are treated.',
  },
  ref('tcp'),
);

const schedule = node(
  {
    takes: 'list of { when, set }',
    default: 'none',
    help: 'Values that hold at times of the day or the week. Where several hold, later ones win.',
  },
  { oneOf: [ref('schedule'), { type: 'array', items: ref('schedule'), minItems: 1 }] },
);

const each = node(
  {
    takes: 'map',
    default: 'none',
    help: 'A token bucket of its own for every flow, host, source or destination, made when its first packet comes.',
  },
  ref('each'),
);

const mode = choice({
  choices: ['wfq', 'pq', 'shape'],
  default: DEFAULTS.mode,
  help: 'How the classes inside share the rate. wfq: by priority and weight, as they say. pq: the order of the file is the order of their priorities, from that of the class on (0 in a direction), and `default` comes last. shape: a class with a rate and no ceil has no more than its rate, and nothing is lent. What a class says itself goes before.',
});

export const DIRECTION = {
  rate: rateOrUnlimited({
    default: 'required',
    help: 'The rate of the direction as a whole. unlimited: packets are counted and never delayed, except by classes with a ceil of their own.',
  }),
  ceil: rateOrUnlimited({
    default: 'the rate',
    help: 'Can only repeat the rate, as a direction has nothing to borrow from.',
  }),
  burst: byteSize({ default: BURST_DEFAULT, help: BURST_HELP }),
  ...shaping,
  each,
  tcp,
  schedule,
  access,
  mode,
  classes: node(
    {
      takes: 'map of name to class',
      default: 'one class, `default`',
      help: 'The classes, in the order in which they are tried. `default` takes the packets that no other class takes.',
    },
    mapOf('class'),
  ),
  queue: misplaced('a direction has no queue of its own; write classes: { default: { queue: … } }'),
  match: misplaced('a direction takes all packets of its device; put match into its classes'),
  priority: misplaced('a direction has no priority; priorities belong to classes'),
  weight: misplaced('a direction has no weight; weights belong to classes'),
  ...NO_DIRECTION_KEYS,
} satisfies Section;

export const CLASS = {
  match: node(
    {
      takes: 'matcher, list of matchers, or none',
      default: 'every packet that reaches the class',
      help: 'Which packets belong to the class: those that one matcher of the list matches in all its fields. The first class that matches wins. none: no packet matches; the class is empty unless something is attached to it.',
    },
    { oneOf: [ref('match'), { type: 'array', items: ref('match'), minItems: 1 }, { enum: [MATCH_NONE] }] },
  ),
  rate: rateOrShare({
    default: 'nothing; of a class with classes inside, the sum of their rates',
    help: "The guaranteed rate. The rates of sibling classes sum to at most the parent's rate. A share is of the parent's ceil.",
  }),
  ceil: rateOrShare({
    default: "the parent's; in a class with `mode: shape` its rate",
    help: "The most the class may have, borrowing included. A share (80%) is of the parent's ceil.",
  }),
  priority: integer({
    min: 0,
    max: PRIORITY_LAST,
    default: `that of the class around it, ${DEFAULTS.priority} in a direction; with \`mode: pq\` around it by its place`,
    help: 'The order in which classes borrow: 0 before 1 before … 7. A guaranteed rate goes before all borrowing. Packets go by the priority of the innermost class.',
  }),
  weight: number({
    min: 0.1,
    max: 1000,
    default: String(DEFAULTS.weight),
    help: 'Share of the rate that is left to borrow, among classes of equal priority.',
  }),
  adjust: boolean({
    default: String(DEFAULTS.adjust),
    help: "Lends what its siblings leave: the ceil moves to the class's own ceil less what they reserve. A sibling that uses more than half of its ceil reserves all of it, otherwise what it uses. At most one class among siblings.",
  }),
  burst: byteSize({
    default: 'the larger of 3028B and 1ms, for the rate at the rate, for the ceil at the ceil',
    help: BURST_HELP,
  }),
  ...shaping,
  queue: node(
    {
      takes: 'map',
      default: '{}',
      help: 'How packets of the class wait. A class that has classes inside it has no queue.',
    },
    ref('queue'),
  ),
  each,
  tcp,
  schedule,
  access,
  mode,
  classes: node(
    {
      takes: 'map of name to class',
      default: 'none',
      help: 'Classes inside this one, in the order in which they are tried. `default` takes the packets that none of them takes.',
    },
    mapOf('class'),
  ),
  ...NO_CLASS_KEYS,
} satisfies Section;

export const POLICE = {
  rate: rate({ default: 'required', help: 'The rate up to which packets pass.' }),
  burst: byteSize({ default: POLICE_BURST_DEFAULT, help: 'How much passes at once after a pause.' }),
  exceed: choice({
    choices: ['drop', 'mark'],
    default: DEFAULTS.policeExceed,
    help: 'What happens to packets over the rate. mark: ECN-capable packets get CE, others are dropped.',
  }),
  ...NO_BUCKET_KEYS,
} satisfies Section;

export const EACH = {
  by: choice({
    choices: ['flow', 'host', 'src', 'dst'],
    default: 'required',
    help: 'Which packets share a bucket. `host` is the inside address: the source in up, the destination in down.',
  }),
  rate: rate({ default: 'required', help: 'The rate of each bucket.' }),
  burst: byteSize({
    default: `${BURST_DEFAULT}; with exceed: drop ${POLICE_BURST_DEFAULT}`,
    help: 'The burst of each bucket. A time means its rate.',
  }),
  exceed: choice({
    choices: ['delay', 'drop'],
    default: DEFAULTS.eachExceed,
    help: 'delay: packets over the rate wait in the queues of their own bucket, as queue of the class says; in a class with classes fair with codel. drop: they are dropped at once.',
  }),
  prefix6: integer({
    min: 1,
    max: IPV6_BITS,
    default: String(DEFAULTS.eachPrefix6),
    help: 'Not with by: flow. IPv6 addresses with this many first bits in common share a bucket: 64 for the usual prefix of one network.',
  }),
  ...NO_BUCKET_KEYS,
  ...NO_EACH_KEYS,
} satisfies Section;

export const SCHEDULE = {
  when: list(
    {
      takes: 'days and times, or list',
      default: 'required',
      help: 'Days (`mon-fri`, `sat,sun`, `daily`), times (`18:00-23:00`, several by comma), or both: `mon-fri 18:00-23:00`. By local time, daylight saving included. `fri 22:00-06:00` ends on Saturday morning.',
    },
    when,
  ),
  set: node(
    {
      takes: 'map of keys of the class',
      default: 'required',
      help: 'The values that the class has meanwhile: as in `shaper set`, maps are merged, and null removes a key.',
    },
    { type: 'object', minProperties: 1 },
  ),
} satisfies Section;
