import { expect, it } from 'vitest';
import { OperatingError } from '../../../src/base/errors.ts';
import { checkProcess, readProcessStatus } from '../../../src/live/preconditions.ts';

function refusal(statusText: string | null): unknown {
  try {
    checkProcess(statusText);
    return null;
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error;
    return [error.exitCode, error.message, error.hint];
  }
}

it('without /proc nothing else is tried, and the message says how to mount it', () => {
  const message = 'there is no /proc here, which says what devices there are';
  expect(refusal(null)).toEqual([3, message, 'mount it: mount -t proc proc /proc']);
});

it('who may not administer the network hears that first', () => {
  // All capabilities but CAP_NET_ADMIN, bit 12.
  expect(refusal('Name:\tnode\nCapEff:\t000001ffffffefff\n')).toEqual([
    3,
    'the capability CAP_NET_ADMIN is missing',
    expect.stringContaining('run as root'),
  ]);
  expect(refusal('Name:\tnode\nCapEff:\t0000000000001000\n')).toBe(null);
});

it('the status of this process is found', () => {
  expect(readProcessStatus()).toMatch(/^CapEff:/m);
});
