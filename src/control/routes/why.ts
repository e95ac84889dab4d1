/** The route that says what limits a flow. */
import { type Route, route } from '../http/route.ts';
import {
  boolean,
  choice,
  integer,
  list,
  nullable,
  number,
  object,
  type Schema,
  text,
} from '../http/schema.ts';
import { LIMIT_KINDS } from '../why/limit.ts';
import type { WhyReport } from '../why/report.ts';
import type { WhyCommand } from '../why/why.ts';

const flow = object('A flow', {
  flow: text('tcp 10.1.0.2:40000 > 10.2.0.2:5201; without a live flow: from 10.1.0.2'),
  live: boolean('false: what would happen to a packet'),
  classes: list('Its leaves, in the order in which its packets pass them', text('wan/up/guests')),
  rule: nullable(
    object('The class in the file, or the nearest one around it that stands there', {
      file: text('Absolute path'),
      line: integer('From 1'),
    }),
  ),
  owner: text('Whose local flow it is, and which attachment decides; empty if nothing asks for that'),
  nextClass: nullable(text('The class that would take it if this one did not exist; null: none')),
  limitedBy: object('What bounds it now', {
    kind: choice('The kind of bound', LIMIT_KINDS),
    where: text('The class of the bucket or queue; of none, sender and receiver its own class'),
    detail: text('Numbers'),
  }),
  waitMilliseconds: object('How long its packets waited of late; 0 if none has', {
    p50: number('Half'),
    p99: number('99 %'),
  }),
  dropped: object('Its packets that were dropped, by reason', {
    tail: integer('The queue was full'),
    early: integer('By RED, before it was full'),
    police: integer('Beyond the rate of police'),
    aqm: integer('By the AQM of the queue'),
    module: integer('By a module, before they came to the class; at most 65,535 are counted'),
  }),
  bitsPerSecond: integer('Sent in the last half second'),
  buckets: list(
    'The token buckets on its way, from the leaf up',
    object('A bucket', {
      kind: choice('What it is of', ['ceil', 'rate', 'police', 'each']),
      where: text('Its class'),
      bitsPerSecond: number('Its rate'),
      burstBytes: number('The most that it holds'),
      tokensBytes: integer('What it has now; below 0 for a debt'),
    }),
  ),
  sentence: text('The answer in words'),
});

const WHY: Schema<WhyReport> = object('What limits the flows of a subject', {
  subject: text('As it was understood'),
  flows: list('Flows, the fastest first', flow),
  total: integer('Live flows of the subject, those that are not told too'),
});

export interface WhyCommands {
  readonly why: WhyCommand;
}

export function whyRoutes({ why }: WhyCommands): Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/why',
      summary: 'What limits a flow now, watched for half a second; or what would happen to a packet',
      query: { subject: text('An address, or PROTO SRC:PORT DST:PORT') },
      answer: WHY,
      handle: ({ query }) => why(query.subject),
    }),
  ];
}
