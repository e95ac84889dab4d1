/** Stories of hosts and quotas with exact numbers, in virtual time. */
import { expect, it } from 'vitest';
import { LIMIT_BLOCK, LIMIT_NONE, LIMIT_PAGE } from '../../../../src/core/hosts/update.ts';
import type { QuotaChanges, StoredQuotas } from '../../../../src/quotas/stored.ts';
import type { Stored } from '../../../../src/store/batch.ts';
import { shaper } from '../../../sim/world.ts';
import { FakeClock } from '../change/fakes.ts';
import { HISTORY, HostsWorld, PAGE, quota } from './world.ts';

const A = '00:50:00:00:00:01';
const B = '00:50:00:00:00:02';

async function world(...args: ConstructorParameters<typeof HostsWorld>): Promise<HostsWorld> {
  const made = new HostsWorld(...args);
  made.memory.device(32, 1);
  made.memory.owns(32, 5);
  made.memory.device(64, 2);
  made.memory.owns(64, 6);
  await made.service.start();
  await made.run(1);
  return made;
}

it('a host is told where its limit is, stopped beyond it, and released when the window has slid', async () => {
  const w = await world([quota()]);
  const [first] = w.takeLimits();
  expect([...first!.host]).toEqual([32, 64]);
  expect([...first!.kind]).toEqual([LIMIT_NONE, LIMIT_NONE]);
  expect([...first!.upBytesMax]).toEqual([1000, 1000]);
  expect([...first!.thenKind]).toEqual([LIMIT_BLOCK, LIMIT_BLOCK]);
  w.memory.up(32, 700);
  await w.run(1);
  // What is left went by the same bytes: there is nothing to tell.
  expect(w.sent).toEqual([]);
  w.memory.up(32, 301);
  await w.run(1);
  expect(w.takeLimits().map(({ host, kind }) => [host[0], kind[0]])).toEqual([[32, LIMIT_BLOCK]]);
  expect(w.events).toMatchObject([
    {
      ...{ quota: 'small', host: A, name: '', from: 'ok', to: 'exceeded', over: '100s', direction: 'up' },
      ...{ usedBytes: 1001, limitBytes: 1000 },
    },
  ]);
  expect(w.lines.map(({ message }) => message)).toEqual(['quota exceeded']);
  expect(w.service.counts()).toMatchObject({ known: 2, slowed: 0, stopped: 1 });
  // The 700 bytes leave the window 100 s after their bucket of one second.
  await w.run(97);
  expect(w.service.counts().stopped).toBe(1);
  await w.run(4);
  expect(w.events.at(-1)).toMatchObject({ from: 'exceeded', to: 'ok', usedBytes: 301, endsAt: null });
  expect(w.lines.at(-1)!.message).toBe('quota: released');
  expect(w.service.counts().stopped).toBe(0);
  expect(w.service.keeper.standingsOf(w.service.directory.entries.get(B)!)).toMatchObject([
    { quota: 'small', over: '100s', direction: 'up', usedBytes: 0, limitBytes: 1000, state: 'ok' },
  ]);
});

it('hosts are counted once a second, four times where quotas are to be kept to', async () => {
  const takes = async (w: HostsWorld): Promise<number> => {
    const { directory } = w.service;
    const take = directory.take.bind(directory);
    let count = 0;
    directory.take = (...args) => {
      count++;
      take(...args);
    };
    await w.run(10);
    return count;
  };
  expect(await takes(await world([]))).toBe(10);
  expect(await takes(await world([quota()]))).toBe(40);
});

it('a module that the quota names is told of every state', async () => {
  const w = await world([quota({ modules: ['./punish.ts', 'mine'] }), quota({ name: 'other' })]);
  w.names[A] = 'flat-12';
  w.memory.up(32, 850);
  await w.run(6);
  w.memory.up(32, 301);
  await w.run(101);
  const host = expect.objectContaining({ id: A });
  const news = (state: string) =>
    ['./punish.ts', 'mine'].map((name) => ({ name, host, quota: 'small', state, only: null }));
  expect(w.moduleNews).toEqual([...news('warned'), ...news('stopped'), ...news('ok')]);
  expect(w.moduleNews.at(-1)!.host.name).toBe('flat-12');
});

it('a module that begins later is told of hosts that are not ok, and no other module is', async () => {
  const w = await world([quota({ modules: ['mine'] }), quota({ name: 'other' })]);
  w.memory.up(32, 1001);
  await w.run(1);
  w.moduleNews.splice(0);
  w.service.moduleBegan('mine-2');
  const news = { name: 'mine', quota: 'small', state: 'stopped', host: { id: A, addresses: ['10.0.0.5'] } };
  expect(w.moduleNews.splice(0)).toMatchObject([{ ...news, only: 'mine-2' }]);
  await w.run(1);
  expect(w.moduleNews).toEqual([]);
  // The quota names one module more.
  w.service.follow({ ...shaper({}), quotas: [quota({ modules: ['mine', 'new'] })] }, HISTORY);
  expect(w.moduleNews.splice(0)).toMatchObject([
    { ...news, only: null },
    { ...news, name: 'new', only: null },
  ]);
  await w.run(101);
  w.moduleNews.splice(0);
  w.service.moduleBegan('mine');
  expect(w.moduleNews).toEqual([]);
});

it('a module that begins with the instance is told of hosts that were over before it', async () => {
  const first = await world([quota({ modules: ['mine'] })]);
  first.memory.up(32, 2000);
  await first.run(1);
  const stored = storedAfter(first.service.keeper.takeChanges(), first);
  const w = new HostsWorld([quota({ modules: ['mine'] })], { stored, clock: first.clock });
  w.memory.device(32, 1);
  w.memory.owns(32, 5);
  w.service.moduleBegan('mine');
  expect(w.moduleNews).toEqual([]);
  await w.service.start();
  expect(w.moduleNews).toMatchObject([{ name: 'mine', quota: 'small', state: 'stopped', only: 'mine' }]);
});

it('every byte is stored once, every 10 s, also of a host that has ended or become another', async () => {
  const w = await world([]);
  w.memory.stranger(96, 9);
  w.memory.up(96, 100);
  w.memory.up(32, 10);
  await w.run(1);
  w.memory.up(96, 50);
  w.memory.merge(96, 64);
  w.memory.down(64, 7);
  await w.run(1);
  expect([...w.service.directory.entries.keys()]).toEqual([A, B]);
  expect(w.service.directory.entries.get(B)).toMatchObject({ up: { bytes: 150 }, down: { bytes: 7 } });
  w.memory.forget(32);
  await w.run(1);
  // The same row has another host, and the first one comes back in another.
  w.memory.device(32, 3);
  w.memory.up(32, 1);
  w.memory.device(128, 1);
  w.memory.up(128, 5);
  await w.run(8);
  expect(w.store.flushes).toHaveLength(1);
  await w.run(10);
  expect(w.store.flushes).toHaveLength(2);
  expect(w.store.bytes).toEqual({ [A]: [15, 0], [B]: [150, 7], '00:50:00:00:00:03': [1, 0] });
  const [first, second] = w.store.flushes;
  expect(first!.merges).toEqual([{ from: '10.0.0.9', into: B }]);
  expect(second!.merges).toEqual([]);
  expect(second!.fromMs).toBe(first!.toMs);
  expect(second!.toMs - second!.fromMs).toBeGreaterThanOrEqual(10_000);
  expect(first!.hosts.map(({ id }) => id).sort()).toEqual([A, B, '00:50:00:00:00:03']);
  expect(first!.hosts.find(({ id }) => id === B)).toMatchObject({ addresses: ['10.0.0.6', '10.0.0.9'] });
  expect(second!.hosts).toEqual([]);
  // Nothing was told to the packet thread: there are no quotas.
  expect(w.sent).toEqual([]);
});

it('a clock that somebody sets makes no interval longer or shorter', async () => {
  const w = await world([]);
  await w.run(10);
  w.clock.set(w.clock.wallMs() + 3_600_000);
  await w.run(10);
  w.clock.set(w.clock.wallMs() - 7_200_000);
  await w.run(10);
  const lengths = w.store.flushes.map(({ fromMs, toMs }) => toMs - fromMs);
  expect(Math.max(...lengths)).toBeLessThanOrEqual(10_250);
  expect(Math.min(...lengths)).toBeGreaterThanOrEqual(9750);
});

it('this machine is never stopped', async () => {
  const w = await world([quota()]);
  w.memory.own(32);
  w.memory.up(32, 5000);
  await w.run(2);
  expect(w.events).toEqual([]);
});

const OUTSIDE = [{ exec: ['/bin/true'], webhook: null, mail: null }];

it('others are told of a violation once it is stored, and once only', async () => {
  const w = await world([quota({ outside: OUTSIDE })]);
  w.store.isIdle = false;
  const before = w.store.flushes.length;
  w.memory.up(32, 2000);
  await w.run(1);
  expect(w.store.flushes).toHaveLength(before + 1);
  expect(w.told).toEqual([]);
  w.store.isIdle = true;
  await w.run(1);
  expect(w.told).toMatchObject([
    { host: A, quota: 'small', state: 'exceeded', usedBytes: 2000, addresses: ['10.0.0.5'] },
  ]);
  await w.run(30);
  expect(w.told).toHaveLength(1);
});

it('a store that hangs or fails delays that by two seconds at most', async () => {
  const w = await world([quota({ outside: OUTSIDE })]);
  w.store.isIdle = false;
  w.memory.up(32, 2000);
  await w.run(3);
  expect(w.told).toHaveLength(1);
  w.store.state = { ok: false, message: 'the disk is full', hint: 'make room' };
  expect(w.service.warnings).toEqual(['history is not stored: the disk is full (make room)']);
  w.memory.up(64, 2000);
  await w.run(1);
  expect(w.told).toHaveLength(2);
});

it('the page and the rules are told of stopped hosts, by all their addresses', async () => {
  const w = await world([quota({ page: PAGE, isBlocking: false })]);
  expect(w.isPageThere).toBe(true);
  w.memory.up(32, 2000);
  await w.run(1);
  expect(w.takeLimits().at(-1)).toMatchObject({
    kind: Uint8Array.of(LIMIT_PAGE),
    allow: [[{ bits: 32 }]],
  });
  expect(w.stopped.at(-1)).toEqual({ stopped: ['10.0.0.5'], allowed: [] });
  expect(w.pageHosts).toMatchObject([
    {
      ...{ id: A, addresses: ['10.0.0.5'], isStopped: true },
      quotas: [{ quota: 'small', overNs: 100e9, direction: 'up', usedBytes: 2000, state: 'exceeded' }],
    },
  ]);
  w.memory.owns(32, 7);
  w.onAllowed(['192.0.2.9']);
  await w.run(2);
  expect(w.stopped.at(-1)).toEqual({ stopped: ['10.0.0.5', '10.0.0.7'], allowed: ['192.0.2.9'] });
  // The packet thread allows what the name means by now.
  expect(w.takeLimits().at(-1)!.allow[0]).toMatchObject([{ bits: 32 }, { words: [0xc0000209, 0, 0, 0] }]);
  await w.run(110);
  expect(w.stopped.at(-1)).toEqual({ stopped: [], allowed: ['192.0.2.9'] });
  expect(w.pageHosts).toEqual([]);
});

it('a quota that is taken out releases its hosts at once; one that is put in counts from history', async () => {
  const w = await world([quota()]);
  w.memory.up(32, 2000);
  await w.run(1);
  w.takeLimits();
  w.service.follow(shaper({}), HISTORY);
  const [released] = w.takeLimits();
  expect([...released!.kind]).toEqual([LIMIT_NONE, LIMIT_NONE]);
  expect(released!.upBytesMax[0]).toBe(Number.POSITIVE_INFINITY);
  expect(w.service.counts().stopped).toBe(0);
  const atMs = w.clock.wallMs() - 60_000;
  w.store.points = [{ at: atMs - (atMs % 300_000), upBytes: 6000, downBytes: 0 }];
  w.service.follow({ ...shaper({}), quotas: [quota({ name: 'long', windows: [{ ...LONG }] })] }, HISTORY);
  await w.run(1);
  const used = w.service.keeper.standingsOf(w.service.directory.entries.get(A)!)[0]!.usedBytes;
  expect(used).toBeGreaterThan(5900);
  expect(used).toBeLessThanOrEqual(6000);
});

const LONG = { overNs: 3600e9, upBytes: 1e6, downBytes: Infinity, totalBytes: Infinity };

/** What a store would give back after these changes. */
function storedAfter(changes: QuotaChanges, w: HostsWorld): Stored {
  const { clock, hosts, windows, standings, violations, grants } = changes;
  const quotas: StoredQuotas = { clock, hosts, windows, standings, violations, grants };
  return {
    quotas,
    memos: [],
    hosts: [...w.service.directory.entries.values()].map((entry) => ({
      ...{ id: entry.id, name: entry.name === '' ? null : entry.name, macs: entry.macTexts },
      ...{ addresses: entry.addressTexts, lastSeenMs: entry.lastSeenMs, firstSeenMs: 0 },
      ...{ upBytes: entry.up.bytes, downBytes: entry.down.bytes },
    })),
  };
}

it('a restart continues: stored hosts are there at once, a stopped one is stopped as soon as it is seen', async () => {
  const before = await world([quota({ outside: OUTSIDE })]);
  before.names[A] = 'flat-1';
  before.memory.up(32, 2000);
  await before.run(6);
  const stored = storedAfter(before.service.keeper.takeChanges(), before);
  // The same boot, one minute later.
  const clock = new FakeClock();
  await clock.advance(before.clock.monotonicMs() + 60_000);
  const w = new HostsWorld([quota({ outside: OUTSIDE })], { stored, clock });
  await w.service.start();
  expect(w.sent.flatMap(({ known }) => known ?? [])).toMatchObject([
    { family: 4, words: [0x0a000005, 0, 0, 0], mac: { high: 0x50, low: 1 } },
    { family: 4, words: [0x0a000006, 0, 0, 0], mac: { high: 0x50, low: 2 } },
  ]);
  const host = w.service.directory.entries.get(A)!;
  expect(host).toMatchObject({ name: 'flat-1', up: { bytes: 2000, runBytes: 0 } });
  expect(w.service.keeper.standingsOf(host)).toMatchObject([{ usedBytes: 2000, state: 'exceeded' }]);
  expect(w.service.counts().stopped).toBe(1);
  w.takeLimits();
  w.memory.device(160, 1);
  w.memory.up(160, 3);
  await w.run(1);
  const [limits] = w.takeLimits();
  expect([limits!.host[0], limits!.kind[0]]).toEqual([160, LIMIT_BLOCK]);
  // It is the same violation: nobody is told again.
  expect([w.told, w.events]).toEqual([[], []]);
  // 66 s of the 100 have passed.
  await w.run(40);
  expect(w.events).toMatchObject([{ from: 'exceeded', to: 'ok', usedBytes: 3 }]);
});

it('without a file all goes on in memory', async () => {
  const w = await world([quota()], { history: { ...HISTORY, file: null } });
  w.memory.up(32, 2000);
  await w.run(1);
  expect(w.service.counts()).toMatchObject({ stopped: 1, isStored: null });
  expect(w.store.flushes).toEqual([]);
  expect(w.service.warnings).toEqual([]);
  await expect(w.service.history.ask(A, 1e9, null)).rejects.toThrow('no history is kept');
});

it('a grant raises the limit, and a reset begins anew', async () => {
  const w = await world([quota()]);
  const entry = w.service.directory.entries.get(A)!;
  w.memory.up(32, 1500);
  await w.run(1);
  expect(w.service.counts().stopped).toBe(1);
  const grant = w.service.keeper.grant(entry, 1000, 'small', 3600e9);
  expect(grant).toMatchObject({ host: A, quota: 'small', bytes: 1000 });
  expect(Date.parse(grant.until!) - Date.parse(grant.since)).toBe(3_600_000);
  w.service.look();
  expect(w.service.counts().stopped).toBe(0);
  expect(w.service.keeper.standingsOf(entry)[0]).toMatchObject({ usedBytes: 1500, limitBytes: 2000 });
  w.memory.up(32, 1000);
  await w.run(1);
  expect(w.service.counts().stopped).toBe(1);
  w.service.keeper.reset(entry);
  w.service.look();
  expect(w.service.keeper.standingsOf(entry)[0]).toMatchObject({ usedBytes: 0, state: 'ok' });
  expect(w.service.counts().stopped).toBe(0);
});

it('stores what is left when it ends', async () => {
  const w = await world([quota()]);
  w.memory.up(32, 77);
  await w.service.close();
  expect(w.store.bytes[A]).toEqual([77, 0]);
  expect(w.store.flushes.at(-1)!.quotas!().hosts).toEqual([A]);
});
