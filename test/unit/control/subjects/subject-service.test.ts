import { describe, expect, it } from 'vitest';
import { setUp as setUpChange } from '../change/fakes.ts';
import { classesOfProcess, NONE_MOVED, problemOf, setUp, YAML } from './service-world.ts';

describe('what is attached', () => {
  it('tells the packet thread the process, its children and their sockets at once', async () => {
    const { processes, attach, updates, classesOf } = setUp();
    processes.add(10, { name: 'rsync', sockets: new Map([[3, 111]]) });
    processes.add(11, { parent: 10, sockets: new Map([[5, 112]]) });
    processes.add(12, { sockets: new Map([[5, 113]]) });
    const { attachment } = await attach('pid:10', 'wan/up/bulk', 'wan/down/bulk');
    expect(attachment).toMatchObject({ subject: 'pid:10', text: 'rsync', processes: 2, sockets: 2 });
    expect(classesOf(10)).toEqual(['wan/up/bulk', 'wan/down/bulk']);
    expect(classesOf(11)).toEqual(['wan/up/bulk', 'wan/down/bulk']);
    expect(classesOf(12)).toEqual([]);
    expect([...updates.at(-1)!.inodes].sort()).toEqual([111, 112]);
  });

  it('says nothing while nothing changes, and tells a new child', async () => {
    const { processes, attach, updates, change, classesOf } = setUp();
    processes.add(10);
    await attach('pid:10', 'wan/up/bulk');
    const before = updates.length;
    await change.clock.advance(5000);
    expect(updates.length).toBe(before);
    processes.add(11, { parent: 10 });
    await change.clock.advance(500);
    expect(updates.length).toBe(before + 1);
    expect(classesOf(11)).toEqual(['wan/up/bulk']);
  });

  it('ends with its last process, and that is an event', async () => {
    const { processes, attach, service, change, updates } = setUp();
    processes.add(10);
    processes.add(11, { parent: 10 });
    await attach('pid:10', 'wan/up/bulk');
    await change.clock.advance(500);
    processes.end(10);
    await change.clock.advance(1000);
    expect(service.list()).toMatchObject([{ subject: 'pid:10', processes: 1, state: 'active' }]);
    processes.end(11);
    await change.clock.advance(500);
    expect(service.list()).toEqual([]);
    expect(change.eventsOf('attachment').at(-1)).toEqual({
      ...{ action: 'ended', attachment: 1, subject: 'pid:10', classes: ['wan/up/bulk'] },
      reason: 'its last process has ended',
    });
    expect(updates.at(-1)).toMatchObject({ attachments: [], sets: [] });
    expect(change.clock.sleepers, 'nothing is looked for any more').toBe(0);
  });

  it('has one class in each direction: the second takes the place of the first and says so', async () => {
    const { processes, attach, service } = setUp();
    processes.add(10);
    await attach('pid:10', 'wan/up/bulk', 'wan/down/bulk');
    const { notes } = await attach('pid:10', 'wan/up/guests');
    expect(notes).toEqual(['pid:10 leaves wan/up/bulk for wan/up/guests']);
    expect(service.list()).toMatchObject([{ id: 1, classes: ['wan/up/guests', 'wan/down/bulk'] }]);
  });

  it('gives a child its own class in one direction and that of its parent in the other', async () => {
    const { processes, attach, classesOf } = setUp();
    processes.add(10);
    processes.add(11, { parent: 10 });
    await attach('pid:10', 'wan/up/bulk', 'wan/down/bulk');
    await attach('pid:11', 'wan/up/guests');
    expect(classesOf(11).sort()).toEqual(['wan/down/bulk', 'wan/up/guests']);
    expect(classesOf(10).sort()).toEqual(['wan/down/bulk', 'wan/up/bulk']);
  });

  it('leaves one direction or all', async () => {
    const { processes, attach, service } = setUp();
    processes.add(10);
    await attach('pid:10', 'wan/up/bulk', 'wan/down/bulk');
    service.detach({ subject: 'pid:10', from: 'wan/down' });
    expect(service.list()).toMatchObject([{ classes: ['wan/up/bulk'] }]);
    expect(await problemOf(() => service.detach({ subject: 'pid:10', from: 'wan/down' }))).toContain(
      'it is attached to wan/up/bulk',
    );
    service.detach({ id: 1 });
    expect(service.list()).toEqual([]);
    expect(await problemOf(() => service.detach({ subject: 'pid:10' }))).toContain('nothing is attached');
  });

  it('is a process before its group, and a program last', async () => {
    const { processes, attach, updates } = setUp();
    processes.add(10, { name: 'rsync', group: 9 });
    await attach('rsync', 'wan/up/guests');
    await attach('pgid:9', 'wan/up/bulk');
    await attach('user:alice', 'wan/up/bulk');
    expect(updates.at(-1)!.attachments.map(({ rank }) => rank)).toEqual([1, 2, 4]);
    expect(classesOfProcess(updates.at(-1)!, 10)).toEqual(['wan/up/guests', 'wan/up/bulk']);
    await attach('pid:10', 'wan/up/bulk');
    expect(classesOfProcess(updates.at(-1)!, 10)).toEqual(['wan/up/bulk', 'wan/up/bulk']);
    expect(updates.at(-1)!.processes.exes).toMatchObject([{ path: '/usr/bin/rsync' }]);
  });

  it('is a user by any of its names', async () => {
    const { attach, service, updates } = setUp();
    await attach('user:alice', 'wan/up/bulk');
    const { notes } = await attach('user:1000', 'wan/up/guests');
    expect(notes).toEqual(['user:alice leaves wan/up/bulk for wan/up/guests']);
    expect(updates.at(-1)!.users).toEqual([{ uid: 1000, subject: 0 }]);
    service.detach({ subject: 'user:1000' });
    expect(updates.at(-1)!.users).toEqual([]);
  });

  it('may be one socket, until nobody has it open any more', async () => {
    const { processes, attach, service, change, updates } = setUp();
    processes.add(10, {
      sockets: new Map([
        [3, 111],
        [4, 112],
      ]),
    });
    processes.add(11, { parent: 10 });
    await attach('socket:10/3', 'wan/up/bulk');
    expect([...updates.at(-1)!.inodes]).toEqual([111]);
    processes.change(10, { sockets: new Map() });
    processes.change(11, { sockets: new Map([[7, 111]]) });
    await change.clock.advance(500);
    expect(service.list()).toMatchObject([{ subject: 'socket:10/3', processes: 1, sockets: 1 }]);
    processes.end(11);
    await change.clock.advance(500);
    expect(change.eventsOf('attachment').at(-1)).toMatchObject({ reason: 'the socket is closed' });
    expect([...updates.at(-1)!.inodes]).toEqual([]);
  });
});

describe('what cannot be attached', () => {
  it.each([
    ['pid:77', ['wan/up/bulk'], '404 no such process: 77'],
    ['pid:12', ['wan/up/bulk'], '404 12 is a thread of process 10 | attach pid:10'],
    ['pgid:12', ['wan/up/bulk'], '404 no such process group: 12'],
    ['socket:10/9', ['wan/up/bulk'], '404 descriptor 9 of process 10 is no socket | its sockets are 3'],
    ['user:alcie', ['wan/up/bulk'], '404 no such user: alcie | did you mean user:alice?'],
    [
      'cgroup:/sytem.slice',
      ['wan/up/bulk'],
      '404 no such control group: cgroup:/sytem.slice | did you mean cgroup:/system.slice?',
    ],
    ['unit:wbe', ['wan/up/bulk'], 'did you mean unit:web.service?'],
    ['exe:/nowhere/x', ['wan/up/bulk'], '404 no such program: /nowhere/x'],
    ['crul', ['wan/up/bulk'], '404 no process and no program is called crul | did you mean curl?'],
    ['container:web', ['wan/up/bulk'], '404 no such container: web | no container of docker or podman'],
    ['pid:10', ['wan'], '404 wan is a link: a class or a direction is expected | it has wan/up and wan/down'],
    ['pid:10', ['wan/up/bulx'], '404 there is no class wan/up/bulx | the nearest is wan/up/bulk'],
    ['pid:10', ['wan/up', 'wan/up/bulk'], '400 wan/up and wan/up/bulk are in one direction'],
    ['pid:10', [], '400 body.classes: a class is expected'],
  ])('%s to %j', async (subject, classes, words) => {
    const { machine, processes, service, updates } = setUp();
    processes.add(10, { name: 'curl', sockets: new Map([[3, 111]]) });
    processes.threads.set(12, 10);
    machine.group('/system.slice/web.service');
    expect(await problemOf(() => service.attach({ subject, classes }))).toContain(words);
    expect(service.list()).toEqual([]);
    expect(updates).toEqual([]);
  });
});

describe('classes that change', () => {
  it('take their attachments along when they move', async () => {
    const { processes, attach, service, change } = setUp();
    processes.add(10);
    await attach('pid:10', 'wan/up/bulk');
    const moved = YAML.replace('{ bulk:', '{ heap:').replace(', guests', ', guests');
    const after = setUpChange(moved).service.running().config.spec;
    service.follow(after, new Map([['wan/up/heap', 'wan/up/bulk']]));
    expect(service.list()).toMatchObject([{ classes: ['wan/up/heap'] }]);
    expect(change.eventsOf('attachment').at(-1)).toMatchObject({
      action: 'changed',
      classes: ['wan/up/heap'],
    });
  });

  it('end them when they are removed', async () => {
    const { processes, attach, service, change } = setUp();
    processes.add(10);
    processes.add(11);
    await attach('pid:10', 'wan/up/bulk');
    await attach('pid:11', 'wan/up/bulk', 'wan/down/bulk');
    const after = setUpChange(YAML.replace('bulk: { ceil: 5mbit, match: none }, guests', 'guests'));
    service.follow(after.service.running().config.spec, NONE_MOVED);
    expect(service.list()).toMatchObject([{ subject: 'pid:11', classes: ['wan/down/bulk'] }]);
    expect(change.eventsOf('attachment')).toContainEqual(
      expect.objectContaining({ action: 'ended', subject: 'pid:10', reason: 'wan/up/bulk was removed' }),
    );
  });
});
