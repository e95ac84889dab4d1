/** Reads all that outlives the program, but history. */
import type {
  StoredClock,
  StoredGrant,
  StoredQuotas,
  StoredStanding,
  StoredViolation,
  StoredWindow,
} from '../quotas/stored.ts';
import type { Stored, StoredHost } from './batch.ts';
import { ALL_GONE } from './schema.ts';
import type { Database } from './sqlite.ts';

/**
 * How a part is read. Who reads a broken file gives the empty part in the place of one that cannot be read.
 */
export type ReadPart = <T>(read: () => T, empty: T) => T;
const STRICT: ReadPart = (read) => read();

export function loadStored(database: Database, part: ReadPart = STRICT): Stored {
  return {
    hosts: part(() => loadHosts(database), []),
    quotas: loadQuotas(database, part),
    memos: part(() => rowsOf(database, ['key', 'value'], 'key, value', 'FROM memos'), []),
  };
}

/** In a broken file a column may be anything. */
const WHOLE = ['id', 'macs', 'addresses'].map((name) => `typeof(${name}) = 'text'`).join(' AND ');

export function loadHosts(database: Database): StoredHost[] {
  const rows = database
    .query(
      'id, name, macs, addresses, first_seen, last_seen, up, down',
      `FROM hosts WHERE ${WHOLE} ORDER BY key`,
    )
    .all() as unknown as [string, string | null, string, string, number, number, number, number][];
  return rows.map(([id, name, macs, addresses, firstSeenMs, lastSeenMs, upBytes, downBytes]) => ({
    ...{ id, name, macs: words(macs), addresses: words(addresses) },
    ...{ firstSeenMs, lastSeenMs, upBytes, downBytes },
  }));
}

function words(text: string): string[] {
  return text === '' ? [] : text.split(' ');
}

function loadQuotas(database: Database, part: ReadPart): StoredQuotas {
  const read = <T>(names: readonly (keyof T & string)[], columns: string, rest: string): T[] =>
    part(() => rowsOf<T>(database, names, columns, rest), []);
  const hosts = read<{ key: number; id: string }>(
    ['key', 'id'],
    'key, id',
    `FROM hosts WHERE ${WHOLE} ORDER BY key`,
  );
  const places = new Map(hosts.map(({ key }, i) => [key, i]));
  const clock = ['quotaMs', 'wallMs', 'bootMs', 'bootId'] as const;
  const standing = ['host', 'quota', 'overMs', 'direction', 'state'] as const;
  const grant = ['id', 'host', 'quota', 'bytes', 'fromQuotaMs', 'untilQuotaMs'] as const;
  const ofHost = 'JOIN hosts ON hosts.key = host';
  return {
    clock: read<StoredClock>(clock, 'quota_ms, wall_ms, boot_ms, boot_id', 'FROM clock')[0] ?? null,
    hosts: hosts.map(({ id }) => id),
    windows: part(() => loadWindows(database, places), []),
    standings: read<StoredStanding>(
      standing,
      'hosts.id, quota, over_ms, direction, state',
      `FROM standings ${ofHost}`,
    ),
    violations: read<StoredViolation>(
      ['host', 'quota', 'beganQuotaMs'],
      'hosts.id, quota, began',
      `FROM violations ${ofHost}`,
    ),
    grants: read<StoredGrant>(
      grant,
      'grants.id, hosts.id, quota, bytes, from_ms, until_ms',
      `FROM grants ${ofHost}`,
    ),
  };
}

/** Rows as objects, by the names of their columns in our types. */
function rowsOf<T>(
  database: Database,
  names: readonly (keyof T & string)[],
  columns: string,
  rest: string,
): T[] {
  const rows = database.query(columns, rest).all();
  return rows.map((row) => Object.fromEntries(names.map((name, i) => [name, row[i]])) as T);
}

/**
 * Each bucket is read as one row with texts of JSON, which is several times faster than a row for each
 * host.
 */
function loadWindows(database: Database, places: ReadonlyMap<number, number>): StoredWindow[] {
  const windows = database.query('over_ms, width_ms, gone', 'FROM windows WHERE gone < ?');
  const size = database.query('count(*)', 'FROM buckets WHERE over_ms = ? AND bucket > ?');
  const next = database.query('min(bucket)', 'FROM buckets WHERE over_ms = ? AND bucket > ?');
  const read = database.query(
    'json_group_array(host), json_group_array(up), json_group_array(down)',
    'FROM buckets WHERE over_ms = ? AND bucket = ?',
  );
  return (windows.all(ALL_GONE) as number[][]).map(([overMs, widthMs, gone]) => {
    const rows = size.all(overMs!, gone!)[0]![0] as number;
    const window = {
      ...{ overMs: overMs!, widthMs: widthMs!, goneBucket: gone! },
      host: new Int32Array(rows),
      bucket: new Float64Array(rows),
      upBytes: new Float64Array(rows),
      downBytes: new Float64Array(rows),
    };
    let row = 0;
    const after = (bucket: number): number | null => next.all(overMs!, bucket)[0]![0] as number | null;
    for (let bucket = after(gone!); bucket !== null; bucket = after(bucket)) {
      const [hosts, ups, downs] = read.all(overMs!, bucket)[0] as unknown as [number[], number[], number[]];
      hosts.forEach((key, i) => {
        const place = places.get(key);
        // A host that is forgotten.
        if (place === undefined) return;
        window.host[row] = place;
        window.bucket[row] = bucket as number;
        window.upBytes[row] = ups[i]!;
        window.downBytes[row++] = downs[i]!;
      });
    }
    return row === rows ? window : firstRows(window, row);
  });
}

function firstRows(window: StoredWindow, rows: number): StoredWindow {
  const { host, bucket, upBytes, downBytes } = window;
  return {
    ...window,
    host: host.slice(0, rows),
    bucket: bucket.slice(0, rows),
    upBytes: upBytes.slice(0, rows),
    downBytes: downBytes.slice(0, rows),
  };
}
