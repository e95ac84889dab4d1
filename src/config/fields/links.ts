/** Fields of links, directions and classes, and of what they hold besides queues. Part of the table in fields.ts. */
import {
  FRAMING_NONE,
  LINK_LAYERS,
  type LinkLayer,
  MPU_BYTES_MAX,
  OVERHEAD_BYTES_MAX,
  OVERHEAD_BYTES_MIN,
} from '../../algo/buckets/link-layer.ts';
import { nearest } from '../../base/nearest.ts';
import { readPrefix } from './addresses.ts';
import {
  byteSize,
  choice,
  FieldError,
  integer,
  list,
  mapOf,
  misplaced,
  node,
  number,
  rate,
  rateOrShare,
  ref,
  type Section,
  wholeNumber,
  word,
} from './kinds.ts';
import { readDevice, readDscp, readMark, readPortRange, readProtocol } from './names.ts';

/** tc-cake(8). */
const OVERHEAD_BYTES = { min: OVERHEAD_BYTES_MIN, max: OVERHEAD_BYTES_MAX };
const OVERHEAD_RANGE = `${OVERHEAD_BYTES.min} to ${OVERHEAD_BYTES.max}`;
const OVERHEAD_BYTES_SCHEMA = {
  type: 'integer',
  minimum: OVERHEAD_BYTES.min,
  maximum: OVERHEAD_BYTES.max,
};
const PRESETS = Object.keys(LINK_LAYERS).join(', ');

/** `overhead` written as one number or name. */
export const OVERHEAD_WORD = word(
  { takes: `${OVERHEAD_RANGE} or a preset`, default: '0', help: 'Bytes, or the name of a kind of line.' },
  (text): LinkLayer => {
    const bytes = wholeNumber(text);
    if (bytes !== null && bytes >= OVERHEAD_BYTES.min && bytes <= OVERHEAD_BYTES.max) {
      return { overheadBytes: bytes, mpuBytes: 0, framing: FRAMING_NONE };
    }
    if (Object.hasOwn(LINK_LAYERS, text)) return LINK_LAYERS[text]!;
    const near = nearest(text, Object.keys(LINK_LAYERS));
    const hint = near?.isNear ? `; did you mean '${near.word}'?` : '';
    throw new FieldError(
      `'${text}' is neither a whole number from ${OVERHEAD_RANGE} nor a preset (${PRESETS})${hint}`,
    );
  },
);

/** `overhead` written as a map. */
export const OVERHEAD = {
  bytes: integer({
    ...OVERHEAD_BYTES,
    default: '0',
    help: 'Added to each packet first; of a superpacket to each of its segments.',
  }),
  mpu: integer({
    min: 0,
    max: MPU_BYTES_MAX,
    default: '0',
    help: 'Smallest unit of the line: shorter packets count as this many bytes.',
  }),
  framing: choice({
    choices: ['none', 'atm', 'ptm'],
    default: 'none',
    help: 'atm: cells of 53 bytes that carry 48. ptm: a byte more for every 64.',
  }),
} satisfies Section;

const BURST_DEFAULT = 'the larger of 3028B and 1ms at the rate';
const POLICE_BURST_DEFAULT = 'the larger of 15kB and 20ms at the rate';

const shaping = {
  police: node(
    {
      takes: 'map',
      default: 'none',
      help: 'A limit that answers at once: what exceeds it is dropped or marked, nothing waits for it.',
    },
    ref('police'),
  ),
  meter: node(
    {
      takes: 'map',
      default: 'none',
      help: 'Measures packets, drops none: each becomes green, yellow or red, which wred can go by.',
    },
    ref('meter'),
  ),
  remark: node(
    {
      takes: 'DSCP name or number 0 to 63, or map',
      default: 'that of the class above, else packets keep what they came with',
      help: 'The DSCP with which packets leave the class; as a map by the colour that a meter gave them.',
    },
    { oneOf: [{ type: ['string', 'integer'] }, { ...ref('remark'), minProperties: 1 }] },
  ),
  each: node(
    {
      takes: 'map',
      default: 'none',
      help: 'A token bucket of its own for every flow, host, source or destination, made on sight.',
    },
    ref('each'),
  ),
};

export const LINK = {
  device: word(
    {
      takes: 'device name',
      default: 'required',
      help: 'Network device whose packets are shaped. The loopback device is refused.',
    },
    (name) => {
      const device = readDevice(name);
      if (device === 'lo') throw new FieldError('lo cannot be shaped: loopback packets are never queued');
      return device;
    },
  ),
  overhead: node(
    {
      takes: `${OVERHEAD_RANGE}, a preset or a map`,
      default: '0',
      help: `What the line below adds to a packet, charged and never shown. Presets of CAKE: ${PRESETS}.`,
    },
    { oneOf: [OVERHEAD_BYTES_SCHEMA, { enum: Object.keys(LINK_LAYERS) }, ref('overhead')] },
  ),
  up: node(
    { takes: 'rate or map', default: 'not shaped', help: 'Packets leaving by the device.' },
    { oneOf: [{ type: 'string' }, ref('direction')] },
  ),
  down: node(
    { takes: 'rate or map', default: 'not shaped', help: 'Packets arriving by the device.' },
    { oneOf: [{ type: 'string' }, ref('direction')] },
  ),
} satisfies Section;

export const DIRECTION = {
  rate: rate({ default: 'required', help: 'What the direction as a whole may carry.' }),
  ceil: rate({
    default: 'the rate',
    help: 'As a direction has nobody to borrow from, it can only repeat the rate.',
  }),
  burst: byteSize({ default: BURST_DEFAULT, help: 'What may leave back to back after a pause.' }),
  ...shaping,
  classes: node(
    {
      takes: 'map of name to class',
      default: 'one class, default',
      help: 'In the order in which they are tried. `default` takes what no other class does.',
    },
    mapOf('class'),
  ),
  queue: misplaced('a direction has no queue of its own; write classes: { default: { queue: … } }'),
  match: misplaced('a direction takes all packets of its device; put match into its classes'),
  priority: misplaced('a direction has no priority; priorities belong to classes'),
  weight: misplaced('a direction has no weight; weights belong to classes'),
} satisfies Section;

export const CLASS = {
  match: node(
    {
      takes: 'matcher or list of them',
      default: 'everything that reaches it',
      help: 'Which packets belong to the class: any matcher of a list, all fields of a matcher. First class wins.',
    },
    { oneOf: [ref('match'), { type: 'array', items: ref('match'), minItems: 1 }] },
  ),
  rate: rateOrShare({
    default: 'nothing',
    help: "What the class is sure of. With its siblings' at most the parent's rate. A share is of the parent's ceil.",
  }),
  ceil: rateOrShare({
    default: "the parent's",
    help: "The most it may have, borrowing included. A share (80%) is of the parent's ceil.",
  }),
  priority: integer({
    min: 0,
    max: 7,
    default: '3',
    help: 'Who borrows first: 0 before 1 before … 7. What is within a rate goes before all borrowing.',
  }),
  weight: number({
    min: 0.1,
    max: 1000,
    default: '1',
    help: 'Share of what is left, among classes of equal priority.',
  }),
  burst: byteSize({
    default: 'the larger of 3028B and 1ms, for the rate at the rate, for the ceil at the ceil',
    help: 'What may leave back to back after a pause.',
  }),
  ...shaping,
  queue: node(
    {
      takes: 'map',
      default: '{}',
      help: 'How packets of the class wait. A class with classes of its own has none.',
    },
    ref('queue'),
  ),
  classes: node(
    {
      takes: 'map of name to class',
      default: 'none',
      help: 'Classes that share this one, in the order in which they are tried. `default` takes what none of them does.',
    },
    mapOf('class'),
  ),
} satisfies Section;

export const POLICE = {
  rate: rate({ default: 'required', help: 'What passes.' }),
  burst: byteSize({ default: POLICE_BURST_DEFAULT, help: 'What passes at once after a pause.' }),
  exceed: choice({
    choices: ['drop', 'mark'],
    default: 'drop',
    help: 'What happens to the rest. mark: CE for packets that are ECN-capable, a drop for others.',
  }),
} satisfies Section;

export const EACH = {
  by: choice({
    choices: ['flow', 'host', 'src', 'dst'],
    default: 'required',
    help: 'What shares a bucket. `host` is the inside address: the source in up, the destination in down.',
  }),
  rate: rate({ default: 'required', help: 'Of each bucket.' }),
  burst: byteSize({
    default: `${BURST_DEFAULT}; with exceed: drop ${POLICE_BURST_DEFAULT}`,
    help: 'Of each bucket.',
  }),
  exceed: choice({
    choices: ['delay', 'drop'],
    default: 'delay',
    help: 'Packets over the rate wait in a queue of their own bucket, or are dropped at once.',
  }),
} satisfies Section;

const PORTS = 'port, range 5060-5090, or list';
const PREFIXES = 'address, prefix, or list';

export const MATCH = {
  proto: list(
    { takes: 'name, number, or list', default: 'any', help: '`icmp` includes ICMPv6.' },
    readProtocol,
  ),
  src: list({ takes: PREFIXES, default: 'any', help: 'Source address, IPv4 or IPv6.' }, readPrefix),
  dst: list({ takes: PREFIXES, default: 'any', help: 'Destination address.' }, readPrefix),
  host: list({ takes: PREFIXES, default: 'any', help: 'Either address.' }, readPrefix),
  sport: list(
    { takes: PORTS, default: 'any', help: 'Source port. Without proto: TCP, UDP, UDP-Lite and SCTP.' },
    readPortRange,
  ),
  dport: list({ takes: PORTS, default: 'any', help: 'Destination port.' }, readPortRange),
  port: list({ takes: PORTS, default: 'any', help: 'Either port.' }, readPortRange),
  dscp: list(
    { takes: 'name, number 0 to 63, or list', default: 'any', help: 'Code point: ef, af41, cs5 …' },
    readDscp,
  ),
  mark: list(
    {
      takes: '0x10, 0x10/0xff, or list',
      default: 'any',
      help: 'Packet mark, outside the bits of nfqueue.mark.',
    },
    readMark,
  ),
  iif: list({ takes: 'device, or list', default: 'any', help: 'Device the packet came in by.' }, readDevice),
  oif: list({ takes: 'device, or list', default: 'any', help: 'Device the packet leaves by.' }, readDevice),
} satisfies Section;
