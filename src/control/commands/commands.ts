/** The table of commands that the control socket takes: `{"command": NAME, …arguments}`. */
import type { Handler } from '../server.ts';

export type Arguments = Readonly<Record<string, unknown>>;

/** Checks its arguments and resolves with the fields of the reply. The client is told of an error. */
export type Command = (given: Arguments) => Promise<object>;

export type Commands = ReadonlyMap<string, Command>;

/** The handler of the socket. Refuses a command that is not in the table, by its name. */
export function dispatch(commands: Commands): Handler {
  return async ({ command: name, ...given }) => {
    const command = typeof name === 'string' ? commands.get(name) : undefined;
    if (!command) throw new Error(`unknown command ${JSON.stringify(name)}`);
    return command(given);
  };
}

/** Throws an error that names the first argument which is none of `names`. */
export function allowArguments(given: Arguments, names: readonly string[]): void {
  const unknown = Object.keys(given).find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`unknown argument ${JSON.stringify(unknown)}`);
}
