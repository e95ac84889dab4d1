/**
 * The table of fields as Markdown (docs/configuration.md) and as JSON
 * schema (shaper.schema.json). Tests compare both files with it.
 */
import { PER_DIRECTION, ref, type Section, type UsableField } from './kinds.ts';
import { SECTIONS } from './sections.ts';

const TITLES: Readonly<Record<keyof typeof SECTIONS, string>> = {
  top: 'Top level',
  link: '`links.NAME`',
  overhead: '`overhead` as a map',
  direction: '`up`, `down` and `both` (a rate alone is short for `{ rate: … }`)',
  class: 'A class',
  match: '`match`: all fields of a matcher must hold, one entry of a list is enough',
  police: '`police`',
  meter: '`meter`',
  remark: '`remark` as a map',
  each: '`each`',
  tcp: '`tcp`',
  pace: '`tcp.pace` as a map',
  schedule: '`schedule`',
  queue: '`queue`',
  aqm: '`queue.aqm`',
  codel: '`queue.aqm.codel`',
  pie: '`queue.aqm.pie`',
  red: '`queue.aqm.red`',
  wred: '`queue.aqm.wred`',
  profile: '`profiles` of `wred`',
  local: '`local`',
  exempt: '`local.exempt`',
  hosts: '`hosts`',
  history: '`history`',
  quota: '`quotas.NAME`',
  quotaHosts: '`hosts` of a quota as a map',
  window: '`windows`',
  action: '`then`: a map, or the entries of a list',
  throttle: '`then.throttle` as a map',
  page: '`then.page` as a map',
  mail: '`then.mail`',
  module: '`modules`',
  nfqueue: '`nfqueue`',
  control: '`control`',
  log: '`log`',
};

/** The fields of a section without its refused keys. */
function usable(section: Section): [string, UsableField][] {
  return Object.entries(section).flatMap(([key, field]) => (field.shape === 'refused' ? [] : [[key, field]]));
}

/** One Markdown table per section. */
export function fieldTable(): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|');
  const sections = Object.entries(SECTIONS).map(([name, section]) => {
    const rows = usable(section).map(
      ([key, field]) =>
        `| \`${key}\` | ${cell(field.takes)} | ${cell(field.default)} | ${field.change === 'live' ? 'yes' : field.change} | ${cell(field.help)} |`,
    );
    const head = ['| key | takes | default | live | meaning |', '|---|---|---|---|---|'];
    return [`**${TITLES[name as keyof typeof SECTIONS]}**`, '', ...head, ...rows].join('\n');
  });
  return `${sections.join('\n\n')}\n`;
}

/** JSON schema (draft 2020-12) for completion and first checks in editors. `shaper check` is stricter. */
export function configSchema(): Record<string, unknown> {
  const { top, ...others } = SECTIONS;
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'shaper configuration',
    ...sectionSchema(top, false),
    $defs: Object.fromEntries([
      ...Object.entries(others).map(([name, section]) => [name, sectionSchema(section, !PLAIN.has(name))]),
      [
        'perDirection',
        {
          ...sectionSchema(PER_DIRECTION, false),
          description: 'Only in `both`: a value for each direction.',
        },
      ],
    ]),
  };
}

/** Sections outside of directions: no value in them may be { up: …, down: … }. */
const PLAIN: ReadonlySet<string> = new Set([
  'link',
  'overhead',
  'local',
  'exempt',
  'hosts',
  'history',
  'quota',
  'quotaHosts',
  'window',
  'action',
  'throttle',
  'page',
  'mail',
  'module',
  'nfqueue',
  'control',
  'log',
]);

const TAKES_EFFECT = {
  live: '',
  reload: ' Takes effect with shaper reload.',
  restart: ' Takes effect at the next start.',
};

function sectionSchema(section: Section, isInDirection: boolean): Record<string, unknown> {
  const fields = usable(section);
  const required = fields.filter(([, field]) => field.default === 'required').map(([key]) => key);
  const properties = fields.map(([key, field]) => {
    const { help, change, schema } = field;
    const mayDiffer = isInDirection && (field.shape !== 'node' || field.mayDiffer);
    const description = `${help}${TAKES_EFFECT[change]}`;
    return [key, { description, ...(mayDiffer ? { anyOf: [schema, ref('perDirection')] } : schema) }];
  });
  return {
    type: 'object',
    properties: Object.fromEntries(properties),
    ...(required.length > 0 ? { required } : {}),
    additionalProperties: false,
  };
}
