import { describe, expect, it } from 'vitest';
import { CliError } from '../../../src/base/errors.ts';
import { asCliError } from '../../../src/cli/errors.ts';
import { ConfigError } from '../../../src/config/config.ts';
import { ClientError } from '../../../src/control/client.ts';
import { ControlError } from '../../../src/control/server.ts';
import { AddonError } from '../../../src/io/nfqueue/addon.ts';
import { NfqueueError } from '../../../src/io/nfqueue/nfqueue-error.ts';
import { RulesError } from '../../../src/io/rules/errors.ts';

describe('exit codes of failures', () => {
  it.each([
    [new ConfigError([{ file: 'f', line: 1, column: 1, message: 'm' }]), 2],
    [new RulesError('request', 'm'), 2],
    [new RulesError('denied', 'm', 'be root'), 3],
    [new RulesError('unsupported', 'm', 'h'), 3],
    [new RulesError('taken', 'm', 'h'), 3],
    [new RulesError('missing', 'm', 'h'), 3],
    [new RulesError('failed', 'm'), 3],
    [new NfqueueError('EBUSY', 'bind', 'other queue'), 3],
    [new ControlError('live', 'm', 'h'), 3],
    [new ClientError('absent', 'm'), 3],
    [new ClientError('denied', 'm'), 3],
    [new ClientError('failed', 'm'), 3],
    [new AddonError('build it'), 3],
    [new CliError(1, 'm'), 1],
  ])('%s: %d', (error, exitCode) => {
    const failure = asCliError(error)!;
    expect(failure.exitCode).toBe(exitCode);
    // What is not possible here comes with what to do; the addon's messages end in it.
    if (exitCode === 3 && !(error instanceof AddonError)) expect(failure.hint).not.toBe('');
  });

  it('hints go along', () => {
    expect(asCliError(new NfqueueError('EBUSY', 'bind', 'other queue'))).toMatchObject({
      message: 'cannot open the queues: bind: EBUSY',
      hint: 'other queue',
    });
    expect(asCliError(new ClientError('denied', 'm'))!.hint).toContain('root');
  });

  it('anything else is a fault of the program', () => {
    expect(asCliError(new TypeError('x'))).toBeNull();
    expect(asCliError('x')).toBeNull();
  });
});
