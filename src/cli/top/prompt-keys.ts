/** Keys while the last line asks for something. */
import { parseTime, UnitError } from '../../base/units.ts';
import { parseAssignments } from '../../config/edit/assignments.ts';
import type { MergePatch } from '../../config/edit/document.ts';
import { ConfigEditError } from '../../config/tree/error.ts';
import { limitKey } from './class-rows.ts';
import type { Reaction } from './keys.ts';
import { edited, editedText, type Key } from './line-edit.ts';
import { type Prompt, type TopState, withList } from './state.ts';

type Of<Kind extends Prompt['kind']> = Extract<Prompt, { kind: Kind }>;

export function promptKey(state: TopState, prompt: Prompt, key: Key): Reaction {
  switch (prompt.kind) {
    case 'filter':
      return { state: filterKey(state, prompt, key), effect: null };
    case 'limit':
      return limitKeys(state, prompt, key);
    case 'end-lease':
      return key.name === 'y' || key.name === 'return'
        ? { state: { ...state, prompt: null }, effect: { kind: 'end-lease', id: prompt.id } }
        : { state: { ...state, prompt: null }, effect: null };
  }
}

/** The list follows each letter. */
function filterKey(state: TopState, prompt: Of<'filter'>, key: Key): TopState {
  if (key.name === 'return') return { ...state, prompt: null };
  if (key.name === 'escape') return withList({ ...state, prompt: null }, { filter: prompt.before });
  const line = edited(prompt.line, key);
  return withList({ ...state, prompt: { ...prompt, line } }, { filter: editedText(line).trim() });
}

function limitKeys(state: TopState, prompt: Of<'limit'>, key: Key): Reaction {
  const at = (change: Partial<Of<'limit'>>): Reaction => ({
    state: { ...state, prompt: { ...prompt, ...change } },
    effect: null,
  });
  if (key.name === 'escape') return { state: { ...state, prompt: null }, effect: null };
  if (prompt.step === 'sent') return at({});
  if (key.name !== 'return') {
    const { step } = prompt;
    const line = edited(prompt[step], key);
    return line === prompt[step] ? at({}) : at({ [step]: line, error: '' });
  }
  const read = readLimit(prompt);
  if ('error' in read) return at({ step: 'value', error: read.error });
  if (prompt.step === 'value') return at({ step: 'time', error: '' });
  const time = editedText(prompt.time).trim();
  const fault = timeFault(time);
  if (fault !== '') return at({ error: fault });
  const { path } = prompt;
  return { ...at({ step: 'sent', error: '' }), effect: { kind: 'patch', path, patch: read.patch, time } };
}

/** `5mbit`, or keys of the file with values: `rate=2mbit ceil=5mbit`. */
function readLimit({ path, value }: Of<'limit'>): { patch: MergePatch } | { error: string } {
  const text = editedText(value).trim();
  if (text === '') return { error: 'write a value such as 5mbit, or KEY=VALUE; Esc changes nothing' };
  // A value may hold spaces, as `20 Mbit/s` does. A new key begins after a space.
  const args = /^[\w.]+=/.test(text) ? text.split(/\s+(?=[A-Za-z][\w.]*=)/) : [`${limitKey(path)}=${text}`];
  try {
    return { patch: parseAssignments(args) };
  } catch (error) {
    if (!(error instanceof ConfigEditError)) throw error;
    return { error: error.message };
  }
}

function timeFault(text: string): string {
  try {
    if (text === '' || parseTime(text) > 0) return '';
    return 'the time must be longer than nothing';
  } catch (error) {
    if (!(error instanceof UnitError)) throw error;
    return error.message;
  }
}
