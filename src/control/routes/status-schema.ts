/** The shape of the report of `status`. The compiler holds it against the report. */
import {
  anyObject,
  choice,
  integer,
  list,
  nullable,
  number,
  object,
  type Schema,
  text,
} from '../http/schema.ts';
import type { StatusReport } from '../status.ts';

const count = (description: string) =>
  object(description, { packets: integer('Packets'), bytes: integer('Bytes') });
const percentiles = (description: string) =>
  object(description, { p50: number('Half'), p99: number('99 %') });
const rates = (description: string) =>
  object(description, {
    over1s: number('Over the last second'),
    over10s: number('Over the last 10 s'),
    over60s: number('Over the last 60 s'),
  });

const recentClass = object('The last 10 s', {
  bitsPerSecond: rates('What left'),
  packetsPerSecond: number('Packets that left'),
  droppedPerSecond: number('Packets that were dropped'),
  markedPerSecond: number('Packets that got a CE mark'),
  delayMicroseconds: nullable(percentiles('How long packets waited; null if none left')),
});

const recentTotals = object('The last 10 s', {
  seconds: number('How long they were: up to a second more, or less just after the start'),
  bitsPerSecond: rates('What was accepted'),
  packetsPerSecond: number('Packets received'),
  droppedPerSecond: number('Packets dropped'),
  latenessMicroseconds: nullable(percentiles('After the due instant; null if no packet waited')),
});

const each = object('The buckets of `each`', {
  by: choice('What has a bucket', ['flow', 'host', 'src', 'dst']),
  rateBitsPerSecond: number('Of each bucket'),
  fullest: list(
    'The buckets for which most waits, the fullest first',
    object('A bucket', { bucket: text('Its address or flow'), backlog: count('What waits for it') }),
  ),
});

const paced = object('TCP connections that `tcp.pace` paces', {
  connections: integer('That are known now, active or not'),
  shareBitsPerSecond: number('Of each active one; 0 while none is active'),
  rewritten: integer('ACKs whose window was made smaller'),
  heldAcks: integer('ACKs that had to wait'),
});

const classReport = object('A class', {
  path: text('Link, direction and names of classes: wan/up/guests'),
  rateBitsPerSecond: nullable(number('Guaranteed; null: not limited')),
  ceilBitsPerSecond: nullable(number('Ceiling; null: not limited')),
  effectiveCeilBitsPerSecond: nullable(number('Ceiling of now: less where `adjust` has moved it')),
  sent: count('What left'),
  backlog: count('What waits'),
  dropped: object('Packets dropped, by reason', {
    tail: integer('The queue was full'),
    early: integer('By RED, before it was full'),
    police: integer('Beyond the rate of police'),
    aqm: integer('By the AQM of the queue'),
    module: integer('By a module, before they came to the class'),
  }),
  marked: integer('Packets that got a CE mark'),
  flows: integer('Flows that are remembered'),
  delayMicroseconds: percentiles('How long packets waited'),
  scheduled: nullable(anyObject('What a schedule sets now, as in the file')),
  recent: recentClass,
  each: nullable(each),
  paced: nullable(paced),
});

export const STATUS: Schema<StatusReport> = object('The report', {
  version: text('Of the program'),
  pid: integer('Process id of the instance, as it sees itself'),
  uptimeSeconds: number('Since the start'),
  backend: choice('How rules are installed', ['nft', 'iptables']),
  generation: integer('Of the configuration: it grows with every change'),
  totals: object('Since the start', {
    received: count('From the kernel'),
    accepted: count('Passed on'),
    dropped: count('Dropped'),
    held: count('Waiting now'),
    kernel: object('Packets that the kernel dropped', {
      queueFull: integer('As many waited as nfqueue.length allows'),
      socketFull: integer('The buffer of the socket was full'),
      lost: integer('While they waited'),
    }),
  }),
  recent: recentTotals,
  latenessMicroseconds: percentiles('After the due instant, of packets that had waited'),
  bounds: object('How often a bound was reached', {
    unmatched: integer('Packets of devices that nobody configured'),
    flowsEvicted: integer('Flows forgotten early'),
    eachEvicted: integer('Buckets forgotten early'),
    eachFull: integer('Packets dropped: the table of buckets was full'),
    fairFull: integer('Packets dropped: the table of queues was full'),
    heldFull: integer('Packets passed undelayed: as many waited as may wait'),
  }),
  owners: object('Whose local flows are, where attachments or matchers ask for that', {
    asked: integer('Questions to the kernel'),
    unknown: integer('Flows that were classified without a known owner'),
  }),
  socket: object('What went wrong between the kernel and us', {
    truncated: integer('Messages longer than their slot'),
    malformed: integer('Messages that break the format'),
    sendErrors: integer('Verdicts that could not be sent'),
    refusedVerdicts: integer('Verdicts that the kernel refused'),
  }),
  warnings: list('What is wrong now', text('A sentence')),
  classes: list('Every class', classReport),
});
