/** Fields of links, directions and classes, and of what a class may hold. Part of the table in fields.ts. */
import { SIZE_FORMS } from '../base/units.ts';
import { readPrefix } from './addresses.ts';
import {
  boolean,
  byteSize,
  bytes,
  choice,
  FieldError,
  fraction,
  integer,
  list,
  mapOf,
  misplaced,
  node,
  planned,
  rate,
  rateOrShare,
  ref,
  type Section,
  size,
  word,
} from './field-kinds.ts';
import { readDevice, readDscp, readMark, readPortRange, readProtocol } from './names.ts';

const BURST_DEFAULT = 'the larger of 3028B and 1ms at the rate';
const POLICE_BURST_DEFAULT = 'the larger of 15kB and 20ms at the rate';

const shaping = {
  police: node(
    {
      takes: 'map',
      default: 'none',
      help: 'A limit that answers at once: what exceeds it is dropped, nothing waits for it.',
    },
    ref('police'),
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
      live: false,
      help: 'Network device whose packets are shaped. The loopback device is refused.',
    },
    (name) => {
      const device = readDevice(name);
      if (device === 'lo') throw new FieldError('lo cannot be shaped: loopback packets are never queued');
      return device;
    },
  ),
  overhead: integer({
    min: -64,
    max: 256,
    presets: true,
    default: '0',
    help: 'Bytes added to each packet when charging: what the line below adds to IP. Never shown in counters.',
  }),
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
    default: 'none',
    help: 'What the class is sure of. In this version it must equal the ceil.',
  }),
  ceil: rateOrShare({
    default: "the parent's",
    help: "The most it may have. A share (80%) is of the parent's ceil.",
  }),
  burst: byteSize({ default: BURST_DEFAULT, help: 'What may leave back to back after a pause.' }),
  ...shaping,
  queue: node({ takes: 'map', default: '{}', help: 'How packets of the class wait.' }, ref('queue')),
  priority: planned('ordering classes by priority', ['3']),
  weight: planned('sharing by weight', ['1']),
  classes: planned('a class inside a class', []),
} satisfies Section;

export const POLICE = {
  rate: rate({ default: 'required', help: 'What passes.' }),
  burst: byteSize({ default: POLICE_BURST_DEFAULT, help: 'What passes at once after a pause.' }),
  exceed: choice({
    choices: ['drop'],
    later: ['mark'],
    default: 'drop',
    help: 'What happens to the rest.',
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

export const QUEUE = {
  discipline: choice({
    choices: ['fifo'],
    later: ['fair', 'short-first'],
    default: 'fifo',
    help: 'In which order packets leave.',
  }),
  limit: size({
    default: "100ms at the class's ceil, at least 30kB and twice RED's max",
    help: `What may wait: ${SIZE_FORMS}.`,
  }),
  aqm: node(
    { takes: 'none, red or { red: … }', default: 'none', help: 'Drops early, before the queue is full.' },
    { oneOf: [{ enum: ['none', 'red'] }, ref('aqm')] },
  ),
  isolation: planned('isolating hosts and flows', []),
  ackFilter: planned('the ACK filter', ['false']),
} satisfies Section;

/** `aqm` written as one word. */
export const AQM_NAME = choice({
  choices: ['none', 'red'],
  later: ['codel', 'pie', 'wred'],
  default: 'none',
  help: '`red` is RED with every default.',
});

export const AQM = {
  red: node(
    { takes: 'map', default: 'none', help: 'Random early detection (Floyd, Jacobson 1993).' },
    ref('red'),
  ),
  wred: planned('WRED', []),
  codel: planned('CoDel', []),
  pie: planned('PIE', []),
} satisfies Section;

export const RED = {
  min: size({
    default: 'a third of max',
    help: 'Average queue below which nothing is dropped. Packets count as meanPacket bytes, times at the ceil.',
  }),
  max: size({
    default:
      'three times min, else a quarter of the limit (at least 15 mean packets, at most half the limit)',
    help: 'Average queue at which the drop probability reaches its configured value.',
  }),
  probability: fraction({ default: '0.1', help: 'Drop probability as the average reaches max.' }),
  weight: fraction({ default: '0.002', help: 'Weight of one arrival in the average.' }),
  gentle: boolean({
    default: 'true',
    help: 'Between max and twice max the probability rises to 1; without it everything above max is dropped.',
  }),
  ecn: choice({
    choices: ['false'],
    later: ['true'],
    default: 'false',
    help: 'Mark ECN-capable packets instead of dropping them.',
  }),
  byteMode: boolean({
    default: 'false',
    help: 'Scale the probability of a packet by its size / meanPacket.',
  }),
  meanPacket: bytes({
    min: 64,
    max: 65535,
    default: '1000B',
    help: 'Typical packet: the measure of byteMode, of packets in min and max, and of time while idle.',
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
