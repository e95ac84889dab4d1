/** A line of text that is typed. */

export interface LineEdit {
  /** One entry a character. */
  readonly characters: readonly string[];
  /** The cursor stands before this character. */
  readonly at: number;
}

/** A key as node:readline tells it. */
export interface Key {
  readonly name?: string | undefined;
  /** The characters that came; undefined for a key that has none. */
  readonly text?: string | undefined;
  readonly ctrl?: boolean;
  readonly meta?: boolean;
  readonly shift?: boolean;
}

const CHARACTERS_MAX = 200;
const PRINTS = /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+$/u;

export function lineEdit(text = ''): LineEdit {
  const characters = [...text];
  return { characters, at: characters.length };
}

export function editedText({ characters }: LineEdit): string {
  return characters.join('');
}

/** The line after a key. The same object if the key means nothing to it. */
export function edited(line: LineEdit, key: Key): LineEdit {
  const { characters, at } = line;
  const without = (from: number, to: number): LineEdit => ({
    characters: characters.toSpliced(from, to - from),
    at: from,
  });
  const moved = (to: number): LineEdit => ({
    characters,
    at: Math.min(characters.length, Math.max(0, to)),
  });
  switch (key.ctrl ? `ctrl-${key.name}` : key.name) {
    case 'left':
    case 'ctrl-b':
      return moved(at - 1);
    case 'right':
    case 'ctrl-f':
      return moved(at + 1);
    case 'home':
    case 'ctrl-a':
      return moved(0);
    case 'end':
    case 'ctrl-e':
      return moved(characters.length);
    case 'backspace':
    case 'ctrl-h':
      return without(Math.max(0, at - 1), at);
    case 'delete':
      return { characters: characters.toSpliced(at, 1), at };
    case 'ctrl-u':
      return without(0, at);
    case 'ctrl-k':
      return without(at, characters.length);
    case 'ctrl-w':
      return without(wordBefore(characters, at), at);
    default:
      return typed(line, key);
  }
}

function typed(line: LineEdit, { text, ctrl, meta }: Key): LineEdit {
  if (text === undefined || ctrl || meta || !PRINTS.test(text)) return line;
  const { characters, at } = line;
  const added = [...text];
  if (characters.length + added.length > CHARACTERS_MAX) return line;
  return { characters: characters.toSpliced(at, 0, ...added), at: at + added.length };
}

function wordBefore(characters: readonly string[], at: number): number {
  let from = at;
  while (from > 0 && characters[from - 1] === ' ') from--;
  while (from > 0 && characters[from - 1] !== ' ') from--;
  return from;
}
