/** `shaper module`: modules of a running instance. */
import { resolve } from 'node:path';
import { EXIT_FINE, EXIT_USAGE, OperatingError } from '../../base/errors.ts';
import { call, type Method } from '../../client/client.ts';
import { PRIORITY_MAX } from '../../config/fields/modules.ts';
import type { ModuleReport, ModuleSwitch } from '../../control/modules.ts';
import { kindOfUse } from '../../io/modules/loader.ts';
import { type ChangeOptions, socketOf } from '../change/socket.ts';
import type { Terminal } from '../terminal.ts';
import { modulesTable, moduleText, optionsText } from './table.ts';

export interface ListOptions extends ChangeOptions {
  readonly options?: boolean;
}

export interface LoadOptions extends ChangeOptions {
  readonly priority?: string;
  readonly run?: 'user' | 'kernel';
}

interface Answer {
  readonly modules: readonly ModuleReport[];
}

const PATH = '/v1/modules';

export async function list(options: ListOptions, terminal: Terminal): Promise<number> {
  const { modules } = await call<Answer>(socketOf(options), 'GET', PATH);
  const text = (): string =>
    modulesTable(modules, terminal.columns) + (options.options ? modules.map(optionsText).join('') : '');
  terminal.out(options.json ? json(modules) : text());
  return EXIT_FINE;
}

/** A relative file starts at the folder of the caller. Throws OperatingError for what is no assignment. */
export async function load(
  file: string,
  assignments: readonly string[],
  options: LoadOptions,
  terminal: Terminal,
): Promise<number> {
  const { run } = options;
  const body = {
    use: kindOfUse(file) === 'file' ? resolve(file) : file,
    folder: process.cwd(),
    ...(options.priority !== undefined && { priority: priorityOf(options.priority) }),
    ...(run !== undefined && { run }),
    options: optionsOf(assignments),
  };
  return changed('POST', PATH, options, terminal, body);
}

export async function stat(name: string, options: ChangeOptions, terminal: Terminal): Promise<number> {
  const { modules } = await call<Answer>(socketOf(options), 'GET', urlOf(name));
  terminal.out(options.json ? json(modules[0]!) : moduleText(modules[0]!));
  return EXIT_FINE;
}

export async function turn(
  action: ModuleSwitch,
  name: string,
  options: ChangeOptions,
  terminal: Terminal,
): Promise<number> {
  return action === 'unload'
    ? changed('DELETE', urlOf(name), options, terminal)
    : changed('POST', `${urlOf(name)}/${action}`, options, terminal);
}

async function changed(
  method: Method,
  path: string,
  options: ChangeOptions,
  terminal: Terminal,
  body?: object,
): Promise<number> {
  const { modules } = await call<Answer>(socketOf(options), method, path, body);
  const one = modules[0]!;
  const state = method === 'DELETE' ? 'unloaded' : one.state;
  terminal.out(options.json ? json(one) : `${one.label}: ${state}\n`);
  return EXIT_FINE;
}

function urlOf(name: string): string {
  return `${PATH}/${encodeURIComponent(name)}`;
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function priorityOf(written: string): number {
  if (/^\d+$/.test(written) && Number(written) <= PRIORITY_MAX) return Number(written);
  const range = `is no whole number from 0 to ${PRIORITY_MAX}`;
  throw new OperatingError(EXIT_USAGE, `--priority ${written} ${range}`, 'such as --priority 10');
}

function optionsOf(assignments: readonly string[]): Record<string, string> {
  const options: Record<string, string> = {};
  for (const one of assignments) {
    const at = one.indexOf('=');
    if (at < 1) throw new OperatingError(EXIT_USAGE, `'${one}' is no KEY=VALUE`, 'such as threshold=20');
    const key = one.slice(0, at);
    if (Object.hasOwn(options, key))
      throw new OperatingError(EXIT_USAGE, `option ${key} is given twice`, 'give it once');
    options[key] = one.slice(at + 1);
  }
  return options;
}
