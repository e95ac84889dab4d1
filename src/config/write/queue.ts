/** Queues, as they are written in a configuration. */
import type { Size } from '../../base/units.ts';
import type { QueueSpec } from '../../spec/spec.ts';
import {
  defaultAqm,
  defaultLimitBytes,
  ISOLATION,
  PACED_LIMIT_BYTES_MIN,
  QUEUE,
} from '../fields/defaults.ts';
import { SECTIONS } from '../fields/sections.ts';
import {
  basesOf,
  derives,
  PACKET_BYTES,
  type QueuePlace,
  sizeInBoth,
  thresholdBytesMax,
  writeAqm,
} from './aqm.ts';
import { type Block, type Detail, writeSection } from './block.ts';
import { sizeOf } from './buckets.ts';

/** For people (`all`) the values are those of the queue, whatever they mean in buckets. */
export function writeQueue(queue: QueueSpec, given: QueuePlace, detail: Detail): Block {
  const place = detail === 'all' ? { ...given, buckets: null } : given;
  const { discipline, isolation, shortBytes, limitBytes, limitPackets, ackFilter } = queue;
  const isFair = discipline === 'fair';
  const defaultBytes = defaultLimitBytes(place.ceilBytesPerSec);
  const { buckets } = place;
  const bucketsMax = buckets ? thresholdBytesMax(buckets.waiting.aqm) : 0;
  const defaultLimit = Math.max(
    defaultBytes,
    place.isPaced ? PACED_LIMIT_BYTES_MIN : 0,
    2 * Math.max(thresholdBytesMax(queue.aqm), bucketsMax),
  );
  const isInPackets = Number.isFinite(limitPackets);
  const isLimitWritten =
    detail === 'all' ||
    isInPackets ||
    limitBytes !== defaultLimit ||
    (!derives(queue, place, { given: null, defaultBytes }) &&
      derives(queue, place, { given: { limitBytes, limitPackets }, defaultBytes }));
  const shortInBuckets = buckets?.waiting.shortBytes ?? shortBytes;
  const room = { given: isLimitWritten ? { limitBytes, limitPackets } : null, defaultBytes };
  const bases = basesOf(PACKET_BYTES, place, room);
  return writeSection(
    SECTIONS.queue,
    {
      discipline,
      isolation: isFair ? isolation : undefined,
      short: discipline === 'short-first' ? sizeInBoth(shortBytes, shortInBuckets, bases) : undefined,
      limit: isLimitWritten ? limitOf(queue) : undefined,
      aqm: writeAqm(queue, place, room, detail),
      ackFilter: isFair ? ackFilter : undefined,
    },
    {
      discipline: QUEUE.discipline,
      isolation: ISOLATION[place.direction],
      short: sizeOf(QUEUE.shortBytes),
      aqm: defaultAqm(discipline),
      ackFilter: QUEUE.ackFilter,
    },
    detail,
  );
}

function limitOf({ limitBytes, limitPackets }: QueueSpec): Size {
  return Number.isFinite(limitPackets) ? { kind: 'packets', packets: limitPackets } : sizeOf(limitBytes);
}
