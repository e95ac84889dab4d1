import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { NftSession } from '../../../../src/io/rules/nft-session.ts';

const TABLE = 'inet shaper_7';
const LISTING = `table ${TABLE} {\\n\\tflags owner\\n}\\n`;

let folder = '';
let session: NftSession | undefined;

/** A session with a shell script in place of nft. */
function pretend(script: string): NftSession {
  const path = join(folder, 'nft');
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  session = new NftSession(TABLE);
  return session;
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'shaper-session-'));
  vi.stubEnv('PATH', `${folder}:${process.env.PATH}`);
});

afterEach(async () => {
  await session?.end();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

describe('a session with nft', () => {
  it('sends one line per transaction, without comments, and waits for the listing', async () => {
    const nft = pretend(
      `while read -r line; do case $line in "list table"*) printf '${LISTING}';; *) echo "got $line";; esac; done`,
    );
    expect(await nft.run('it', ['# why', 'add a', 'add b'])).toMatch(/^got add a; add b\ntable /);
    expect(await nft.query('it', ['list x', 'list y'])).toMatch(/^got list x\ngot list y\ntable /);
    expect(nft.listed).toBe(true);
    const both = await Promise.all([nft.run('one', ['1']), nft.run('two', ['2'])]);
    expect(both.map((text) => /got (\d)/.exec(text)?.[1])).toEqual(['1', '2']);
    expect(await nft.end(['bye'])).toBeNull();
  });

  it('tells a failed transaction from a table that is gone', async () => {
    const refusal = `Error: No such file or directory\\nlist table ${TABLE}\\n           ^^^^\\n`;
    const nft = pretend(
      `n=0; while read -r line; do case $line in
        bad) printf 'Error: Could not process rule: File exists\\nbad\\n^^^\\n';;
        gone) n=1;;
        "list table"*) if [ $n = 0 ]; then printf '${LISTING}'; else printf '${refusal}'; fi;;
      esac; done`,
    );
    await expect(nft.run('one', ['bad'])).rejects.toThrow('one: Error: Could not process rule: File exists');
    expect(nft.listed).toBe(true);
    await expect(nft.run('two', ['gone'])).rejects.toThrow(`two: table ${TABLE} is gone`);
    expect(nft.listed).toBe(false);
    await expect(nft.run('three', ['bad'])).rejects.toThrow(
      'three: Error: Could not process rule: File exists',
    );
  });

  it('says when nft has no interactive mode', async () => {
    const nft = pretend('echo "nft: interactive CLI not supported in this build" >&2; exit 1');
    await expect(nft.run('it', ['x'])).rejects.toMatchObject({
      code: 'unsupported',
      hint: expect.stringContaining('nft -i'),
    });
  });

  it('says when there is no right to look', async () => {
    const denied = 'netlink: Error: cache initialization failed: Operation not permitted';
    const nft = pretend(`while read -r line; do echo "${denied}"; done`);
    await expect(nft.run('it', ['x'])).rejects.toMatchObject({ code: 'denied' });
  });

  it('reports an unexpected end once, to those who ask late as well, and not the end we asked for', async () => {
    const nft = pretend('read -r line; exit 3');
    const reasons: string[] = [];
    nft.onLost((reason) => reasons.push(reason));
    await expect(nft.run('it', ['x'])).rejects.toThrow(/it: nft ended \(status 3\)/);
    await new Promise<void>((resolve) => nft.onLost(() => resolve()));
    expect(reasons).toEqual(['nft ended (status 3)']);
    await expect(nft.run('again', ['x'])).rejects.toThrow(/again: nft ended/);

    const orderly = pretend('cat >/dev/null');
    orderly.onLost((reason) => reasons.push(reason));
    await orderly.end();
    expect(reasons).toHaveLength(1);
  });

  it('kills a child that does not end', async () => {
    const nft = pretend('trap "" TERM; while :; do sleep 0.2; done');
    const ended = await nft.end();
    expect(ended).toBeNull();
  });
});
