/** Reads all that outlives the program, but history. */
import type {
  StoredGrant,
  StoredQuotas,
  StoredStanding,
  StoredViolation,
  StoredWindow,
} from '../quotas/stored.ts';
import type { Stored, StoredHost } from './batch.ts';
import { ALL_GONE } from './schema.ts';
import type { Database } from './sqlite.ts';

export function loadStored(database: Database): Stored {
  const memos = database.query('key, value', 'FROM memos').all() as unknown as [string, string][];
  return {
    hosts: loadHosts(database),
    quotas: loadQuotas(database),
    memos: memos.map(([key, value]) => ({ key, value })),
  };
}

export function loadHosts(database: Database): StoredHost[] {
  const rows = database
    .query('id, name, macs, addresses, first_seen, last_seen, up, down', 'FROM hosts ORDER BY key')
    .all() as unknown as [string, string | null, string, string, number, number, number, number][];
  return rows.map(([id, name, macs, addresses, firstSeenMs, lastSeenMs, upBytes, downBytes]) => ({
    ...{ id, name, macs: words(macs), addresses: words(addresses) },
    ...{ firstSeenMs, lastSeenMs, upBytes, downBytes },
  }));
}

function words(text: string): string[] {
  return text === '' ? [] : text.split(' ');
}

function loadQuotas(database: Database): StoredQuotas {
  const hosts = database.query('key, id', 'FROM hosts ORDER BY key').all() as unknown as [number, string][];
  const [clock] = database.query('quota_ms, wall_ms, boot_ms, boot_id', 'FROM clock').all() as unknown as [
    number,
    number,
    number,
    string,
  ][];
  return {
    clock:
      clock === undefined
        ? null
        : { quotaMs: clock[0], wallMs: clock[1], bootMs: clock[2], bootId: clock[3] },
    hosts: hosts.map(([, id]) => id),
    windows: loadWindows(database, new Map(hosts.map(([key], i) => [key, i]))),
    standings: rowsOf<StoredStanding>(
      database,
      ['host', 'quota', 'overMs', 'direction', 'state'],
      'id, quota, over_ms, direction, state',
      'FROM standings JOIN hosts ON hosts.key = host',
    ),
    violations: rowsOf<StoredViolation>(
      database,
      ['host', 'quota', 'beganQuotaMs'],
      'id, quota, began',
      'FROM violations JOIN hosts ON hosts.key = host',
    ),
    grants: rowsOf<StoredGrant>(
      database,
      ['id', 'host', 'quota', 'bytes', 'fromQuotaMs', 'untilQuotaMs'],
      'grants.id, hosts.id, quota, bytes, from_ms, until_ms',
      'FROM grants JOIN hosts ON hosts.key = host',
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

/** Each bucket is read as one row with texts of JSON, which is several times faster than a row for each host. */
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
