/**
 * The one table of everything that a configuration may say: every key, what it takes, and in words what it defaults to and does.
 * Reading the file, docs/configuration.md and the editor's schema are made from it. Defaults as numbers stand where they are used
 * (config*.ts), because most are computed from other values.
 */

import { CONTROL, LOG, NFQUEUE } from './host.ts';
import { mapOf, node, ref, type Section } from './kinds.ts';
import { CLASS, DIRECTION, EACH, LINK, MATCH, OVERHEAD, POLICE } from './links.ts';
import { METER, REMARK } from './meter.ts';
import { AQM, CODEL, PIE, PROFILE, QUEUE, RED, WRED } from './queue.ts';

const TOP = {
  links: node(
    { takes: 'map of name to link', default: 'required', help: 'The devices to shape.' },
    mapOf('link'),
  ),
  nfqueue: node(
    { takes: 'map', default: '{}', help: 'What binds the instance to the kernel.' },
    ref('nfqueue'),
  ),
  control: node({ takes: 'map', default: '{}', help: 'Where a running instance is asked.' }, ref('control')),
  log: node({ takes: 'map', default: '{}', help: 'How much is logged.' }, ref('log')),
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
  queue: QUEUE,
  aqm: AQM,
  codel: CODEL,
  pie: PIE,
  red: RED,
  wred: WRED,
  profile: PROFILE,
  nfqueue: NFQUEUE,
  control: CONTROL,
  log: LOG,
} as const;
