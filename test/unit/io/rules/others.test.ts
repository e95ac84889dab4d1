/** What else lives in the namespace, as seen through an nft that answers as it is told. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findConflicts, findWarnings, type RulesRequest } from '../../../../src/io/rules/index.ts';
import { parseFlowtableClashes, parseSetElements } from '../../../../src/io/rules/others.ts';

const REQUEST: RulesRequest = {
  plan: {
    directions: [{ device: 'wan0', direction: 'up', nfqueue: 0, fastNfqueue: null }],
    gso: [false],
    copyBytes: [128],
    ecn: false,
    dscps: [],
  },
  nfqueue: {
    ...{ first: 100, count: 1, length: 1024, bypass: true },
    ...{ gso: false, backend: 'auto', markMask: 0xff000000 },
  },
};

const path = process.env.PATH;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'shaper-test-'));
  process.env.PATH = `${folder}:${path}`;
});
afterEach(() => {
  process.env.PATH = path;
  rmSync(folder, { recursive: true });
});

/** `answers`: what nft does, by a pattern of its arguments. */
function nft(answers: Readonly<Record<string, string>>): void {
  const cases = Object.entries(answers).map(([pattern, command]) => `*'${pattern}'*) ${command} ;;`);
  const file = join(folder, 'nft');
  writeFileSync(file, `#!/bin/sh\ncase "$*" in\n${cases.join('\n')}\n*) exit 1 ;;\nesac\n`);
  chmodSync(file, 0o755);
}
const says = (text: string): string => `echo '${text}'`;
const fails = (text: string): string => `{ echo 'Error: ${text}' >&2; exit 1; }`;
const setOf = (element: string): string => says(`{"nftables": [{"set": {"elem": [${element}]}}]}`);

describe('another instance', () => {
  const tables = { 'list tables': says('table inet shaper_200') };

  it('is in the way where it shapes the device or has the same mark bits', async () => {
    nft({ ...tables, shaped_devices: setOf('"wan0"'), mark_mask: setOf('4278190080') });
    expect(await findConflicts(REQUEST)).toEqual([
      'device wan0 is shaped by the running instance with nfqueue.first 200',
      'mark mask 0xff000000 shares bits with 0xff000000 of the running instance with nfqueue.first 200',
    ]);
  });

  it("that has gone meanwhile is in nobody's way", async () => {
    nft({ ...tables, 'list set': fails('No such file or directory') });
    expect(await findConflicts(REQUEST)).toEqual([]);
  });

  it('that cannot be looked at is not taken for harmless', async () => {
    nft({ ...tables, 'list set': fails('netlink: out of memory') });
    await expect(findConflicts(REQUEST)).rejects.toThrow(
      /listing the set \w+ of table shaper_200: .*out of memory/,
    );
  });
});

describe('flowtables', () => {
  it('that cannot be listed are a warning, as are those of a shaped device', async () => {
    nft({ 'list flowtables': fails('netlink: out of memory') });
    expect(await findWarnings(REQUEST)).toEqual([expect.stringMatching(/cannot be listed.*out of memory/)]);
    nft({
      'list flowtables': says('{"nftables": [{"flowtable": {"name": "f", "table": "t", "dev": "wan0"}}]}'),
    });
    expect(await findWarnings(REQUEST)).toEqual([
      expect.stringMatching(/^flowtable f of table t covers wan0/),
    ]);
    nft({ 'list flowtables': says('{"nftables": []}') });
    expect(await findWarnings(REQUEST)).toEqual([]);
  });
});

describe('listings of nft in JSON', () => {
  it('gives the elements of a named set', () => {
    const meta = '{"metainfo": {"version": "1.0.6"}}';
    const set = '{"set": {"family": "inet", "name": "d", "table": "shaper_100", "elem": ["eth0", "wan.5"]}}';
    expect(parseSetElements(`{"nftables": [${meta}, ${set}]}`)).toEqual(['eth0', 'wan.5']);
    expect(parseSetElements(`{"nftables": [${meta}, ${set.replace(/, "elem".*\]/, '')}]}`)).toEqual([]);
  });

  it('names the flowtables that cover a shaped device', () => {
    const flowtable = (dev: string): string =>
      `{"nftables": [{"flowtable": {"family": "inet", "name": "ft", "table": "fw4", "prio": 0, "dev": ${dev}}}]}`;
    const clashes = ['flowtable ft of table fw4 covers wan0: flows it has taken over are not shaped'];
    expect(parseFlowtableClashes(flowtable('"wan0"'), ['wan0'])).toEqual(clashes);
    expect(parseFlowtableClashes(flowtable('["lan0", "wan0"]'), ['wan0'])).toEqual(clashes);
    expect(parseFlowtableClashes(flowtable('"lan0"'), ['wan0'])).toEqual([]);
    expect(parseFlowtableClashes('{"nftables": []}', ['wan0'])).toEqual([]);
  });
});
