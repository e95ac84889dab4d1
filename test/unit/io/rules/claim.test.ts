/** The claim of a table, with a shell script in place of nft. */
import { describe, expect, it } from 'vitest';
import { claimRules } from '../../../../src/io/rules/claim.ts';
import type { RulesRequest } from '../../../../src/io/rules/index.ts';
import { useFakeTools } from './fake-tools.ts';

const REQUEST: RulesRequest = {
  plan: {
    directions: [{ device: 'wan0', direction: 'up', nfqueue: 0, fastNfqueue: null }],
    gso: [false],
    copyBytes: [128],
    ecn: false,
    dscps: [],
    moduleNfqueue: null,
    unreadNfqueue: 65535,
    sharesChains: false,
  },
  nfqueue: {
    ...{ first: 100, count: 1, length: 1024, bypass: true },
    ...{ gso: false, backend: 'auto', markMask: 0xff000000 },
  },
};

const tools = useFakeTools();

const table = (first: number, handle: number, device: string): string =>
  `table inet shaper_${first} { # handle ${handle}\\n` +
  `\\tset shaped_devices { # handle 1\\n\\t\\telements = { "${device}" }\\n\\t}\\n` +
  '\\tset process_id { # handle 2\\n\\t\\telements = { 0x3fffffff }\\n\\t}\\n}\\n';

/** `interactive`: what nft answers to each line of a session; `other`: the table of an instance 200. */
function pretendNft(interactive: string, other: string | null): void {
  const lines = [
    `case "$*" in`,
    `*-i) while read -r line; do echo "$line" >> $LOG; case $line in "list table"*) ${interactive} ;; esac; done ;;`,
    `'list tables inet') echo 'table inet shaper_100'; ${other === null ? '' : "echo 'table inet shaper_200'"} ;;`,
    `*shaper_200) printf '${other ?? ''}' ;;`,
    `*shaper_100) printf '${table(100, 5, 'wan0')}' ;;`,
    'esac',
  ];
  tools.pretend('nft', lines.join('\n'));
}
const OWNED = "printf 'table inet shaper_100 {\\n}\\n'";
const TAKEN = `printf 'Error: Could not process rule: Operation not permitted\\ncreate\\n^^^\\n'; ${OWNED}`;

describe('the claim', () => {
  it('is made with devices, mark bits and process in one transaction, before anybody looks', async () => {
    pretendNft(OWNED, table(200, 6, 'wan0'));
    const session = await claimRules(REQUEST);
    await session.end();
    const [first] = tools.log().split('\n');
    expect(first).toMatch(/^create table inet shaper_100 \{ flags owner; \}; /);
    expect(first).toContain('add element inet shaper_100 shaped_devices { "wan0" }');
    expect(first).toContain(`add element inet shaper_100 process_id { ${process.pid} }`);
  });

  it('gives way to an instance that claimed the device earlier, and takes its table back', async () => {
    pretendNft(OWNED, table(200, 4, 'wan0'));
    await expect(claimRules(REQUEST)).rejects.toMatchObject({
      code: 'taken',
      exitCode: 3,
      message: 'device wan0 is shaped by the running instance with nfqueue.first 200 (process 1073741823)',
    });
    // An instance that has just been killed has this long to vanish.
    expect(tools.log().match(/create table/g)).toHaveLength(5);
  });

  it('does not wait for an instance that lives', async () => {
    // A table of our own process is that of a start before: another one that lives stands for the instance.
    const pid = process.ppid.toString(16);
    pretendNft(OWNED, table(200, 4, 'wan0').replace('0x3fffffff', `0x${pid}`));
    await expect(claimRules(REQUEST)).rejects.toMatchObject({ code: 'taken' });
    expect(tools.log().match(/create table/g)).toHaveLength(1);
  });

  it('says who has the table', async () => {
    pretendNft(TAKEN, null);
    await expect(claimRules(REQUEST)).rejects.toMatchObject({
      code: 'taken',
      message: expect.stringMatching(
        /^table inet shaper_100 is in use by the running instance with nfqueue.first 100 \(process 1073741823\); device wan0/,
      ),
    });
  });

  it('is tried again if a signal for our group hits nft before it has a group of its own', async () => {
    pretendNft(OWNED, null);
    tools.pretend('sh', '[ -e $LOG.hit ] || { touch $LOG.hit; kill -TERM $$; }; exec /bin/sh "$@"');
    const session = await claimRules(REQUEST);
    expect(session.listed).toBe(true);
    await session.end();
  });

  it('is not tried again once nobody wants it', async () => {
    pretendNft(TAKEN, null);
    await expect(claimRules(REQUEST, () => false)).rejects.toMatchObject({ code: 'taken' });
    expect(tools.log().match(/create table/g)).toHaveLength(1);
  });
});
