import { expect, it } from 'vitest';
import { HostDirectory } from '../../../../src/control/hosts/directory.ts';
import type { HostEntry } from '../../../../src/control/hosts/entry.ts';
import { HOSTS_MAX } from '../../../../src/limits.ts';
import { FakeMemory } from './fakes.ts';

function setUp() {
  const memory = new FakeMemory();
  const changed: string[] = [];
  const forgotten: string[] = [];
  const directory = new HostDirectory({
    source: memory,
    portName: (ifIndex) => `port ${ifIndex}`,
    namesOf: () => [],
    onBound: () => undefined,
    onMerged: () => undefined,
    onChanged: ({ id }) => void changed.push(id),
    mayForget: ({ id }) => id !== STOPPED,
    onForgotten: ({ id }) => void forgotten.push(id),
  });
  const take = (): Record<string, number> => {
    const added: Record<string, number> = {};
    directory.take(0, 0, ({ id }, up, down) => {
      added[id] = up + down;
    });
    return added;
  };
  return { memory, directory, changed, forgotten, take };
}

const A = '00:50:00:00:00:01';
const STOPPED = '10.9.9.9';

it('takes each byte once, whenever a merge is seen', () => {
  const { memory, take } = setUp();
  memory.device(32, 1);
  memory.stranger(64, 9);
  memory.up(32, 10);
  memory.up(64, 100);
  expect(take()).toEqual({ [A]: 10, '10.0.0.9': 100 });
  memory.up(64, 5);
  memory.merge(64, 32);
  memory.up(32, 1);
  expect(take()).toEqual({ [A]: 6 });
  expect(take()).toEqual({});
});

const B = '00:50:00:00:00:02';

it('takes each byte once when the row that a merge has freed is used again at once', () => {
  const { memory, directory, take } = setUp();
  // Many strangers turn out to be devices; each device takes the row of the stranger before.
  for (let n = 0; n < 100; n++) {
    memory.stranger(32 * (n + 1), 100 + n);
    memory.up(32 * (n + 1), 10);
  }
  take();
  let free = 32 * 101;
  for (let n = 0; n < 100; n++) {
    memory.device(free, n + 1);
    memory.merge(32 * (n + 1), free);
    memory.up(free, n);
    free = 32 * (n + 1);
  }
  const added = take();
  expect(Object.values(added)).toEqual(Array.from({ length: 99 }, (_, n) => n + 1));
  expect([...directory.entries.values()].map(({ id, up }) => [id.slice(0, 2), up.bytes])).toEqual(
    Array.from({ length: 100 }, (_, n) => ['00', 10 + n]),
  );
});

it('takes each byte once over hosts that began and ended between two looks', () => {
  const { memory, directory, take } = setUp();
  memory.stranger(64, 9);
  memory.up(64, 100);
  take();
  memory.stranger(96, 8);
  memory.merge(64, 96);
  memory.device(64, 1);
  memory.merge(96, 64);
  memory.up(64, 3);
  // The address is a host of its own again.
  memory.stranger(96, 9);
  memory.up(96, 1);
  expect(take()).toEqual({ [A]: 3, '10.0.0.9': 1 });
  expect([...directory.entries.values()].map(({ id, up }) => [id, up.bytes])).toEqual([
    [A, 103],
    ['10.0.0.9', 1],
  ]);
});

it('takes each byte once when a merge comes between the counts and the news', () => {
  const { memory, directory, take } = setUp();
  memory.device(32, 1);
  memory.stranger(64, 9);
  memory.up(64, 100);
  take();
  memory.up(64, 5);
  memory.onMerges = () => memory.merge(64, 32);
  expect(take()).toEqual({});
  expect(take()).toEqual({ [A]: 5 });
  memory.stranger(64, 8);
  memory.up(64, 100);
  expect(take()).toEqual({ '10.0.0.8': 100 });
  // The device, too, is new after its row was looked at.
  memory.onMerges = () => {
    memory.device(96, 2);
    memory.merge(64, 96);
    memory.up(96, 2);
  };
  expect(take()).toEqual({});
  expect(take()).toEqual({ [B]: 2 });
  expect([...directory.entries.values()].map(({ id, up }) => [id, up.bytes])).toEqual([
    [A, 105],
    [B, 102],
  ]);
});

it('counts that fall, because packets were lost, are made up for by the next ones', () => {
  const { memory, take } = setUp();
  memory.device(32, 1);
  memory.up(32, 100);
  expect(take()).toEqual({ [A]: 100 });
  memory.up(32, -30);
  expect(take()).toEqual({});
  memory.up(32, 40);
  expect(take()).toEqual({ [A]: 10 });
});

it('looks at addresses again when one has come, moved or got another host', () => {
  const { memory, directory, changed, take } = setUp();
  memory.device(32, 1);
  memory.owns(32, 5);
  take();
  directory.lookAtAddresses();
  const host = directory.entries.get(A)!;
  expect(host.addressTexts).toEqual(['10.0.0.5']);
  changed.length = 0;
  directory.lookAtAddresses();
  expect(changed).toEqual([]);
  memory.owns(32, 6);
  directory.lookAtAddresses();
  expect(host.addressTexts).toEqual(['10.0.0.5', '10.0.0.6']);
  memory.device(64, 2);
  memory.owns(64, 5);
  take();
  directory.lookAtAddresses();
  expect(host.addressTexts).toEqual(['10.0.0.6']);
  expect(directory.hostOfRow(16 * 5)!.id).toBe('00:50:00:00:00:02');
});

it('hosts that are not in the memory make room, those seen longest ago first, but for one that may not', () => {
  const { memory, directory, forgotten, take } = setUp();
  memory.device(32, 1);
  take();
  const here: HostEntry = directory.entries.get(A)!;
  directory.add(STOPPED);
  for (let n = 0; n < 2 * HOSTS_MAX; n++) directory.add(`10.0.0.${n}`).lastSeenMs = n + 1;
  take();
  expect(directory.entries.size).toBe(1.5 * HOSTS_MAX);
  expect(directory.forgotten).toBe(0.5 * HOSTS_MAX + 2);
  expect(forgotten).toHaveLength(directory.forgotten);
  expect(forgotten.slice(0, 2)).toEqual(['10.0.0.0', '10.0.0.1']);
  expect(directory.entries.get(A)).toBe(here);
  expect(directory.entries.has(STOPPED)).toBe(true);
  expect(directory.entries.has(`10.0.0.${2 * HOSTS_MAX - 1}`)).toBe(true);
});
