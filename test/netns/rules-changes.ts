/** Rules that change while packets wait, on real packets, for one back end. */
import assert from 'node:assert/strict';
import type { Host, Lab } from '../../bench/lab/lab.ts';
import { until } from '../../bench/lab/process.ts';
import type { Backend, RulesRequest } from '../../src/io/rules/index.ts';
import {
  Driver,
  hasTable,
  MASK,
  type Plan,
  queueRules,
  request,
  ruleset,
  sendUdp,
  WAN,
} from './rules-bed.ts';

const PORTS = [6001, 6002, 6003, 6004, 6005];

/** Chains that have come again stand at the end. */
async function sortedRules(host: Host): Promise<string> {
  const lines = (await ruleset(host)).replace(/ # progname .*/g, '').split('\n');
  return lines.sort().join('\n');
}

function withDscps(wanted: RulesRequest, dscps: readonly number[]): RulesRequest {
  return { ...wanted, plan: { ...wanted.plan, dscps } };
}

class StoodStillError extends Error {}

/** The rules have gone, and with them what waited. That happens where a busy machine is emulated. */
function checkStill(driver: Driver): void {
  if (driver.events.some(({ message }) => message.includes('stood still'))) throw new StoodStillError();
}

const waitFor = (driver: Driver, packets: number): Promise<void> =>
  until(`${packets} packets wait`, async () => {
    checkStill(driver);
    return (await driver.call('waiting')) === packets;
  });

type Scene = (lab: Lab, backend: Backend, driver: Driver) => Promise<void>;

/** The rules are installed, and five packets wait at wan0. */
const holding = (wanted: RulesRequest, scene: Scene) =>
  async function play(lab: Lab, backend: Backend, tries = 5): Promise<void> {
    const { client, router, server } = lab;
    const driver = new Driver(router);
    try {
      // Loading the addon takes longer than the watchdog is patient, on an emulated machine.
      await driver.call('listen', MASK);
      await driver.call('install', wanted, backend);
      await driver.call('hold');
      await sendUdp(client, server.addresses.v4, { from: 5000, to: PORTS });
      await waitFor(driver, PORTS.length);
      await scene(lab, backend, driver);
      checkStill(driver);
      await driver.call('remove');
      await driver.call('closePort');
      await driver.end();
    } catch (error) {
      await driver.kill();
      await until('the table has gone', async () => !(await hasTable(router)));
      const isRepeated =
        error instanceof StoodStillError ||
        driver.events.some(({ message }) => message.includes('stood still'));
      if (!isRepeated || tries === 1) throw error;
      await play(lab, backend, tries - 1);
    }
  };

const changesKeepWhatWaits = holding(request(WAN), async ({ client, router, server }, backend, driver) => {
  const before = await sortedRules(router);
  const moved: Plan = [
    { device: 'lan0', direction: 'down', nfqueue: 0, fastNfqueue: null },
    { device: 'wan0', direction: 'up', nfqueue: 2, fastNfqueue: null },
  ];
  await driver.call('change', withDscps(request(moved, { bypass: false }), [36, 0, 46]));
  const text = (await router.exec(['nft', 'list', 'table', 'inet', 'shaper_100'])).stdout;
  assert.match(text, /chain dscp_46/);
  assert.doesNotMatch(text, /chain queue_1/);
  if (backend === 'iptables') {
    const numbers = (await queueRules(router)).map(({ rule }) => / --queue-num .*/.exec(rule)?.[0].trim());
    assert.deepEqual([...new Set(numbers)].sort(), [
      ...['--queue-num 100', '--queue-num 102', '--queue-num 65535 --queue-bypass'],
    ]);
  }
  // The first direction that fits is another one now.
  await driver.call('queued');
  await sendUdp(client, server.addresses.v4, { from: 5000, to: 7000 });
  await waitFor(driver, PORTS.length + 1);
  assert.deepEqual(await driver.call('queued'), [1, 0, 0, 0]);
  await driver.call('changeAndBack', request([moved[1]!], { bypass: true }));
  await driver.call('change', request(WAN));
  assert.equal(await sortedRules(router), before);
  await driver.call('release', MASK);
  assert.equal(await driver.call('refused'), 0);
});

/** With the last rule about connections the kernel would take out its hooks for them, and drop all. */
const STEERED = request([{ device: 'wan0', direction: 'up', nfqueue: 0, fastNfqueue: 2 }]);
const changesKeepTracking = holding(STEERED, async (_, __, driver) => {
  await driver.call('change', { ...request(WAN), keepsTracking: true });
  await driver.call('change', { ...STEERED, keepsTracking: true });
  await driver.call('release', MASK);
  assert.equal(await driver.call('refused'), 0);
});

export const CHANGES = [
  { name: 'rules change and change back while packets wait', differs: true, run: changesKeepWhatWaits },
  { name: 'rules about connections go while packets wait', differs: true, run: changesKeepTracking },
] as const;
