/**
 * The one table of the configuration: every key with its values, its default, its
 * meaning, and whether it may change while packets flow. The file is read and written
 * along it, and docs/configuration.md and the editor's schema are made from it. Defaults
 * as numbers are in defaults.ts and red-defaults.ts, because most depend on other values.
 */

import { CLASS, DIRECTION, EACH, POLICE, SCHEDULE } from './classes.ts';
import { NO_TOP_KEYS } from './elsewhere.ts';
import { HISTORY, HOSTS } from './hosts.ts';
import { CONTROL, EXEMPT, FILES, LOCAL, LOG, NFQUEUE } from './instance.ts';
import { type Field, mapOf, node, ref, type Section } from './kinds.ts';
import { LINK, OVERHEAD } from './links.ts';
import { MATCH } from './match.ts';
import { METER, REMARK } from './meter.ts';
import { MODULE } from './modules.ts';
import { AQM, CODEL, PIE, PROFILE, QUEUE, RED, WRED } from './queue.ts';
import { ACTION, MAIL, PAGE, QUOTA, QUOTA_HOSTS, THROTTLE, WINDOW } from './quotas.ts';
import { PACE, TCP } from './tcp.ts';

const TOP = {
  links: node(
    { takes: 'map of name to link', default: 'required', help: 'The devices to shape.', change: 'reload' },
    mapOf('link'),
  ),
  local: node(
    { takes: 'map', default: '{}', help: 'The traffic of this host itself.', change: 'reload' },
    ref('local'),
  ),
  hosts: node(
    {
      takes: 'map',
      default: '{}',
      help: 'The inside hosts, by which they are known and called.',
      change: 'reload',
    },
    ref('hosts'),
  ),
  history: node(
    {
      takes: 'map',
      default: '{} with quotas, else nothing is stored',
      help: 'What is stored of hosts, where and for how long.',
      change: 'reload',
    },
    ref('history'),
  ),
  quotas: node(
    {
      takes: 'map of name to quota',
      default: '{}',
      help: 'How much hosts may move in sliding windows, and what follows when they move more.',
      change: 'reload',
    },
    mapOf('quota'),
  ),
  modules: node(
    {
      takes: 'map, or list',
      default: '[]',
      help: "Users' own modules, each of which sees the packets that it asks for.",
      change: 'reload',
    },
    { oneOf: [ref('module'), { type: 'array', items: ref('module') }] },
  ),
  nfqueue: node(
    { takes: 'map', default: '{}', help: 'The kernel queues of the instance.', change: 'reload' },
    ref('nfqueue'),
  ),
  control: node(
    { takes: 'map', default: '{}', help: 'How commands reach the running instance.', change: 'restart' },
    ref('control'),
  ),
  files: FILES,
  log: node({ takes: 'map', default: '{}', help: 'How much is logged.', change: 'reload' }, ref('log')),
  ...NO_TOP_KEYS,
} satisfies Section;

/** Every section by its name, in the order of docs/configuration.md. */
export const SECTIONS = {
  top: TOP,
  link: LINK,
  overhead: OVERHEAD,
  direction: DIRECTION,
  class: CLASS,
  match: MATCH,
  police: POLICE,
  meter: METER,
  remark: REMARK,
  each: EACH,
  tcp: TCP,
  pace: PACE,
  schedule: SCHEDULE,
  queue: QUEUE,
  aqm: AQM,
  codel: CODEL,
  pie: PIE,
  red: RED,
  wred: WRED,
  profile: PROFILE,
  local: LOCAL,
  exempt: EXEMPT,
  hosts: HOSTS,
  history: HISTORY,
  quota: QUOTA,
  quotaHosts: QUOTA_HOSTS,
  window: WINDOW,
  action: ACTION,
  throttle: THROTTLE,
  page: PAGE,
  mail: MAIL,
  module: MODULE,
  nfqueue: NFQUEUE,
  control: CONTROL,
  log: LOG,
} as const;

/** The section that describes the map of a field, or of its entries; null if it has none. */
export function innerSection(field: Field): Section | null {
  const schema = 'schema' in field ? field.schema : {};
  const forms = [schema, ...((schema.oneOf as Readonly<Record<string, unknown>>[] | undefined) ?? [])];
  const name = forms.map(({ $ref }) => $ref).find((target) => typeof target === 'string');
  return name === undefined ? null : SECTIONS[name.replace('#/$defs/', '') as keyof typeof SECTIONS];
}
