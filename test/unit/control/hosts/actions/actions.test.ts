import { expect, it } from 'vitest';
import { type ActionKind, OutsideActions } from '../../../../../src/control/hosts/actions/actions.ts';
import type { LogLine } from '../../../../../src/control/messages.ts';
import type { OutsideActionSpec } from '../../../../../src/spec/hosts.ts';
import { FakeClock } from '../../change/fakes.ts';
import { VIOLATION } from './violation.ts';

const MAIL = { to: 'a@b', from: 'c@d', server: 'smtp://localhost' };
const ALL: OutsideActionSpec = { exec: ['/bin/true'], webhook: 'http://localhost/', mail: MAIL };
const EXEC: OutsideActionSpec = { exec: ['/bin/true'], webhook: null, mail: null };

function actions(perform: (kind: ActionKind, host: string, signal: AbortSignal) => Promise<void>) {
  const clock = new FakeClock();
  const lines: string[] = [];
  const log = ({ level, message, fields }: LogLine): void =>
    void lines.push([level, message, fields.host, fields.try, fields.reason ?? ''].join('|'));
  const outside = new OutsideActions({
    ...{ clock, log },
    perform: (kind, _, { host }, signal) => perform(kind, host, signal),
  });
  const tell = (host: string, spec = EXEC): void => outside.tell([spec], { ...VIOLATION, host });
  return { outside, clock, lines, tell };
}

it('tells each kind that is asked for once, and logs it', async () => {
  const done: string[] = [];
  const { clock, lines, tell, outside } = actions(async (kind, host) => void done.push(`${kind} ${host}`));
  tell('a', ALL);
  tell('b');
  await clock.advance(1);
  expect(done).toEqual(['exec a', 'webhook a', 'mail a', 'exec b']);
  expect(lines[0]).toBe('info|quota: exec done|a|1|');
  expect(outside.waiting).toBe(0);
});

it('says in the log which of several actions it was, without what may be secret', async () => {
  const clock = new FakeClock();
  const to: unknown[] = [];
  const log = ({ fields }: LogLine): void => void to.push(fields.to);
  const outside = new OutsideActions({ clock, log, perform: async () => undefined });
  const webhook = 'https://me:secret@example.org:8443/hook/a?key=secret#x';
  outside.tell([ALL, { ...EXEC, exec: null, webhook }], VIOLATION);
  await clock.advance(1);
  expect(to).toEqual(['/bin/true', 'http://localhost/', 'a@b', 'https://example.org:8443/hook/a']);
});

it('tries three times, after growing pauses', async () => {
  const at: number[] = [];
  const { clock, lines, tell, outside } = actions(async () => {
    at.push(clock.monotonicMs());
    throw new Error('no answer');
  });
  tell('a');
  await clock.advance(1e6);
  expect(at).toEqual([0, 10_000, 70_000]);
  expect(lines).toEqual([
    'warn|quota: exec failed, and is tried again|a|1|no answer',
    'warn|quota: exec failed, and is tried again|a|2|no answer',
    'error|quota: exec failed, and is given up|a|3|no answer',
  ]);
  expect(outside.waiting).toBe(0);
});

it('a second try that is good is the last', async () => {
  let tries = 0;
  const { clock, lines, tell } = actions(async () => {
    if (++tries === 1) throw new Error('no answer');
  });
  tell('a');
  await clock.advance(1e6);
  expect(tries).toBe(2);
  expect(lines.at(-1)).toBe('info|quota: exec done|a|2|');
});

it('four at once; the others wait, and what is beyond the bound is given up aloud', async () => {
  const ends: (() => void)[] = [];
  const { clock, lines, tell, outside } = actions(() => new Promise((resolve) => ends.push(resolve)));
  for (let n = 0; n < 10_001; n++) tell(String(n));
  expect(ends).toHaveLength(4);
  expect(outside.waiting).toBe(10_000);
  expect(lines).toEqual(['error|quota: exec failed, and is given up|10000|0|10000 others wait']);
  ends[0]!();
  await clock.advance(1);
  expect(ends).toHaveLength(5);
});

it('ends what runs and forgets what waits when the instance stops', async () => {
  let ended = 0;
  const { clock, tell, outside } = actions(
    (_, host, signal) =>
      new Promise((_resolve, reject) => {
        if (host === 'fails') return reject(new Error('at once'));
        signal.addEventListener('abort', () => {
          ended++;
          reject(new Error('stopped'));
        });
      }),
  );
  tell('fails');
  await clock.advance(1);
  for (const host of ['a', 'b', 'c', 'd', 'e']) tell(host);
  outside.close();
  await clock.advance(1e6);
  expect(ended).toBe(4);
  expect(outside.waiting).toBe(0);
  expect(clock.sleepers).toBe(0);
});
