/** Fields of users' own modules. Part of the table in sections.ts. */
import { MODULE as DEFAULTS } from './defaults.ts';
import { NO_MODULE_KEYS } from './elsewhere.ts';
import { boolean, choice, FieldError, node, type Section, word } from './kinds.ts';
import { integer } from './quantities.ts';

const change = 'reload';
export const PRIORITY_MAX = 1000;

/** The name of a built-in module, a file or a package. */
const MODULE_NAME = {
  read(text: string): string {
    if (/^\s|\s$|[\0\n\r]/.test(text) || text === '')
      throw new FieldError(`'${text}' names no module; write a built-in name, ./FILE.ts, or a package`);
    return text;
  },
  write: (text: string) => text,
};

const NAMES = 'built-in name, file, or package';

export const MODULE = {
  use: word(
    {
      takes: NAMES,
      default: 'required',
      change,
      help: 'The module. A file ends in .ts or .js and needs no build step. A relative path starts at the folder of this file.',
    },
    MODULE_NAME,
  ),
  run: choice({
    choices: ['user', 'kernel'],
    default: 'user if the module has that form',
    change,
    help: 'Where it runs: in the shaper, or as rules of nft.',
  }),
  priority: integer({
    min: 0,
    max: PRIORITY_MAX,
    default: String(DEFAULTS.priority),
    change,
    help: 'Packets pass modules of lower numbers first, and those of one number in the order of this list. At one hook kernel-run modules come before all user-run ones.',
  }),
  options: node(
    {
      takes: 'map',
      default: '{}',
      change,
      help: 'Values of its options: `shaper check` says which there are.',
    },
    { type: 'object' },
  ),
  enabled: boolean({ default: String(DEFAULTS.enabled), change, help: 'With false it is loaded, but off.' }),
  ...NO_MODULE_KEYS,
} satisfies Section;

/** A module as the action of a quota. */
export const ACTION_MODULE = word(
  {
    takes: 'label, or `use` of a module',
    default: 'none',
    change,
    help: 'The module whose `onQuota` is called whenever the state of a host changes: one of `modules`, or a file, which is one more module then.',
  },
  MODULE_NAME,
);
