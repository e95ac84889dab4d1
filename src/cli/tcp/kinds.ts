/** What segments look like, in all pictures: by kind, the most usual first. What comes later covers it. */
import type { Segment } from './picture.ts';

export interface Look {
  readonly name: string;
  /** In a terminal: a character, and a colour (ECMA-48, SGR). */
  readonly letter: string;
  readonly sgr: number;
  /** On the page. */
  readonly color: string;
  readonly dot: string;
  is(segment: Segment): boolean;
}

export const LOOKS: readonly Look[] = [
  {
    name: 'control: SYN, FIN, RST, pure ACK',
    letter: '.',
    sgr: 2,
    color: 'var(--rest)',
    dot: 'dot small',
    is: ({ kind }) => kind === 'control',
  },
  {
    name: 'data',
    letter: '#',
    sgr: 36,
    color: 'var(--hue-1)',
    dot: 'dot',
    is: ({ kind }) => kind === 'data',
  },
  {
    name: 'duplicate ACK',
    letter: 'd',
    sgr: 33,
    color: 'var(--hue-3)',
    dot: 'dot',
    is: ({ kind }) => kind === 'duplicate',
  },
  {
    name: 'retransmission',
    letter: 'R',
    sgr: 31,
    color: 'var(--hue-6)',
    dot: 'dot large',
    is: ({ kind }) => kind === 'retransmission',
  },
  {
    name: 'dropped here',
    letter: 'x',
    sgr: 35,
    color: 'var(--hue-5)',
    dot: 'dot large',
    is: ({ dropped }) => dropped !== null,
  },
];
