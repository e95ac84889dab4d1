import { describe, expect, it, vi } from 'vitest';
import { ApiError } from '../../../../src/control/api-error.ts';
import { MadeClasses } from '../../../../src/control/subjects/made-classes.ts';
import { SubjectService } from '../../../../src/control/subjects/subject-service.ts';
import type { SubjectsUpdate } from '../../../../src/core/subjects/update.ts';
import { setUp as setUpChange } from '../change/fakes.ts';
import { type FakeMachine, fakeMachine } from './fake-machine.ts';

const YAML = `links:
  wan:
    device: eth0
    up: { rate: 20mbit, classes: { bulk: { ceil: 5mbit, match: none }, guests: {} } }
    down: { rate: 20mbit, classes: { bulk: { ceil: 5mbit, match: none } } }
`;
const NONE_MOVED = new Map<string, string>();

function setUp(yaml = YAML, machine: FakeMachine = fakeMachine()) {
  const updates: SubjectsUpdate[] = [];
  const change = setUpChange(yaml);
  const spec = () => change.service.running().config.spec;
  const warnings: string[] = [];
  const warn = (message: string): void => void warnings.push(message);
  const service = new SubjectService({
    ...{ machine, clock: change.clock, emit: change.events.emit, spec, warn },
    send: (update) => updates.push(update),
    made: new MadeClasses(change.service, spec, warn),
  });
  const attach = (subject: string, ...classes: string[]) => service.attach({ subject, classes });
  /** Of a process: where its packets go, the most specific first, as the last update tells it. */
  const classesOf = (pid: number): string[] => classesOfProcess(updates.at(-1)!, pid);
  return { service, change, machine, processes: machine.processes, updates, attach, classesOf, warnings };
}

function classesOfProcess(update: SubjectsUpdate, pid: number): string[] {
  const row = update.processes.pids.indexOf(pid);
  if (row < 0) return [];
  const subjects = update.sets[update.processes.setOfPid[row]!]!;
  return update.attachments
    .filter(({ subject }) => subjects.includes(subject))
    .flatMap(({ classes }) => classes);
}

async function problemOf(action: () => unknown): Promise<string> {
  try {
    await action();
  } catch (error) {
    if (error instanceof ApiError) return `${error.status} ${error.message} | ${error.hint}`;
    throw error;
  }
  throw new Error('it is taken');
}

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
