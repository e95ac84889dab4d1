import { describe, expect, it } from 'vitest';
import { allowArguments, type Command, dispatch } from '../../../../src/control/commands/commands.ts';

const greet: Command = async (given) => {
  allowArguments(given, ['name']);
  return { greeting: `hello ${String(given.name)}` };
};
const handle = dispatch(new Map([['greet', greet]]));

describe('the table of commands', () => {
  it('gives a command its arguments, without its name', async () => {
    expect(await handle({ command: 'greet', name: 'you' })).toEqual({ greeting: 'hello you' });
  });

  it.each([
    [{ command: 'set' }, 'unknown command "set"'],
    [{ command: 'constructor' }, 'unknown command "constructor"'],
    [{ command: ['greet'] }, 'unknown command ["greet"]'],
    [{}, 'unknown command'],
    [{ command: 'greet', name: 'you', loud: true }, 'unknown argument "loud"'],
  ])('refuses %j by name', async (request, message) => {
    await expect(handle(request)).rejects.toThrow(message);
  });
});
