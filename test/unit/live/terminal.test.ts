import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';

const ROOT = new URL('../../../', import.meta.url);
const SCRIPT = `import('${new URL('src/live/terminal.ts', ROOT).href}').then(({ canOpenTerminal, isUnderNohup, terminalDevice }) =>
  console.log(JSON.stringify([canOpenTerminal(), isUnderNohup(), terminalDevice() !== 0])))`;
const NODE = [process.execPath, '--import', 'tsx', '-e', SCRIPT];
const quote = (words: readonly string[]): string =>
  words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');

/** What a process says of its terminal that runs under these commands. */
function ask(command: readonly string[]): unknown {
  const { stdout } = spawnSync(command[0]!, command.slice(1), { cwd: ROOT, encoding: 'utf8' });
  return JSON.parse(/\[.*\]/.exec(stdout)?.[0] ?? 'null');
}

/** script(1) gives its command a terminal of its own. */
const inTerminal = (command: string): string[] => ['script', '-qec', command, '/dev/null'];

it('knows whether there is a terminal', () => {
  expect(ask(['setsid', '-w', ...NODE])).toEqual([false, false, false]);
  expect(ask(inTerminal(quote(NODE)))).toEqual([true, false, true]);
  // Redirections take no terminal away.
  expect(ask(inTerminal(`${quote(NODE)} </dev/null 2>/dev/null | cat`))).toEqual([true, false, true]);
});

it('knows nohup', () => {
  expect(ask(inTerminal(`nohup ${quote(NODE)} | cat`))).toEqual([true, true, true]);
});
