import { expect, it } from 'vitest';
import { whyText } from '../../../../src/cli/views/why.ts';
import type { FlowAnswer } from '../../../../src/control/why/report.ts';

const ANSWER: FlowAnswer = {
  flow: 'tcp 10.1.0.2:40000 > 10.2.0.2:443',
  live: true,
  classes: ['wan/up/guests'],
  rule: { file: '/etc/shaper.yaml', line: 8 },
  owner: '',
  nextClass: null,
  limitedBy: { kind: 'ceil', where: 'wan/up/guests', detail: '-1.00 kB of 3.00 kB tokens' },
  waitMilliseconds: { p50: 1.5, p99: 20 },
  dropped: { tail: 0, early: 0, police: 2, aqm: 3, module: 0 },
  bitsPerSecond: 2e6,
  buckets: [
    { kind: 'ceil', where: 'wan/up/guests', bitsPerSecond: 2e6, burstBytes: 3000, tokensBytes: -1000 },
  ],
  sentence: 'This upload is slow.',
};

it('prints the sentence first, then the facts', () => {
  expect(whyText({ subject: '10.1.0.2', flows: [ANSWER], total: 4 })).toBe(`tcp 10.1.0.2:40000 > 10.2.0.2:443
  This upload is slow.
  class       wan/up/guests (/etc/shaper.yaml:8)
  next class  none
  limit       -1.00 kB of 3.00 kB tokens
  sends       2.00 Mbit/s
  wait        half of the packets 1.5 ms, 99 % 20 ms
  dropped     police 2, aqm 3
  ceil        wan/up/guests: 2.00 Mbit/s, -1.00 kB of 3.00 kB tokens

3 more flows of it are not shown.
`);
});

it('prints no counts of a packet that has not come', () => {
  const limitedBy = { kind: 'none', where: 'wan/up/default', detail: 'ceil 10.0 Mbit/s (wan/up)' } as const;
  const answer: FlowAnswer = { ...ANSWER, flow: 'from 10.1.0.2', live: false, rule: null, limitedBy };
  expect(whyText({ subject: '10.1.0.2', flows: [answer], total: 0 })).toBe(`from 10.1.0.2
  This upload is slow.
  class       wan/up/guests
  next class  none
  limit       ceil 10.0 Mbit/s (wan/up)
`);
});
