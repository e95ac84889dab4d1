/**
 * A terminal that knows the sequences `top` uses, and refuses others. A real one also shows characters that
 * are wider than we think; here each takes one cell, and what is written behind them moves back.
 */
const ESCAPE = String.fromCharCode(27);
const SEQUENCE = new RegExp(`^${ESCAPE}\\[(\\??)([\\d;]*)([A-Za-z])`);

interface Cursor {
  row: number;
  column: number;
}

export class Emulator {
  rows = 24;
  columns = 80;
  isAlternate = false;
  isCursorShown = true;
  wraps = true;
  /** What was written to the normal screen. */
  log = '';
  /** Sequences that are none of ours. */
  readonly unknown: string[] = [];
  private cells: string[][] = [];
  private readonly cursor: Cursor = { row: 0, column: 0 };
  private pending = '';

  /** The alternate screen. */
  get screen(): string[] {
    return Array.from({ length: this.rows }, (_, row) => (this.cells[row] ?? []).join('').trimEnd());
  }

  get text(): string {
    return this.screen.join('\n');
  }

  write(text: string): void {
    let rest = this.pending + text;
    this.pending = '';
    while (rest !== '') {
      if (!rest.startsWith('\x1b')) {
        const [character] = rest;
        this.put(character!);
        rest = rest.slice(character!.length);
        continue;
      }
      const sequence = SEQUENCE.exec(rest);
      if (sequence === null) {
        this.pending = rest;
        return;
      }
      const [all, mark = '', numbers = '', name = ''] = sequence;
      this.obey(all, `${mark}${name}`, numbers);
      rest = rest.slice(all.length);
    }
  }

  private put(character: string): void {
    if (!this.isAlternate) {
      this.log += character;
      return;
    }
    const { cursor } = this;
    if (character < ' ') {
      this.unknown.push(JSON.stringify(character));
      return;
    }
    this.cells[cursor.row] ??= [];
    const line = this.cells[cursor.row]!;
    const column = Math.min(cursor.column, this.columns - 1);
    while (line.length < column) line.push(' ');
    line[column] = character;
    cursor.column = column + 1;
  }

  private obey(all: string, name: string, numbers: string): void {
    const [first = 1, second = 1] = numbers.split(';').map((number) => Number(number || 1));
    const { cursor } = this;
    switch (name) {
      case 'H':
        cursor.row = first - 1;
        cursor.column = second - 1;
        break;
      case 'G':
        cursor.column = first - 1;
        break;
      case 'J':
        this.cells = [];
        break;
      case 'K':
        this.cells[cursor.row] = [];
        break;
      case 'm':
        break;
      case '?h':
      case '?l':
        this.mode(first, name === '?h');
        break;
      default:
        this.unknown.push(all);
    }
  }

  private mode(number: number, isOn: boolean): void {
    if (number === 1049) {
      this.isAlternate = isOn;
      this.cells = [];
    } else if (number === 25) this.isCursorShown = isOn;
    else if (number === 7) this.wraps = isOn;
    else this.unknown.push(`mode ${number}`);
  }
}
