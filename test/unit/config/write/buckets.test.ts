/** Policers, meters, remarks and buckets of `each` as they are written. */
import { expect, it } from 'vitest';
import { type Said, writtenClass } from './written.ts';

it.each<Said>([
  { burst: '15kB', police: { rate: '64kbit', burst: '8kB', exceed: 'mark' }, remark: 'le' },
  { each: { by: 'host', rate: '2mbit' } },
  { each: { by: 'src', rate: '2mbit', prefix6: '64' } },
  { each: { by: 'flow', rate: '2mbit', burst: '3028B', exceed: 'drop' } },
  { meter: { type: 'srtcm', cir: '1mbit', ebs: '20kB' }, remark: { green: 'af11', red: '63' } },
  { meter: { type: 'trtcm', cir: '1mbit', cbs: '20kB', pir: '2mbit' } },
  { meter: { type: 'rfc4115', cir: '1mbit', eir: '2mbit', aware: 'true' } },
  { tcp: { pace: 'true' }, adjust: 'true' },
  { tcp: { pace: { age: '500ms', delay: '30ms' } } },
])('%j is written as it was said', (said) => {
  expect(writtenClass(said)).toEqual(said);
});

it.each<[string, Said, Said]>([
  [
    'the burst of a policer',
    { police: { rate: '64kbit', burst: '15kB', exceed: 'drop' } },
    { police: { rate: '64kbit' } },
  ],
  [
    'the burst of a bucket that delays',
    { each: { by: 'src', rate: '1mbit', burst: '3028B' } },
    { each: { by: 'src', rate: '1mbit' } },
  ],
  [
    'whole IPv6 addresses',
    { each: { by: 'src', rate: '1mbit', prefix6: 128 } },
    { each: { by: 'src', rate: '1mbit' } },
  ],
  [
    'the burst of a bucket that drops',
    { each: { by: 'src', rate: '1mbit', burst: '15kB', exceed: 'drop' } },
    { each: { by: 'src', rate: '1mbit', exceed: 'drop' } },
  ],
  [
    'the excess of a single-rate meter',
    { meter: { type: 'srtcm', cir: '1mbit', cbs: '20kB', ebs: '40kB' } },
    { meter: { type: 'srtcm', cir: '1mbit', cbs: '20kB' } },
  ],
  [
    'one DSCP for every colour',
    { meter: { type: 'srtcm', cir: '1mbit' }, remark: { green: 'ef', yellow: 46, red: 'ef' } },
    { meter: { type: 'srtcm', cir: '1mbit' }, remark: 'ef' },
  ],
])('%s', (_, said, written) => {
  expect(writtenClass(said)).toEqual(written);
});
