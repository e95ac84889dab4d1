/** Routes of modules: users' own code on packets. */
import { PRIORITY_MAX } from '../../config/fields/modules.ts';
import { ApiError } from '../api-error.ts';
import { type Route, route } from '../http/route.ts';
import {
  anyObject,
  boolean,
  choice,
  integer,
  list,
  nullable,
  number,
  object,
  optional,
  type Schema,
  text,
} from '../http/schema.ts';
import type { ModuleCommand, ModuleReport } from '../modules.ts';

const HOOKS = ['prerouting', 'input', 'forward', 'output', 'postrouting'] as const;
const TYPES = ['integer', 'number', 'boolean', 'string', 'rate', 'duration', 'size', 'list'] as const;

const MODULE: Schema<ModuleReport> = object('A module', {
  label: text('Its name, unique in the instance'),
  enabled: boolean('Whether it shall run; an ejected module is enabled as well'),
  priority: integer('Packets pass the lowest first'),
  hooks: list('Where it meets packets', choice('A hook', HOOKS)),
  packets: integer('That came to it'),
  dropped: integer('Of these, those that it dropped'),
  stolen: integer('Of these, those that it held back'),
  nanosecondsPerPacket: number('Mean processor time; 0 if it is kernel-run'),
  errors: integer('What it did wrong'),
  state: choice('ejected: it threw or took too long, and its packets pass', ['on', 'off', 'ejected']),
  reason: nullable(text('Why it was ejected')),
  run: choice('Where it runs', ['user', 'kernel']),
  about: text('One line for people'),
  interest: text('Which packets it meets, as JSON; empty: all'),
  heldPackets: integer('That it holds back now'),
  options: list(
    'Its options',
    object('An option', {
      name: text('Its key'),
      type: choice('What it takes', TYPES),
      value: text('In the words of the configuration'),
      default: nullable(text('null: it must be given')),
      help: text('One line'),
    }),
  ),
  source: text('The file, or the name of a built-in module'),
});

const MODULES = object('Modules', { modules: list('In the order in which packets pass them', MODULE) });
const ONE = object('The module as it is now', { modules: list('One', MODULE) });

export interface ModuleCommands {
  /** Rejects with ApiError. */
  readonly modules: (command: ModuleCommand) => Promise<readonly ModuleReport[]>;
  /** Others than the user of the instance may use the socket. */
  readonly isShared: boolean;
}

export function moduleRoutes({ modules, isShared }: ModuleCommands): Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/modules',
      summary: 'All modules with their counters',
      answer: MODULES,
      handle: async () => ({ modules: await modules({ do: 'list' }) }),
    }),
    route({
      method: 'POST',
      path: '/v1/modules',
      summary: 'Loads a module, and switches it on',
      body: object('Which module', {
        use: text('The name of a built-in module or of a package, or a file (.ts or .js)'),
        folder: optional(text('Absolute path where a relative file starts; / without it')),
        priority: optional(
          integer('Packets pass the lowest first; 100 without it', { min: 0, max: PRIORITY_MAX }),
        ),
        run: optional(choice('Which of its forms', ['user', 'kernel'])),
        options: optional(anyObject('Its options, by name, as in the configuration')),
      }),
      answer: ONE,
      handle: async ({ body: { use, folder = '/', priority = null, run = null, options = {} } }) => {
        if (!folder.startsWith('/')) throw wrong('body.folder', 'an absolute path is expected');
        if (isShared && !/^[\w-]+$/.test(use)) throw sharedRefusal();
        return {
          modules: await modules({
            ...{ do: 'load', use, folder: isShared ? '/' : folder, priority, run },
            options: textsOf(options),
          }),
        };
      },
    }),
    route({
      method: 'GET',
      path: '/v1/modules/:name',
      summary: 'One module with its counters and options',
      answer: ONE,
      handle: async ({ params: { name } }) => ({ modules: await modules({ do: 'stat', name }) }),
    }),
    route({
      method: 'DELETE',
      path: '/v1/modules/:name',
      summary: 'Unloads a module; packets that it holds are accepted',
      answer: object('The module as it was', { modules: list('One', MODULE) }),
      handle: async ({ params: { name } }) => ({ modules: await modules({ do: 'unload', name }) }),
    }),
    ...SWITCHES.map(([action, summary]) =>
      route({
        method: 'POST',
        path: `/v1/modules/:name/${action}` as '/v1/modules/:name/on',
        summary,
        answer: ONE,
        handle: async ({ params: { name } }) => ({ modules: await modules({ do: action, name }) }),
      }),
    ),
  ];
}

const SWITCHES = [
  ['on', 'Switches a module on, also one that was ejected'],
  ['off', 'Switches a module off: its packets stay in the kernel'],
  ['reload', 'Reads the file of a module again, and runs that'],
] as const;

/** JSON numbers and booleans are taken as they are written. */
function textsOf(options: Readonly<Record<string, unknown>>): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(options)) {
    const isList = Array.isArray(value) && value.every(isPlain);
    if (!isList && !isPlain(value))
      throw wrong(`body.options.${name}`, 'text, a number, true, false or a list of these is expected');
    texts[name] = isList ? value.join(',') : String(value);
  }
  return texts;
}

function isPlain(value: unknown): value is string | number | boolean {
  return ['string', 'number', 'boolean'].includes(typeof value);
}

function wrong(where: string, message: string): ApiError {
  return new ApiError(400, 'wrong-value', `${where}: ${message}`, where);
}

/** Who may use the socket but is not the user of the instance must not run files as that user. */
function sharedRefusal(): ApiError {
  const message = 'the instance loads no files over its socket while that has a control.group';
  return new ApiError(400, 'refused', message, 'body.use', 'name the file in its configuration, and reload');
}
