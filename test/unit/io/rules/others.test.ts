/** What else lives in the namespace, as seen through an nft that answers as it is told. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findRivals, findWarnings, type RulesRequest } from '../../../../src/io/rules/index.ts';
import { findDeviceRivals, parseFlowtableClashes, parseInstance } from '../../../../src/io/rules/others.ts';

const REQUEST: RulesRequest = {
  plan: {
    directions: [{ device: 'wan0', direction: 'up', nfqueue: 0, fastNfqueue: null }],
    gso: [false],
    copyBytes: [128],
    ecn: false,
    moduleNfqueue: null,
    unreadNfqueue: 65535,
    sharesChains: false,
    dscps: [],
  },
  isTracked: false,
  nfqueue: {
    ...{ first: 100, count: 1, length: 1024, bypass: true },
    ...{ gso: false, backend: 'auto', markMask: 0xff000000 },
  },
};

const DEVICES = ['wan0'];

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
/** What `nft -a list table` prints for the table of an instance. */
const listing = (first: number, handle: number, markMask = '0x000000ff', device = 'wan0'): string =>
  [
    `table inet shaper_${first} { # handle ${handle} progname nft`,
    '\tflags owner\n\n\tset mark_mask { # handle 1\n\t\ttype mark',
    `\t\telements = { ${markMask} }\n\t}\n\n\tset shaped_devices { # handle 2\n\t\ttype ifname`,
    `\t\telements = { "lan0.5",\n\t\t\t     "${device}" }\n\t}\n\n\tset process_id { # handle 3`,
    '\t\ttype mark\n\t\telements = { 0x00000929 }\n\t}\n}',
  ].join('\n');

const reasons = async (isClaimed: boolean): Promise<string[]> =>
  (await findRivals(REQUEST, isClaimed)).flatMap((rival) => rival.reasons);

describe('another instance', () => {
  const tables = { 'list tables': says('table inet shaper_200') };
  const others = 'the running instance with nfqueue.first 200 (process 2345)';

  it('is in the way where it shapes the device or has the same mark bits', async () => {
    nft({ ...tables, shaper_200: says(listing(200, 7, '0xff000000')) });
    expect(await reasons(false)).toEqual([
      `device wan0 is shaped by ${others}`,
      `mark mask 0xff000000 shares bits with 0xff000000 of ${others}`,
    ]);
    nft({ ...tables, shaper_200: says(listing(200, 7, '0x00ff0000', 'ppp0')) });
    expect(await reasons(false)).toEqual([]);
  });

  it('is in the way with the same queue numbers', async () => {
    nft({ 'list tables': says('table inet shaper_100'), shaper_100: says(listing(100, 7)) });
    const instance = 'the running instance with nfqueue.first 100 (process 2345)';
    expect(await reasons(false)).toEqual([
      `table inet shaper_100 is in use by ${instance}`,
      `device wan0 is shaped by ${instance}`,
    ]);
  });

  it('gives way if it claimed later', async () => {
    const both = { 'list tables': says('table inet shaper_200\ntable inet shaper_100') };
    const own = { shaper_100: says(listing(100, 9)) };
    nft({ ...both, ...own, shaper_200: says(listing(200, 8)) });
    expect(await reasons(true)).toEqual([`device wan0 is shaped by ${others}`]);
    nft({ ...both, ...own, shaper_200: says(listing(200, 10)) });
    expect(await reasons(true)).toEqual([]);
  });

  it('keeps its devices from one that wants further ones, whoever is older', async () => {
    const both = { 'list tables': says('table inet shaper_200\ntable inet shaper_100') };
    nft({ ...both, shaper_100: says(listing(100, 9)), shaper_200: says(listing(200, 10)) });
    expect(await findDeviceRivals(100, ['wan0', 'wan1'])).toEqual([`device wan0 is shaped by ${others}`]);
    expect(await findDeviceRivals(100, ['wan1'])).toEqual([]);
  });

  it("that has gone meanwhile is in nobody's way", async () => {
    nft({ ...tables, 'list table': fails('No such file or directory') });
    expect(await reasons(false)).toEqual([]);
  });

  it('that cannot be looked at is not taken for harmless', async () => {
    nft({ ...tables, 'list table': fails('netlink: out of memory') });
    await expect(reasons(false)).rejects.toThrow(/listing table shaper_200: .*out of memory/);
  });

  it('of an older version says no process', () => {
    const text = `${listing(200, 7).split('\n\n\tset process_id')[0]}\n}`;
    expect(parseInstance(200, text)).toEqual({
      ...{ first: 200, handle: 7, process: null },
      ...{ devices: ['lan0.5', 'wan0'], markMasks: [255] },
    });
  });
});

describe('flowtables', () => {
  it('that cannot be listed are a warning, as are those of a shaped device', async () => {
    nft({ 'list flowtables': fails('netlink: out of memory') });
    expect(await findWarnings(DEVICES)).toEqual([expect.stringMatching(/cannot be listed.*out of memory/)]);
    nft({
      'list flowtables': says('{"nftables": [{"flowtable": {"name": "f", "table": "t", "dev": "wan0"}}]}'),
    });
    expect(await findWarnings(DEVICES)).toEqual([
      expect.stringMatching(/^flowtable f of table t covers wan0/),
    ]);
    nft({ 'list flowtables': says('{"nftables": []}') });
    expect(await findWarnings(DEVICES)).toEqual([]);
  });
});

describe('listings of nft in JSON', () => {
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
