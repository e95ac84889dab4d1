/** Shell scripts in place of nft and iptables, first in PATH. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, vi } from 'vitest';

export interface FakeTools {
  /** The lines of `script` run as the tool of this name. `$LOG` is a file for what it was asked. */
  pretend(tool: string, script: string): void;
  log(): string;
}

export function useFakeTools(): FakeTools {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'shaper-tools-'));
    vi.stubEnv('PATH', `${folder}:${process.env.PATH}`);
    vi.stubEnv('LOG', join(folder, 'log'));
    writeFileSync(join(folder, 'log'), '');
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });
  return {
    pretend: (tool, script) => {
      writeFileSync(join(folder, tool), `#!/bin/sh\n${script}\n`);
      chmodSync(join(folder, tool), 0o755);
    },
    log: () => readFileSync(join(folder, 'log'), 'utf8'),
  };
}
