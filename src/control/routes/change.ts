/** Routes that change a running instance, and those that say how it has been changed. */
import { parseTime, UnitError } from '../../base/units.ts';
import type { MergePatch } from '../../config/edit/document.ts';
import { ApiError } from '../api-error.ts';
import { classValues } from '../change/class-values.ts';
import type { ChangeService } from '../change/service.ts';
import { type Route, route } from '../http/route.ts';
import {
  anyObject,
  boolean,
  integer,
  list,
  nullable,
  number,
  object,
  optional,
  type Schema,
  text,
} from '../http/schema.ts';

/** Ten years. */
const DURATION_NS_MAX = 3650 * 86_400e9;

const CHANGE = object('A difference', {
  path: text('A class (wan/up/guests), a direction, a link; empty for the top of the file'),
  key: text('Dotted below the path; empty if the whole came or went'),
  old: nullable(text('As in a file; null if there was none')),
  new: nullable(text('As in a file; null if there is none')),
});
const CHANGES = list('What has changed, or would', CHANGE);
const ANSWERED = {
  changes: CHANGES,
  generation: integer('Of the configuration that holds now'),
  notes: list('What one should know besides', text('A sentence')),
};
const CHANGED = object('What has changed', ANSWERED);
const LEASE = object('A change with an end', {
  id: integer('For DELETE /v1/leases/{id}'),
  path: text('The class'),
  set: anyObject('What it sets'),
  since: text('ISO 8601'),
  until: text('ISO 8601'),
  back: anyObject('By key: the value that its end brings, as in a file; null if there is none then'),
});
const SCHEDULED = object('What a schedule sets now', {
  path: text('The class'),
  when: text('As in the file'),
  set: anyObject('What it sets'),
});
const RELOADED = object('What has changed, or would', {
  ...ANSWERED,
  file: text('By which the instance runs'),
  confirmUntil: nullable(text('When it goes back by itself (ISO 8601); null if it stays')),
});
const BASED = {
  generation: optional(
    integer('Refuse it (409) if what it changes has changed after this generation', { min: 0 }),
  ),
};
const PATCH = anyObject(
  'A JSON Merge Patch (RFC 7396): keys as in the file; null removes a key',
) as Schema<MergePatch>;

export interface ChangeCommands {
  readonly change: ChangeService;
  /** Others than the user of the instance may use its socket, for whom it must read no files. */
  readonly isShared: boolean;
}

export function changeRoutes({ change, isShared }: ChangeCommands): Route[] {
  return [...classRoutes(change), ...reloadRoutes(change, isShared), ...leaseRoutes(change)];
}

const CLASS_VALUES = object('A class or direction', {
  path: text('Link, direction and names of classes: wan/up/guests'),
  isInner: boolean('It has classes inside'),
  ceilBitsPerSecond: nullable(number('By its own ceil and those around it; null: not limited')),
  values: anyObject(
    'By key: the value as in the file, else the default that applies; queue.limit and the like',
  ),
  written: list('The keys that the file has', text('A key')),
  access: anyObject('OWNER:GROUP MODE by file, as in the file'),
});

function classRoutes(change: ChangeService): Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/classes',
      summary: 'All classes with the values of their keys, leases and schedules included',
      query: { unless: optional(integer('Tell no classes if the generation is still this one', { min: 0 })) },
      answer: object('The classes', {
        generation: integer('Of the configuration'),
        classes: nullable(list('Parents before their classes', CLASS_VALUES)),
      }),
      handle: async ({ query: { unless } }) => {
        const { generation } = change;
        return { generation, classes: unless === generation ? null : classValues(change.running().config) };
      },
    }),
    route({
      method: 'PATCH',
      path: '/v1/classes/:path{.+}',
      summary: 'Changes a class or a direction, for good or for a time',
      query: { for: optional(text('How long it holds: 30m, 4h, 7d; for good without it')), ...BASED },
      body: PATCH,
      answer: object('What has changed', { ...ANSWERED, lease: optional(LEASE) }),
      handle: async ({ params: { path }, query, body }) =>
        query.for === undefined
          ? change.patchClass(path, body, query.generation)
          : change.lease(path, body, milliseconds(query.for, 'query.for'), query.generation),
    }),
    route({
      method: 'POST',
      path: '/v1/classes',
      summary: 'Adds a class',
      query: BASED,
      body: anyObject(
        '`path` of the class, `before` which neighbour it stands (default: last), and its keys as in the file',
      ),
      answer: CHANGED,
      handle: async ({ query, body: { path, before, ...values } }) => {
        if (typeof path !== 'string') throw wrong('body.path', 'the path of the new class is expected');
        if (before !== undefined && typeof before !== 'string')
          throw wrong('body.before', 'a name is expected');
        return change.addClass(path, values as MergePatch, before, query.generation);
      },
    }),
    route({
      method: 'DELETE',
      path: '/v1/classes/:path{.+}',
      summary: 'Removes a class with all classes inside it',
      query: BASED,
      answer: CHANGED,
      handle: async ({ params: { path }, query }) => change.removeClass(path, query.generation),
    }),
    route({
      method: 'POST',
      path: '/v1/classes/:path{.+}/move',
      summary: 'Moves or renames a class with all classes inside it',
      query: BASED,
      body: object('Where to', {
        path: text('Its new path'),
        before: optional(text('The neighbour in front of which it stands (default: last)')),
      }),
      answer: CHANGED,
      handle: async ({ params, query, body: { path, before } }) =>
        change.moveClass(params.path, path, before, query.generation),
    }),
  ];
}

function reloadRoutes(change: ChangeService, isShared: boolean): Route[] {
  return [
    route({
      method: 'POST',
      path: '/v1/reload',
      summary: 'Applies a file as one transaction',
      query: BASED,
      body: object('Which file', {
        file: optional(text('Absolute path; the file by which the instance runs without it')),
        text: optional(text('Its text, which is read from the file without it')),
        confirm: optional(text('Go back after this time, unless /v1/confirm comes: 60s')),
        dryRun: optional(boolean('Change nothing, and say what would change')),
      }),
      answer: RELOADED,
      handle: async ({ query, body: { file, text: yaml, confirm, dryRun } }) => {
        checkFile(change, file, yaml, isShared);
        const confirmMs = confirm === undefined ? undefined : milliseconds(confirm, 'body.confirm');
        const request = { file, text: yaml, confirmMs };
        return dryRun ? change.dryRun(request) : change.reload(request, query.generation);
      },
    }),
    route({
      method: 'POST',
      path: '/v1/confirm',
      summary: 'Keeps a reload that waits to be confirmed',
      answer: CHANGED,
      handle: async () => change.confirm(),
    }),
    route({
      method: 'POST',
      path: '/v1/revert',
      summary: 'Goes back to the last confirmed configuration, or to the one before the last reload',
      query: BASED,
      answer: CHANGED,
      handle: async ({ query }) => change.revert(query.generation),
    }),
    route({
      method: 'GET',
      path: '/v1/diff',
      summary: 'From the file to the running configuration, without leases and schedules',
      answer: object('The differences', { file: text('By which the instance runs'), changes: CHANGES }),
      handle: async () => change.diff(),
    }),
    route({
      method: 'GET',
      path: '/v1/config',
      summary: 'The running configuration as a file, without leases and schedules',
      answer: object('The configuration', {
        file: text('By which the instance runs'),
        yaml: text('The text of the file'),
        generation: integer('Of the configuration'),
      }),
      handle: async () => change.config(),
    }),
  ];
}

function leaseRoutes(change: ChangeService): Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/leases',
      summary: 'Changes with an end, and what schedules set now',
      answer: object('Leases', {
        leases: list('The oldest first', LEASE),
        scheduled: list('Schedules', SCHEDULED),
      }),
      handle: async () => ({ leases: change.leases(), scheduled: change.schedules() }),
    }),
    route({
      method: 'DELETE',
      path: '/v1/leases/:id',
      summary: 'Ends a lease now',
      answer: CHANGED,
      handle: async ({ params: { id } }) => {
        if (!/^\d{1,15}$/.test(id)) throw wrong('id', 'the number of a lease is expected');
        return change.endLease(Number(id));
      },
    }),
  ];
}

/** Who may use the socket but is not the user of the instance must not read files through it. */
function checkFile(
  change: ChangeService,
  file: string | undefined,
  yaml: string | undefined,
  isShared: boolean,
): void {
  if (file !== undefined && !file.startsWith('/')) throw wrong('body.file', 'an absolute path is expected');
  if (file === undefined && yaml !== undefined)
    throw wrong('body.file', 'the text needs the name of its file');
  if (file === undefined || yaml !== undefined || !isShared || file === change.file) return;
  const message = 'the instance reads no other files than its own while its socket has a control.group';
  throw new ApiError(
    400,
    'refused',
    message,
    'body.file',
    'send the text of the file as well: { "file", "text" }',
  );
}

function milliseconds(written: string, where: string): number {
  try {
    const ns = parseTime(written);
    if (ns > 0 && ns <= DURATION_NS_MAX) return ns / 1e6;
  } catch (error) {
    if (!(error instanceof UnitError)) throw error;
    throw wrong(where, error.message);
  }
  throw wrong(where, `${written} is out of range: more than 0s, up to 3650d`);
}

function wrong(where: string, message: string): ApiError {
  return new ApiError(400, 'wrong-value', `${where}: ${message}`, where);
}
