import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createStopper, type Stopper } from '../../../src/live/stop.ts';

let stopper: Stopper | null = null;
beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  stopper?.dispose();
  stopper = null;
  vi.useRealTimers();
});

class Exited extends Error {}

function setUp() {
  const seen: string[] = [];
  stopper = createStopper({
    exitNow: (code) => {
      seen.push(`exit ${code}`);
      throw new Exited();
    },
    onIgnored: (name) => seen.push(`ignored ${name}`),
    onReload: () => seen.push('reload'),
    onTimeout: () => seen.push('timeout'),
  });
  return { stopper, seen };
}

/** As the kernel's signal would, without one. */
const signal = (name: NodeJS.Signals): void => {
  process.emit(name, name);
};

describe('signals', () => {
  it.each([
    'SIGTERM',
    'SIGINT',
    'SIGQUIT',
    'SIGALRM',
    'SIGXCPU',
    'SIGVTALRM',
    'SIGPWR',
    'SIGIO',
    'SIGPROF',
    'SIGUSR2',
  ] as const)(
    '%s asks for the stop, signals within 300 ms are the same request, a later one ends at once',
    async (name) => {
      const { stopper: s, seen } = setUp();
      signal(name);
      expect(await s.requested).toEqual({ reason: name, exitCode: 0 });
      expect(s.isRequested()).toBe(true);
      vi.advanceTimersByTime(299);
      signal('SIGTERM');
      expect(seen).toEqual([]);
      vi.advanceTimersByTime(1);
      expect(() => signal('SIGTERM')).toThrow(Exited);
      expect(seen).toEqual(['exit 1']);
    },
  );

  it('SIGHUP stops nothing', () => {
    const { seen } = setUp();
    signal('SIGHUP');
    signal('SIGHUP');
    expect(seen).toEqual(['reload', 'reload']);
  });

  it('SIGTSTP does not stop the process', () => {
    const { stopper: s, seen } = setUp();
    signal('SIGTSTP');
    expect(seen).toEqual(['ignored SIGTSTP']);
    expect(s.isRequested()).toBe(false);
  });

  it('the deadline of a stop holds after dispose too', () => {
    const { stopper: s, seen } = setUp();
    signal('SIGTERM');
    s.dispose();
    expect(() => vi.advanceTimersByTime(1900)).toThrow(Exited);
    expect(seen).toEqual(['timeout', 'exit 1']);
  });

  it('a fault asks for the stop with exit code 1', async () => {
    const { stopper: s } = setUp();
    s.fail('the table is gone');
    s.fail('and something else');
    expect(await s.requested).toEqual({ reason: 'the table is gone', exitCode: 1 });
  });

  it('a command asks for the stop as a signal does: exit code 0, and the same deadline', async () => {
    const { stopper: s, seen } = setUp();
    s.ask('shaper stop');
    expect(await s.requested).toEqual({ reason: 'shaper stop', exitCode: 0 });
    expect(() => vi.advanceTimersByTime(1900)).toThrow(Exited);
    expect(seen).toEqual(['timeout', 'exit 1']);
  });

  it('an orderly stop that hangs is ended within two seconds', () => {
    const { seen } = setUp();
    signal('SIGTERM');
    vi.advanceTimersByTime(1500);
    expect(seen).toEqual([]);
    expect(() => vi.advanceTimersByTime(499)).toThrow(Exited);
    expect(seen).toEqual(['timeout', 'exit 1']);
  });

  it('dispose gives the signals back', () => {
    const before = process.listenerCount('SIGTERM');
    const { stopper: s, seen } = setUp();
    expect(process.listenerCount('SIGTERM')).toBe(before + 1);
    s.dispose();
    expect(process.listenerCount('SIGTERM')).toBe(before);
    expect(process.listenerCount('SIGHUP')).toBe(0);
    expect(seen).toEqual([]);
  });
});
