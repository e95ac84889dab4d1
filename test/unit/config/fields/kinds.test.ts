/** Kinds of fields: values that are refused, and what an editor is told. */
import { expect, it } from 'vitest';
import { boolean, choice, FieldError, list, misplaced } from '../../../../src/config/fields/kinds.ts';
import { portRange } from '../../../../src/config/fields/names.ts';

const about = { default: 'none', help: 'A test.' };

it('a choice takes its words only, and true and false are values for an editor', () => {
  const field = choice({ ...about, choices: ['auto', 'true', 'false'] });
  expect(field.read('auto')).toBe('auto');
  expect(() => field.read('Auto')).toThrow(new FieldError("'Auto' is not one of: auto, true, false"));
  expect(field.schema).toEqual({ enum: ['auto', true, false] });
});

it.each(['yes', '1', 'True', ''])('%j is neither true nor false', (text) => {
  expect(() => boolean(about).read(text)).toThrow(FieldError);
});

it('a field is live unless it says otherwise', () => {
  expect(boolean(about).change).toBe('live');
  expect(boolean({ ...about, change: 'restart' }).change).toBe('restart');
});

it('a list is one value or several for an editor', () => {
  const { schema } = list({ ...about, takes: 'port' }, portRange);
  const value = { type: ['string', 'integer'] };
  expect(schema).toEqual({ oneOf: [value, { type: 'array', items: value, minItems: 1 }] });
});

it('a misplaced key has nothing but its message', () => {
  expect(misplaced('elsewhere')).toEqual({ shape: 'refused', message: 'elsewhere' });
});
