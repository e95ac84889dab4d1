import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, it } from 'vitest';
import type { Backend } from '../../src/io/rules/index.ts';
import { capabilities } from './capabilities.ts';
import { createLab, describeNetns, type Lab, until } from './harness.ts';
import { compileDrivers, Driver, hasTable, queueRules, request, ruleset, WAN } from './rules-bed.ts';
import { SCENARIOS } from './rules-scenarios.ts';

const capable = await capabilities();
let compiled = '';
beforeAll(async () => {
  compiled = mkdtempSync(join(tmpdir(), 'shaper-rules-'));
  await compileDrivers(compiled);
});
afterAll(() => rmSync(compiled, { recursive: true }));

for (const backend of ['iptables', 'nft'] as const) {
  describeNetns(`rules, back end ${backend}`, () => {
    for (const scenario of SCENARIOS) {
      it(scenario.name, async (context) => {
        if (!capable[backend]) context.skip(`this kernel lacks the back end ${backend}`);
        const lab = await createLab();
        try {
          await scenario.run(lab, backend);
        } finally {
          await lab.close();
        }
      });
    }
  });
}

describeNetns('rules in trouble', () => {
  let lab: Lab;
  beforeEach(async () => {
    lab = await createLab();
  });
  afterEach(async () => lab.close());

  it('probing leaves nothing but an empty table of iptables', async () => {
    const driver = new Driver(lab.router);
    const before = await ruleset(lab.router);
    const backend = (await driver.call('probe', 'auto')) as Backend;
    assert.ok(['nft', 'iptables'].includes(backend));
    assert.equal(await ruleset(lab.router), before);
    const everything = (await lab.router.exec(['nft', 'list', 'ruleset'])).stdout;
    assert.match(everything, /^(table ip6? security \{\n\}\n)*$/, 'no base chain was made');
    await driver.end();
  });

  it('says what is missing', async () => {
    const hidden = new Driver(lab.router, [
      'unshare',
      '-m',
      'sh',
      '-c',
      'mount -t tmpfs none /usr/sbin; exec "$@"',
      '-',
    ]);
    const missing = await hidden.ask('probe', 'auto');
    assert.equal(missing.error?.code, 'missing');
    assert.match(missing.error?.hint ?? '', /nftables/);
    assert.equal((await hidden.ask('install', request(WAN), 'nft')).error?.code, 'missing');
    await hidden.end();

    const nobody = new Driver(lab.router, [
      'setpriv',
      '--bounding-set=-all',
      '--inh-caps=-all',
      '--ambient-caps=-all',
    ]);
    const denied = await nobody.ask('probe', 'auto');
    assert.equal(denied.error?.code, 'denied');
    assert.match(denied.error?.hint ?? '', /CAP_NET_ADMIN/);
    assert.equal((await nobody.ask('install', request(WAN), 'nft')).error?.code, 'denied');
    await nobody.end();
  });

  it('takes back a half-done installation', async (context) => {
    if (!capable.iptables) context.skip('this kernel lacks the back end iptables');
    const before = await ruleset(lab.router);
    const folder = join(lab.folder, 'bin');
    mkdirSync(folder);
    const broken = '#!/bin/sh\ncat >/dev/null; echo "ip6tables: Error: made to fail" >&2; exit 1\n';
    writeFileSync(join(folder, 'ip6tables-nft-restore'), broken, { mode: 0o755 });
    const driver = new Driver(lab.router, ['env', `PATH=${folder}:${process.env.PATH}`]);
    const failed = await driver.ask('install', request(WAN), 'iptables');
    assert.equal(failed.error?.code, 'failed');
    assert.match(failed.error?.message ?? '', /made to fail/);
    assert.equal(await ruleset(lab.router), before);
    await driver.end();
  });

  it('puts iptables rules back that somebody flushed', async (context) => {
    if (!capable.iptables) context.skip('this kernel lacks the back end iptables');
    const driver = new Driver(lab.router);
    await driver.call('install', request(WAN), 'iptables');
    const all = await queueRules(lab.router);
    for (const flush of [
      ['iptables-nft', '-t', 'security', '-F', 'FORWARD'],
      ['nft', 'flush', 'ruleset'],
    ]) {
      await lab.router.exec(flush);
      assert.ok((await queueRules(lab.router)).length < all.length);
      await until('they are back', async () => (await queueRules(lab.router)).length === all.length);
    }
    await until('it was logged', () => driver.events.length === 2);
    assert.deepEqual(
      driver.events.map(({ event }) => event),
      ['warn', 'warn'],
    );
    await driver.call('remove');
    assert.deepEqual(await queueRules(lab.router), []);
    assert.equal(await hasTable(lab.router), false);
    await driver.end();
  });
});
