import { describe, expect, it } from 'vitest';
import { OperatingError } from '../../../src/base/errors.ts';
import { explain } from '../../../src/cli/errors.ts';
import type { Terminal } from '../../../src/cli/terminal.ts';
import { ClientError } from '../../../src/client/client.ts';
import { ConfigError } from '../../../src/config/config.ts';
import { ControlError } from '../../../src/control/server.ts';
import { AddonError } from '../../../src/io/nfqueue/addon.ts';
import { NfqueueError } from '../../../src/io/nfqueue/nfqueue-error.ts';
import { RulesError } from '../../../src/io/rules/errors.ts';

function explained(error: unknown): { exitCode: number; stderr: string } {
  let stderr = '';
  const err = (text: string): void => {
    stderr += text;
  };
  const exitCode = explain(error, { err } as Terminal);
  return { exitCode, stderr };
}

const BY_HAND =
  '  try by hand: nft list ruleset, and what shaper rules --conf FILE prints; the tool may be broken or busy\n';

describe('what the user sees of a failure', () => {
  it.each<[Error, number, string]>([
    [new ConfigError([{ file: 'f', line: 1, column: 2, offset: 1, message: 'm' }]), 2, 'f:1:2: m\n'],
    [new RulesError('request', 'm'), 2, 'shaper: m\n'],
    [new RulesError('request', 'm', 'h'), 2, 'shaper: m\n  h\n'],
    [new RulesError('denied', 'm', 'be root'), 3, 'shaper: m\n  be root\n'],
    [new RulesError('unsupported', 'm', 'h'), 3, 'shaper: m\n  h\n'],
    [new RulesError('taken', 'm', 'h'), 3, 'shaper: m\n  h\n'],
    [new RulesError('missing', 'm', 'h'), 3, 'shaper: m\n  h\n'],
    [new RulesError('failed', 'm'), 3, `shaper: m\n${BY_HAND}`],
    [new NfqueueError('EBUSY', 'bind', 'h'), 3, 'shaper: cannot open the queues: bind: EBUSY\n  h\n'],
    [new ControlError('live', 'm', 'h'), 3, 'shaper: m\n  h\n'],
    [
      new ClientError('absent', 'm'),
      3,
      'shaper: m\n  name its file or its socket (--conf, --socket), or start one: shaper --conf FILE\n',
    ],
    [
      new ClientError('denied', 'm'),
      3,
      'shaper: m\n  run as the user of that instance, usually root, or as a member of its control.group\n',
    ],
    [
      new ClientError('failed', 'm'),
      1,
      'shaper: m\n  its log may say why; kill -9 ends an instance that hangs, and traffic then flows unshaped\n',
    ],
    [new ClientError('refused', 'm', 'h'), 2, 'shaper: m\n  h\n'],
    [new ClientError('refused', 'f:1:2: m', ''), 2, 'f:1:2: m\n'],
    [new ClientError('undone', 'm', ''), 1, 'shaper: m\n'],
    [new AddonError('build it'), 3, 'shaper: build it\n'],
    [new OperatingError(1, 'm'), 1, 'shaper: m\n'],
  ])('%s: %d', (error, exitCode, stderr) => {
    expect(explained(error)).toEqual({ exitCode, stderr });
  });

  it.each([new TypeError('x'), 'x'])('a fault of the program is thrown on: %s', (fault) => {
    expect(() => explained(fault)).toThrow('x');
  });
});
