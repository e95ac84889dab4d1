import { describe, expect, it, vi } from 'vitest';
import { fakeMachine } from './fake-machine.ts';
import { NONE_MOVED, problemOf, setUp, YAML } from './service-world.ts';

describe('control groups', () => {
  it('are attached with those below, and with the sockets that their processes have brought', async () => {
    const { machine, processes, attach, updates, change } = setUp();
    processes.add(10, { sockets: new Map([[3, 111]]) });
    machine.group('/a', [10]);
    machine.group('/a/b');
    await attach('cgroup:/a', 'wan/up/bulk');
    const ids = [machine.cgroups.idOf('/a')!, machine.cgroups.idOf('/a/b')!];
    expect(updates.at(-1)!.cgroups).toEqual(ids.map((id) => ({ ...id, subjects: [0] })));
    expect([...updates.at(-1)!.inodes]).toEqual([111]);
    // One that begins in the group has made its sockets there.
    processes.add(11, { parent: 10, sockets: new Map([[3, 112]]) });
    machine.group('/a', [10, 11]);
    machine.group('/a/c');
    await change.clock.advance(500);
    expect(updates.at(-1)!.cgroups.length).toBe(3);
    expect([...updates.at(-1)!.inodes]).toEqual([111]);
  });

  it('deep in the tree go before those around them', async () => {
    const { machine, attach, updates } = setUp();
    machine.group('/a/b');
    await attach('cgroup:/a/b', 'wan/up/bulk');
    await attach('cgroup:/a', 'wan/up/guests');
    expect(updates.at(-1)!.attachments.map(({ classes }) => classes[0])).toEqual([
      'wan/up/bulk',
      'wan/up/guests',
    ]);
  });

  it('end when they are removed; a unit waits for its next start', async () => {
    const { machine, attach, service, change, updates } = setUp();
    machine.group('/system.slice/web.service');
    await attach('cgroup:/system.slice', 'wan/up/bulk');
    await attach('unit:web', 'wan/up/guests');
    machine.removeGroup('/system.slice');
    await change.clock.advance(500);
    expect(service.list()).toMatchObject([{ subject: 'unit:web.service', state: 'waiting' }]);
    expect(change.eventsOf('attachment').at(-1)).toMatchObject({ reason: 'the control group was removed' });
    machine.group('/system.slice/web.service');
    await change.clock.advance(500);
    expect(updates.at(-1)!.cgroups).toMatchObject([machine.cgroups.idOf('/system.slice/web.service')!]);
  });

  it('that come are heard of at once, so that their first packets are theirs', async () => {
    const { machine, attach, service, change, updates } = setUp();
    machine.group('/system.slice/web.service');
    await attach('unit:web', 'wan/up/guests');
    machine.removeGroup('/system.slice/web.service');
    await change.clock.advance(500);
    const sleepers = change.clock.sleepers;
    machine.group('/system.slice/web.service');
    await vi.waitUntil(() => change.clock.sleepers > sleepers, { timeout: 30_000 });
    await change.clock.advance(1);
    expect(updates.at(-1)!.cgroups).toMatchObject([machine.cgroups.idOf('/system.slice/web.service')!]);
    service.close();
  });

  it('may be written as they stand below /sys', async () => {
    const { machine, attach, service } = setUp();
    machine.group('/a');
    await attach(`cgroup:${machine.cgroups.mount}/a`, 'wan/up/bulk');
    expect(service.list()).toMatchObject([{ subject: 'cgroup:/a' }]);
  });
});

describe('containers', () => {
  const id = 'ab'.repeat(32);

  it('with a network of their own are their devices and addresses', async () => {
    const machine = fakeMachine({ containers: () => [{ id, name: 'web', pid: 20 }] });
    const { processes, attach, updates } = setUp(YAML, machine);
    processes.add(20, { netNamespace: 'net:[2]' });
    machine.group(`/system.slice/docker-${id}.scope`, [20]);
    await attach('container:web', 'wan/up/bulk');
    const update = updates.at(-1)!;
    expect(update.attachments).toMatchObject([{ rank: 5 }]);
    expect(update.devices).toMatchObject([{ ifIndex: 7 }]);
    expect(update.addresses.map(({ prefix }) => prefix)).toMatchObject([
      { family: 4, words: [0xac110002, 0, 0, 0], bits: 32 },
      { family: 6, words: [0x20010db8, 0, 0, 2], bits: 128 },
    ]);
    expect(update.cgroups).toEqual([]);
  });

  it('with the network of this machine are their control group, also by the beginning of their id', async () => {
    const { machine, processes, attach, updates } = setUp();
    processes.add(20);
    machine.group(`/machine.slice/libpod-${id}.scope`, [20]);
    const { attachment } = await attach('container:abab', 'wan/up/bulk');
    expect(attachment).toMatchObject({ processes: 1, state: 'active' });
    expect(updates.at(-1)!.attachments).toMatchObject([{ rank: 3 }]);
    expect(updates.at(-1)!.cgroups.length).toBe(1);
    expect(updates.at(-1)!.devices).toEqual([]);
  });
});

describe('subjects of matchers', () => {
  it('are looked up when the configuration has them, and again as time goes', async () => {
    const match = '{ user: alice }, { group: staff }, { cgroup: /a }, { exe: /usr/bin/rsync }';
    const { service, machine, processes, change, updates } = setUp(
      YAML.replace('guests: {}', `guests: { match: [${match}] }`),
    );
    processes.add(10, { exe: '/usr/bin/rsync', sockets: new Map([[3, 111]]) });
    processes.add(11, { parent: 10, sockets: new Map([[3, 112]]) });
    service.follow(change.service.running().config.spec, NONE_MOVED);
    const first = updates.at(-1)!;
    expect(first.matched.map(({ key }) => key)).toEqual([
      'user:alice',
      'group:staff',
      'cgroup:/a',
      'exe:/usr/bin/rsync',
    ]);
    expect(first.users.map(({ uid, subject }) => [uid, subject])).toEqual([
      [1000, 0],
      [1000, 1],
      [1001, 1],
    ]);
    expect([first.cgroups, [...first.inodes]]).toEqual([[], [111]]);
    machine.group('/a/b');
    await change.clock.advance(500);
    expect(updates.at(-1)!.cgroups.map(({ subjects }) => subjects)).toEqual([[2], [2]]);
  });

  it('cost nothing where there are none', () => {
    const { service, change, updates } = setUp();
    service.follow(change.service.running().config.spec, NONE_MOVED);
    expect(updates).toEqual([]);
    expect(change.clock.sleepers).toBe(0);
  });
});

describe('classes made for a command', () => {
  it('are there before the command begins, and go with its control group', async () => {
    const { machine, processes, service, change, updates } = setUp();
    processes.add(10);
    machine.group('/shaper-exec-10', [10]);
    const request = { subject: 'cgroup:/shaper-exec-10', classes: ['wan/up/bulk'], ownsGroup: true };
    const answer = await change.soon(service.attach({ ...request, make: { up: '2mbit', down: '1mbit' } }));
    expect(answer.attachment.classes).toEqual(['wan/up/bulk/exec-1', 'wan/down/exec-1']);
    expect(change.thread.ceil('wan/up/bulk/exec-1')).toBe(2);
    expect(updates.at(-1)!.attachments).toMatchObject([
      { classes: ['wan/up/bulk/exec-1', 'wan/down/exec-1'] },
    ]);
    machine.group('/shaper-exec-10', []);
    await change.clock.advance(1000);
    expect(service.list()).toEqual([]);
    expect(change.thread.running('wan/up/bulk/exec-1')).toBeUndefined();
    expect(change.thread.running('wan/down/exec-1')).toBeUndefined();
  });

  it('are not made if the rate is none, or if there is no such direction', async () => {
    const { processes, service, change } = setUp(YAML.replace(/ {4}down.*\n/, ''));
    processes.add(10);
    const request = { subject: 'pid:10', classes: ['wan/up/bulk'] };
    const refused = (make: object) =>
      problemOf(() => change.soon(service.attach({ ...request, make: make as { up: string } })));
    expect(await refused({ up: '5' })).toContain("'5' has no unit");
    expect(await refused({ down: '5mbit' })).toContain('wan has no direction down');
    expect(service.list()).toEqual([]);
    expect(change.thread.requests).toEqual([]);
  });
});
