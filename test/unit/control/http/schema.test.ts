import { describe, expect, it } from 'vitest';
import {
  anyObject,
  boolean,
  checkQuery,
  choice,
  integer,
  list,
  nullable,
  number,
  object,
  optional,
  type Schema,
  text,
} from '../../../../src/control/http/schema.ts';

const fields = {
  name: text('A name'),
  count: optional(integer('How many', { min: 1, max: 9 })),
  share: optional(number('A part', { max: 1 })),
  isQuick: optional(boolean('Quick or not')),
  sort: optional(choice('By what', ['rate', 'age'])),
  ids: optional(list('Ids', integer('An id'))),
  inner: optional(object('Inside', { end: nullable(text('An end')) })),
  patch: optional(anyObject('A patch')),
};
const schema = object('all', fields);

describe('values of the right shape', () => {
  it.each([
    [{ name: '' }],
    [{ name: 'x', count: 1, share: -0.5, isQuick: false, sort: 'age', ids: [], patch: { a: { b: [null] } } }],
    [{ name: 'x', count: 9, ids: [1, -2], inner: { end: null } }],
    [{ name: 'x', inner: { end: 'y' } }],
  ])('%j', (value) => {
    expect(schema.check(value, 'body')).toEqual(value);
  });
});

describe('values of the wrong shape', () => {
  it.each<[unknown, string, string | RegExp]>([
    [[], 'body', 'body: an object is expected, not a list'],
    [null, 'body', 'body: an object is expected, not null'],
    [{}, 'body.name', 'body.name is missing: text is expected'],
    [{ name: 7 }, 'body.name', 'body.name: text is expected, not 7'],
    [
      { name: 'x', count: 0 },
      'body.count',
      'body.count: an integer of at least 1 and at most 9 is expected, not 0',
    ],
    [{ name: 'x', count: 1.5 }, 'body.count', /an integer .* not 1\.5$/],
    [{ name: 'x', count: '1' }, 'body.count', /not "1"$/],
    [{ name: 'x', share: 2 }, 'body.share', 'body.share: a number of at most 1 is expected, not 2'],
    [{ name: 'x', isQuick: 'true' }, 'body.isQuick', 'body.isQuick: true or false is expected, not "true"'],
    [{ name: 'x', sort: 'rat' }, 'body.sort', 'body.sort: one of rate, age is expected, not "rat"'],
    [{ name: 'x', sort: 'constructor' }, 'body.sort', /one of rate, age/],
    [{ name: 'x', ids: [1, {}] }, 'body.ids[1]', 'body.ids[1]: an integer is expected, not an object'],
    [{ name: 'x', ids: { 0: 1 } }, 'body.ids', 'body.ids: a list is expected, not an object'],
    [{ name: 'x', inner: {} }, 'body.inner.end', 'body.inner.end is missing: text or null is expected'],
    [{ name: 'x', inner: { end: 'y', ende: 1 } }, 'body.inner.ende', 'unknown key "ende" in body.inner'],
    [{ name: 'x', patch: [] }, 'body.patch', 'body.patch: an object is expected, not a list'],
    [{ name: 'x', toString: 1 }, 'body.toString', 'unknown key "toString" in body'],
    [JSON.parse('{"name":"x","__proto__":{}}'), 'body.__proto__', 'unknown key "__proto__" in body'],
    [{ name: ['x'.repeat(1e6)] }, 'body.name', 'body.name: text is expected, not a list'],
  ])('%#: %s', (value, where, message) => {
    const check = (): unknown => schema.check(value, 'body');
    expect(check).toThrow(message);
    expect(check).toThrow(expect.objectContaining({ name: 'ApiError', status: 400, where }));
  });

  it('long text is cut where it is quoted', () => {
    const long = 'x'.repeat(1e6);
    expect(() => schema.check({ name: 'x', count: long }, 'body')).toThrow(/^.{100,200}…$/);
    expect(() => schema.check({ [long]: 1 }, 'body')).toThrow(/^unknown key "x{59}… in body$/);
  });
});

describe('queries', () => {
  const check = (query: string) => checkQuery(schema, fields, new URLSearchParams(query));

  it('numbers and truth come as text', () => {
    expect(check('name=7&count=3&share=-0.25&isQuick=true')).toEqual({
      ...{ name: '7', count: 3, share: -0.25, isQuick: true },
    });
  });

  it.each([
    ['name=x&count=', /not ""$/],
    ['name=x&count=0x3', /not "0x3"$/],
    ['name=x&count=3e0', /not "3e0"$/],
    ['name=x&count=%203', /not " 3"$/],
    ['name=x&share=Infinity', /not "Infinity"$/],
    ['name=x&isQuick=1', /not "1"$/],
    ['name=x&isQuick=constructor', /true or false/],
    ['name=x&ids=1', /a list is expected/],
    ['name=x&name=y', /query\.name is given twice/],
    ['name=x&toString=1', /unknown key "toString" in query/],
    ['count=3', /query\.name is missing/],
  ])('%s is refused', (query, message) => {
    expect(() => check(query)).toThrow(message);
  });
});

it('describes itself as JSON Schema', () => {
  const part: Schema<unknown> = object('all', {
    name: text('A name'),
    count: optional(integer('How many', { min: 1 })),
    end: nullable(number('An end')),
  });
  expect(part.json).toEqual({
    type: 'object',
    description: 'all',
    properties: {
      name: { type: 'string', description: 'A name' },
      count: { type: 'integer', description: 'How many', minimum: 1 },
      end: { anyOf: [{ type: 'number', description: 'An end' }, { type: 'null' }] },
    },
    required: ['name', 'end'],
    additionalProperties: false,
  });
});
