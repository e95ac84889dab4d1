/** One parsed packet in row 0, from a shape or field by field. */
import { createBatch } from '../../../src/packet/batch.ts';
import { createParsed, type Parsed, parseBatch } from '../../../src/packet/parse.ts';
import { type PacketShape, writePacket } from '../../../src/sim/packets/packets.ts';

type Fields = { readonly [K in keyof Parsed]?: number };

/** The packet of `shape` as the parser sees it, with `fields` overwritten. */
export function parsedOf(shape: PacketShape, fields: Fields = {}): Parsed {
  const { arrivals } = createBatch();
  const slab = new Uint8Array(256);
  const parsed = createParsed();
  arrivals.slabOffset[0] = 0;
  arrivals.copiedBytes[0] = writePacket(slab, 0, shape, 200);
  parseBatch(arrivals, slab, 1, parsed);
  for (const [name, value] of Object.entries(fields)) parsed[name as keyof Parsed][0] = value;
  return parsed;
}

/** A packet that could not be parsed. */
export function unknownPacket(): Parsed {
  const parsed = createParsed();
  parseBatch(createBatch().arrivals, new Uint8Array(1), 1, parsed);
  return parsed;
}
