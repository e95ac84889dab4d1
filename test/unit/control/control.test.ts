import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StopReply } from '../../../src/control/commands/stop.ts';
import type { StatusReport } from '../../../src/control/status.ts';

interface Outcome {
  readonly replies: readonly StatusReport[];
  readonly refusal: string;
  readonly stopReply: StopReply;
  readonly stops: number;
  readonly pid: number;
  readonly failures: readonly string[];
  readonly socketMode: number;
  readonly isMaskKept: boolean;
  readonly isSocketLeft: boolean;
}

const folder = mkdtempSync(join(tmpdir(), 'shaper-test-'));
let outcome: Outcome;

beforeAll(async () => {
  const script = fileURLToPath(new URL('./control-thread.ts', import.meta.url));
  const args = ['--import', 'tsx', script, join(folder, 'run', 'x.sock')];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 30_000 });
  outcome = JSON.parse(stdout) as Outcome;
}, 40_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the control thread', () => {
  it('answers with the counters of the moment', () => {
    const received = outcome.replies.map(({ totals }) => totals.received.packets);
    expect(received).toEqual([41, 42, 42]);
  });

  it("uptime is the instant of the snapshot, and the port's own counters are those of then", () => {
    const { uptimeSeconds, socket } = outcome.replies[0]!;
    expect(uptimeSeconds).toBe(2.5);
    expect(socket).toEqual({ truncated: 1, malformed: 2, sendErrors: 3, refusedVerdicts: 4 });
  });

  it('answers with the buckets of each class that has each', () => {
    const [up] = outcome.replies[0]!.classes;
    expect(up!.each).toEqual({ by: 'host', rateBitsPerSecond: 1000, fullest: [] });
  });

  it('a live socket is a typed error, and the instance that has it goes on', () => {
    expect(outcome.refusal).toBe('live');
    expect(outcome.replies[2]!.backend).toBe('iptables');
  });

  it('passes on a request to stop once, and names the process whose end may be waited for', () => {
    expect(outcome.stopReply.process.pid).toBe(outcome.pid);
    expect(outcome.stopReply.process.startTicks).toBeGreaterThan(0);
    expect(outcome.stops).toBe(1);
  });

  it('makes the folder and a socket of mode 0600, and leaves the umask as it was', () => {
    expect(outcome).toMatchObject({ socketMode: 0o600, isMaskKept: true });
  });

  it('ends without complaint and without leaving its socket', () => {
    expect(outcome.failures).toEqual([]);
    expect(outcome.isSocketLeft).toBe(false);
  });
});
