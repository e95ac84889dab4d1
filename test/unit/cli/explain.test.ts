import { expect, it } from 'vitest';
import { explain } from '../../../src/cli/explain.ts';
import type { Terminal } from '../../../src/cli/terminal.ts';

function outputOf(key: string, options: { json?: boolean } = {}): { exitCode: number; out: string } {
  const written: string[] = [];
  const terminal = { out: (text: string) => void written.push(text) } as Terminal;
  return { exitCode: explain(key, options, terminal), out: written.join('') };
}

it('a key for people', () => {
  expect(outputOf('queue.limit')).toEqual({
    exitCode: 0,
    out: expect.stringMatching(
      /^queue\.limit \(of a class\)\n {2}How much may wait.*\n {2}takes {4}size\n {2}default {2}100ms.*\n {2}changes {2}while packets flow: shaper set, or shaper reload\n {2}example {2}queue: \{ limit: 60kB \}\n$/,
    ),
  });
});

it('as JSON', () => {
  expect(JSON.parse(outputOf('nfqueue.mark', { json: true }).out)).toMatchObject({
    keys: [
      { key: 'nfqueue.mark', of: 'the file', change: 'restart', example: 'nfqueue: { mark: 0x00ff0000 }' },
    ],
  });
});
