import { expect, test } from 'vitest';
import type { Kind, Outcome, Wanted } from '../../../../src/cli/top/answers.ts';
import { Poller } from '../../../../src/cli/top/poller.ts';
import { ClientError } from '../../../../src/client/client.ts';

/** An instance that answers when it is told to. */
function slowInstance() {
  const asked: {
    path: string;
    answer: (value: object) => Promise<void>;
    fail: (error: Error) => Promise<void>;
  }[] = [];
  const got: [Kind, Outcome][] = [];
  const faults: unknown[] = [];
  const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
  const poller = new Poller({
    ask: (path) =>
      new Promise((resolve, reject) => {
        const after = (act: () => void) => {
          act();
          return settled();
        };
        const answer = (value: object) => after(() => resolve(value));
        asked.push({ path, answer, fail: (error) => after(() => reject(error)) });
      }),
    onAnswer: (kind, outcome) => got.push([kind, outcome]),
    onFault: (error) => faults.push(error),
  });
  return { poller, asked, got, faults };
}

const STATUS: Wanted = new Map([['status', '/s']]);

test('a slow instance has one request of each kind, however many seconds pass', async () => {
  const { poller, asked, got } = slowInstance();
  poller.want(STATUS);
  for (let i = 0; i < 10; i++) poller.tick();
  poller.want(new Map([...STATUS, ['flows', '/f']]));
  for (let i = 0; i < 10; i++) poller.tick();
  expect(asked.map(({ path }) => path)).toEqual(['/s', '/f']);
  await asked[0]!.answer({ a: 1 });
  expect(got).toEqual([['status', { answer: { a: 1 } }]]);
  expect(asked).toHaveLength(2);
  poller.tick();
  expect(asked.map(({ path }) => path)).toEqual(['/s', '/f', '/s']);
});

test('another question is asked at once, or when the old request ends, whose answer is not shown', async () => {
  const { poller, asked, got } = slowInstance();
  poller.want(new Map([['flows', '/f?sort=rate']]));
  poller.want(new Map([['flows', '/f?sort=age']]));
  poller.want(new Map([['flows', '/f?sort=rtt']]));
  expect(asked).toHaveLength(1);
  await asked[0]!.answer({});
  expect(got).toEqual([]);
  expect(asked.map(({ path }) => path)).toEqual(['/f?sort=rate', '/f?sort=rtt']);
});

test('after a change everything is asked once more', async () => {
  const { poller, asked, got } = slowInstance();
  poller.want(STATUS);
  poller.askAll();
  poller.askAll();
  await asked[0]!.answer({ old: true });
  expect(got).toHaveLength(1);
  expect(asked).toHaveLength(2);
  await asked[1]!.answer({ old: false });
  expect(asked).toHaveLength(2);
});

test('a refusal is an answer; a fault of the program is none', async () => {
  const { poller, asked, got, faults } = slowInstance();
  const refusal = new ClientError('absent', 'nobody');
  poller.want(STATUS);
  await asked[0]!.fail(refusal);
  expect(got).toEqual([['status', { error: refusal }]]);
  poller.tick();
  await asked[1]!.fail(new TypeError('broken'));
  expect(faults).toHaveLength(1);
  expect(got).toHaveLength(1);
});
