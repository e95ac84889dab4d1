/** Fields of links and of what their lines add to packets. Part of the table in sections.ts. */
import {
  FRAMING_ATM,
  FRAMING_NONE,
  FRAMING_PTM,
  LINK_LAYERS,
  type LinkLayer,
  MPU_BYTES_MAX,
  OVERHEAD_BYTES_MAX,
  OVERHEAD_BYTES_MIN,
} from '../../algo/buckets/link-layer.ts';
import { nearest } from '../../base/nearest.ts';
import { NO_LINK_KEYS } from './elsewhere.ts';
import { boolean, FieldError, node, ref, type Section, word } from './kinds.ts';
import { device } from './names.ts';
import { integer, wholeNumber } from './quantities.ts';

/** tc-cake(8). */
const OVERHEAD_BYTES = { min: OVERHEAD_BYTES_MIN, max: OVERHEAD_BYTES_MAX };
const OVERHEAD_RANGE = `${OVERHEAD_BYTES.min} to ${OVERHEAD_BYTES.max}`;
const OVERHEAD_BYTES_SCHEMA = {
  type: 'integer',
  minimum: OVERHEAD_BYTES.min,
  maximum: OVERHEAD_BYTES.max,
};
const PRESETS = Object.keys(LINK_LAYERS).join(', ');

const isSame = (a: LinkLayer, b: LinkLayer): boolean =>
  a.overheadBytes === b.overheadBytes && a.mpuBytes === b.mpuBytes && a.framing === b.framing;

/** Whether `overhead` can be written as one number or name. */
export function isOverheadWord(layer: LinkLayer): boolean {
  return isSame(layer, OVERHEAD_WORD.read(OVERHEAD_WORD.write(layer)));
}

/** `overhead` as one number or name. A layer that has no such form needs a map. */
export const OVERHEAD_WORD = word(
  {
    takes: `${OVERHEAD_RANGE} or a preset`,
    default: '0',
    help: 'Bytes, or the name of a kind of line.',
  },
  {
    read(text): LinkLayer {
      const bytes = wholeNumber(text);
      if (bytes !== null && bytes >= OVERHEAD_BYTES.min && bytes <= OVERHEAD_BYTES.max) {
        return { overheadBytes: bytes, mpuBytes: 0, framing: FRAMING_NONE };
      }
      if (Object.hasOwn(LINK_LAYERS, text)) return LINK_LAYERS[text]!;
      const near = nearest(text, Object.keys(LINK_LAYERS));
      const hint = near?.isNear ? `; did you mean '${near.word}'?` : '';
      throw new FieldError(
        `'${text}' is neither a whole number from ${OVERHEAD_RANGE} nor a preset (${PRESETS})${hint}`,
      );
    },
    write(layer) {
      if (layer.mpuBytes === 0 && layer.framing === FRAMING_NONE) return String(layer.overheadBytes);
      const preset = Object.keys(LINK_LAYERS).find((name) => isSame(LINK_LAYERS[name]!, layer));
      return preset ?? String(layer.overheadBytes);
    },
  },
);

const FRAMINGS: Readonly<Record<string, number>> = {
  none: FRAMING_NONE,
  atm: FRAMING_ATM,
  ptm: FRAMING_PTM,
};

/** `overhead` as a map. */
export const OVERHEAD = {
  bytes: integer({
    ...OVERHEAD_BYTES,
    change: 'reload',
    default: '0',
    help: 'Added to each packet first, and to each segment of a superpacket.',
  }),
  mpu: integer({
    min: 0,
    max: MPU_BYTES_MAX,
    change: 'reload',
    default: '0',
    help: 'The smallest unit of the line in bytes: a shorter packet counts as this many.',
  }),
  framing: word(
    {
      takes: Object.keys(FRAMINGS).join(', '),
      change: 'reload',
      default: 'none',
      help: 'atm: cells of 53 bytes that carry 48. ptm: one byte more for every 64.',
    },
    {
      read(text): number {
        if (Object.hasOwn(FRAMINGS, text)) return FRAMINGS[text]!;
        throw new FieldError(`'${text}' is not one of: ${Object.keys(FRAMINGS).join(', ')}`);
      },
      write: (framing) => Object.keys(FRAMINGS).find((name) => FRAMINGS[name] === framing)!,
    },
    { enum: Object.keys(FRAMINGS) },
  ),
} satisfies Section;

const direction = (help: string) =>
  node(
    { takes: 'rate, unlimited, or map', default: 'not shaped', help, change: 'reload' },
    { oneOf: [{ type: 'string' }, ref('direction')] },
  );

export const LINK = {
  device: word(
    {
      takes: 'device name',
      default: 'required',
      help: 'Network device whose packets are shaped. The loopback device is refused.',
      change: 'reload',
    },
    {
      read(text) {
        const name = device.read(text);
        if (name === 'lo') throw new FieldError('lo cannot be shaped: loopback packets are never queued');
        return name;
      },
      write: device.write,
    },
  ),
  wait: boolean({
    default: 'false',
    change: 'reload',
    help: 'The device may come later, such as ppp0. Its packets are shaped from the first one on. Without it, an absent device is an error of the start.',
  }),
  overhead: node(
    {
      takes: `${OVERHEAD_RANGE}, a preset or a map`,
      default: '0',
      change: 'reload',
      help: `What the line adds to every packet. It is charged and never shown. Presets, as in CAKE: ${PRESETS}.`,
    },
    { oneOf: [OVERHEAD_BYTES_SCHEMA, { enum: Object.keys(LINK_LAYERS) }, ref('overhead')] },
  ),
  up: direction('Packets that leave by the device. A rate alone makes one fair queue of that rate.'),
  down: direction('Packets that arrive by the device. A rate alone makes one fair queue of that rate.'),
  both: direction(
    'Stands for `up` and `down` alike. Each single value in it may be `{ up: …, down: … }`, and matchers may say `inside` and `outside`.',
  ),
  ...NO_LINK_KEYS,
} satisfies Section;
