import { afterEach, describe, expect, it } from 'vitest';
import { ALICE, BOB, closeWorlds, errnoOf, MAKING, MOUNT, ROOT, world, YAML } from './world.ts';

afterEach(closeWorlds);

const TARGET = '../../network/wan/up/vif3';
const OPEN = YAML.replace('ceil: 4mbit,', 'ceil: 4mbit, access: { dir: alice:alice 755 },');

describe('directories of subjects', () => {
  it('are there for every process, group, user and control group, whose they are', async () => {
    const { ls, owner } = world();
    expect(await ls('processes')).toEqual(['1', '71', '72', '73']);
    expect(await ls('processes/71')).toEqual(['error', 'sockets']);
    expect(await ls('processes/71/sockets')).toEqual(['3', '5']);
    expect(await ls('groups')).toEqual(['1', '71', '72']);
    expect(await ls('users')).toEqual(['root', 'alice', 'bob']);
    expect(await ls('cgroups/user.slice')).toEqual(['error', 'alice']);
    const owners = [
      'processes/71',
      'processes/71/sockets',
      'processes/71/sockets/5',
      'users/bob',
      'groups/71',
    ];
    expect(await Promise.all(owners.map(owner))).toEqual([
      ...['1000:1000 755', '1000:1000 500', '1000:1000 755', '1001:0 755', '1000:1000 755'],
    ]);
    // A group with processes of several users is root's.
    expect(await owner('groups/72')).toBe('0:0 755');
    expect(await owner('cgroups/user.slice/alice')).toBe('1000:1000 755');
  });

  it('need no mkdir, and a program that makes one succeeds all the same', async () => {
    const { mkdir, tree } = world();
    expect(tree.isHiddenFrom('processes/71', MAKING)).toBe(true);
    expect(tree.isHiddenFrom('processes/71', ALICE)).toBe(false);
    expect(tree.isHiddenFrom('network/wan', MAKING)).toBe(false);
    await mkdir('processes/71', BOB);
    expect(await errnoOf(mkdir('processes/4711'))).toBe('ENOENT');
    expect(await errnoOf(tree.removeDirectory('processes/71', ROOT))).toBe('EBUSY');
  });

  it.each([
    'processes/0',
    'processes/071',
    'processes/71/x',
    'processes/71/sockets/4',
    'users/carol',
    'cgroups/x',
    'groups/5',
  ])('there is no %s', async (path) => {
    expect(await errnoOf(world().tree.attributes(path))).toBe('ENOENT');
  });
});

describe('a link', () => {
  it.each([
    ['processes/71', 'pid:71', TARGET],
    ['processes/71/sockets/5', 'socket:71/5', '../../../../network/wan/up/vif3'],
    ['groups/71', 'pgid:71', TARGET],
    ['users/alice', 'user:alice', TARGET],
    ['cgroups/user.slice/alice', 'cgroup:/user.slice/alice', '../../../network/wan/up/vif3'],
  ])('in %s attaches %s, and rm detaches it', async (directory, subject, target) => {
    const { tree, attachments, ls } = world(OPEN);
    await tree.makeLink(`${directory}/wan.up`, target, ALICE);
    expect(attachments.get(subject)).toEqual(new Map([['wan/up', 'wan/up/vif3']]));
    expect(await ls(directory)).toContain('wan.up');
    expect(await tree.attributes(`${directory}/wan.up`)).toMatchObject({ kind: 'link', mode: 0o777 });
    expect(await tree.readLink(`${directory}/wan.up`)).toBe(target);
    await tree.removeLink(`${directory}/wan.up`, ALICE);
    expect(await ls(directory)).not.toContain('wan.up');
  });

  it.each([TARGET, `${TARGET}/`, './../../network//wan/up/vif3/../vif3', `${MOUNT}/network/wan/up/vif3`])(
    'may lead to %s',
    async (target) => {
      const { tree } = world();
      await tree.makeLink('processes/71/wan.up', target, ROOT);
      expect(await tree.readLink('processes/71/wan.up')).toBe(TARGET);
    },
  );

  it.each([
    [
      'wan.up',
      'network/wan/up/vif3',
      'it leads to processes/71/network/wan/up/vif3; a link leads to a class',
    ],
    ['wan.up', '../../network/wan/up/none', 'wan/up/none is no class of network'],
    ['wan.up', '../../network/wan/down', 'wan.up: wan/down is no class of wan/up'],
    ['wan.up', '/elsewhere/network/wan/up/vif3', 'it is not in /run/net'],
    ['wan.up', '../../../../etc', 'it leads out of /run/net'],
    ['wan.up', '../../network/wan', 'it leads to network/wan'],
    ['wan.up', `${TARGET}/rate`, 'wan/up/vif3/rate is no class of network'],
    ['dsl.up', TARGET, 'dsl.up: there is no direction dsl/up'],
    ['wan', TARGET, 'wan: a link is called as its direction, such as wan.up'],
  ])('%s to %s is EINVAL, and error says why', async (name, target, reason) => {
    const { tree, cat } = world();
    expect(await errnoOf(tree.makeLink(`processes/71/${name}`, target, ROOT))).toBe('EINVAL');
    expect(await cat('processes/71/error')).toContain(reason);
  });

  it('takes the process and write permission on the class', async () => {
    const { tree, attachments } = world(OPEN);
    const link = (pid: number, target: string, who = ALICE) =>
      errnoOf(tree.makeLink(`processes/${pid}/wan.up`, target, who));
    expect(await link(72, TARGET)).toBe('EACCES');
    expect(await link(72, TARGET, BOB)).toBe('EACCES');
    expect(await link(71, '../../network/wan/up/web')).toBe('EACCES');
    expect(await link(71, '../../network/wan/up')).toBe('EACCES');
    expect(attachments.size).toBe(0);
    expect(await link(72, TARGET, ROOT)).toBe('made');
    // What root has put somewhere does not leave it by its user, who may not write that class.
    expect(await errnoOf(tree.removeLink('processes/72/wan.up', BOB))).toBe('EACCES');
    expect(await link(72, TARGET, ROOT)).toBe('EEXIST');
    expect(await link(71, TARGET)).toBe('made');
    expect(await errnoOf(tree.removeLink('processes/71/wan.down', ALICE))).toBe('ENOENT');
    expect(await errnoOf(tree.removeLink('processes/71/error', ALICE))).toBe('EPERM');
    expect(await errnoOf(tree.rename('processes/71/wan.up', 'processes/71/wan.down', ALICE))).toBe('EPERM');
  });

  it('of ln -sf takes the place of the one before', async () => {
    const { tree, attachments, ls } = world();
    await tree.makeLink('processes/71/wan.up', TARGET, ROOT);
    await tree.makeLink('processes/71/CuAbCdEf', '../../network/wan/up/web', ROOT);
    expect(await tree.readLink('processes/71/CuAbCdEf')).toBe('../../network/wan/up/web');
    expect(attachments.get('pid:71')!.get('wan/up')).toBe('wan/up/vif3');
    await tree.rename('processes/71/CuAbCdEf', 'processes/71/wan.up', ROOT);
    expect(attachments.get('pid:71')!.get('wan/up')).toBe('wan/up/web');
    expect(await ls('processes/71')).toEqual(['error', 'wan.up', 'sockets']);
    await tree.makeLink('processes/71/CuAbCdEf', TARGET, ROOT);
    await tree.removeLink('processes/71/CuAbCdEf', ROOT);
    expect(await errnoOf(tree.readLink('processes/71/CuAbCdEf'))).toBe('ENOENT');
  });

  it('shows what other commands have attached, a user by another name too', async () => {
    const { tree, attachments } = world();
    attachments.set('user:1000', new Map([['wan/up', 'wan/up/web']]));
    expect(await tree.readLink('users/alice/wan.up')).toBe('../../network/wan/up/web');
  });
});
