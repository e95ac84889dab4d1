import { expect, it } from 'vitest';
import { holdsAt, when } from '../../../../src/config/fields/when.ts';

const minute = (day: number, hours: number, minutes = 0): number => (day * 24 + hours) * 60 + minutes;

it.each([
  ['mon-fri 18:00-23:00', minute(0, 18), true],
  ['mon-fri 18:00-23:00', minute(0, 23), false],
  ['mon-fri 18:00-23:00', minute(5, 18), false],
  ['Sat, Sun', minute(6, 12), true],
  ['saturday', minute(6, 0), false],
  ['daily 08:00-12:00, 13:00-17:30', minute(3, 12, 30), false],
  ['8:00-12:00,13:00-17:30', minute(3, 17, 29), true],
  ['fri 22:00-06:00', minute(5, 5, 59), true],
  ['fri 22:00-06:00', minute(4, 5), false],
  ['sun 22:00-06:00', minute(0, 3), true],
  ['sun 22:00-06:00', minute(0, 6), false],
  ['fri-mon', minute(0, 1), true],
  ['fri-mon', minute(1, 0), false],
  ['sun 12:00-24:00', minute(6, 23, 59), true],
  ['sun 12:00-24:00', minute(0, 0), false],
])('%s at minute %i of the week: %s', (text, at, holds) => expect(holdsAt(when.read(text), at)).toBe(holds));

it.each([
  ...['', 'noon', 'mon-fri 18', '18:00', 'mon 18:00-23:00 tue', '18:00-23:00 mon', 'mon-tue-wed', 'mon,,tue'],
  ...['25:00-26:00', '10:60-11:00', '10:00-10:00', '24:00-01:00', 'mon 1:00-24:01'],
])("'%s' is refused", (text) => expect(() => when.read(text)).toThrow(/'/));
