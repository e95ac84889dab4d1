import { afterEach, describe, expect, it } from 'vitest';
import { ClientError } from '../../../../src/client/client.ts';
import { ALICE, BOB, closeWorlds, errnoOf, ROOT, world, YAML } from './world.ts';

afterEach(closeWorlds);

const UP = 'network/wan/up';
const VIF = `${UP}/vif3`;

describe('classes are directories', () => {
  it('with a file for each parameter that they have, and their classes', async () => {
    const { ls } = world();
    expect(await ls('')).toEqual(['network', 'processes', 'groups', 'users', 'cgroups']);
    expect([await ls('network'), await ls('network/wan')]).toEqual([['wan'], ['up', 'down']]);
    const shared = [
      'bandwidth',
      'rate',
      'mode',
      'burst',
      'police',
      'meter',
      'remark',
      'each',
      'tcp',
      'schedule',
    ];
    const reports = ['stat', 'clients', 'error'];
    expect(new Set(await ls(UP))).toEqual(new Set([...shared, ...reports, 'vif3', 'web', 'default']));
    const own = ['weight', 'priority', 'match', 'adjust', 'limit', 'aqm', 'isolation', 'ackFilter'];
    expect(new Set(await ls(VIF))).toEqual(new Set([...shared, ...own, ...reports]));
    expect(await ls(`${UP}/default`)).not.toContain('match');
  });

  it('a read is the value and a line end, as in YAML', async () => {
    const { tree, cat } = world();
    expect(await tree.read(`${VIF}/bandwidth`)).toBe('4mbit\n');
    const read = async (...files: string[]) => Promise.all(files.map((file) => cat(`${UP}/web/${file}`)));
    expect(await read('bandwidth', 'rate', 'weight', 'priority', 'mode', 'limit')).toEqual([
      ...['10mbit', 'none', '2', '3', 'fair', '50ms'],
    ]);
    expect(await read('match', 'police', 'remark', 'ackFilter')).toEqual([
      ...['{ dport: [80, 443] }', 'none', 'default', 'false'],
    ]);
    expect([await cat(`${UP}/bandwidth`), await cat(`${UP}/mode`)]).toEqual(['10mbit', 'wfq']);
  });

  it('a write is one change, which the next read has', async () => {
    const { echo, cat, thread, asked } = world();
    await echo('2mbit', `${VIF}/bandwidth`);
    expect(await cat(`${VIF}/bandwidth`)).toBe('2mbit');
    expect(thread.ceil('wan/up/vif3')).toBe(2);
    expect(asked.filter((one) => one.startsWith('PATCH'))).toEqual(['PATCH /v1/classes/wan/up/vif3']);
    await echo('2000kbit', `${VIF}/bandwidth`);
    expect(await cat(`${VIF}/bandwidth`)).toBe('2000kbit');
    await echo('{ proto: udp, dport: [53, 5353] }', `${VIF}/match`);
    expect(await cat(`${VIF}/match`)).toBe('{ proto: udp, dport: [53, 5353] }');
    await echo('default', `${VIF}/bandwidth`);
    expect(await cat(`${VIF}/bandwidth`)).toBe('10mbit');
    await echo('5mbit', `${UP}/bandwidth`);
    expect(thread.ceil('wan/up')).toBe(5);
    await echo('none', `${VIF}/police`);
    expect(await cat(`${VIF}/police`)).toBe('none');
  });

  it('what another client changes is read as well', async () => {
    const { cat, service } = world();
    expect(await cat(`${VIF}/weight`)).toBe('1');
    await service.patchClass('wan/up/vif3', { weight: '5' }, undefined);
    expect(await cat(`${VIF}/weight`)).toBe('5');
  });

  it.each([
    ['bandwidth', '4 apples', 'is not a rate'],
    ['bandwidth', '11mbit', 'bandwidth: 11mbit is above the 10mbit of wan/up'],
    ['police', '{ rate: 11mbit }', 'police: 11mbit is above the 10mbit of wan/up'],
    ['each', '{ by: host, rate: 11mbit }', 'each: 11mbit is above the 10mbit of wan/up'],
    ['weight', '', 'weight has no value; default gives it its default'],
    ['weight', '[1', 'weight: no value as in YAML'],
    ['mode', 'lifo', "mode: 'lifo' is not one of: fair, fifo, short-first, wfq, pq, shape"],
    ['rate', '5mbit', "is above the class's own ceil"],
    ['schedule', '{ when: sat, set: { ceil: 11mbit } }', 'bandwidth: 11mbit is above'],
    ['match', '*x', 'an alias (*name) is no value here'],
    ['match', '['.repeat(40), 'stand in one another more than 16 deep'],
    ['limit', '- '.repeat(40), 'stand in one another more than 16 deep'],
  ])('%s refuses %s, and error says why until a change is made', async (file, value, reason) => {
    const { echo, cat, service } = world();
    expect(await errnoOf(echo(value, `${VIF}/${file}`))).toBe('EINVAL');
    expect(await cat(`${VIF}/error`)).toContain(reason);
    expect((await service.config()).yaml).toBe(YAML);
    await echo('3mbit', `${VIF}/bandwidth`);
    expect(await cat(`${VIF}/error`)).toBe('');
  });

  it('mkdir makes a class that takes only what is attached, rmdir removes it', async () => {
    const { tree, mkdir, cat, ls, service } = world();
    await mkdir(`${VIF}/vif1`);
    expect(await cat(`${VIF}/vif1/match`)).toBe('none');
    expect(await ls(VIF)).toEqual(expect.arrayContaining(['vif1', 'default']));
    expect(await errnoOf(tree.removeDirectory(VIF, ROOT))).toBe('ENOTEMPTY');
    expect(await errnoOf(tree.removeDirectory(`${VIF}/default`, ROOT))).toBe('EBUSY');
    await tree.removeDirectory(`${VIF}/vif1`, ROOT);
    await tree.removeDirectory(VIF, ROOT);
    expect((await service.config()).yaml).not.toContain('vif3');
  });

  it('mv renames and moves within the direction', async () => {
    const { tree, mkdir, cat, thread } = world();
    await mkdir(`${UP}/vif1`);
    await tree.rename(`${UP}/vif1`, `${VIF}/first`, ROOT);
    expect(await cat(`${VIF}/first/bandwidth`)).toBe('4mbit');
    expect(thread.requests.at(-1)!.renamed).toEqual(new Map([['wan/up/vif3/first', 'wan/up/vif1']]));
    const errnos = [
      [`${VIF}/first`, 'network/wan/down/x'],
      [VIF, `${VIF}/first/x`],
      [`${UP}/web`, VIF],
      [`${UP}/default`, `${UP}/x`],
      [`${UP}/web/rate`, `${UP}/web/x`],
      [`${UP}/none`, `${UP}/x`],
      ['network/wan/up', 'network/wan/x'],
    ].map(([from, to]) => errnoOf(tree.rename(from!, to!, ROOT)));
    expect(await Promise.all(errnos)).toEqual([
      'EXDEV',
      'EINVAL',
      'EEXIST',
      'EBUSY',
      'EPERM',
      'ENOENT',
      'EBUSY',
    ]);
  });

  it('a class with more than its new parent has does not move there', async () => {
    const { tree, echo, cat } = world();
    await echo('6mbit', `${UP}/web/bandwidth`);
    expect(await errnoOf(tree.rename(`${UP}/web`, `${VIF}/web`, ROOT))).toBe('EINVAL');
    expect(await cat(`${UP}/error`)).toBe('bandwidth: 6mbit is above the 4mbit of wan/up/vif3');
  });

  it.each([
    ['fifo', { 'queue.discipline': 'fifo' }],
    ['short-first', { 'queue.discipline': 'short-first' }],
    ['wfq', { mode: 'wfq' }],
    ['pq', { mode: 'pq' }],
    ['shape', { mode: 'shape', 'queue.discipline': 'fifo' }],
    ['fair', {}],
  ])('mode %s is read as it was written', async (mode, values) => {
    const { echo, cat, thread, mkdir } = world();
    await echo('pq', `${VIF}/mode`);
    await echo(mode, `${VIF}/mode`);
    expect(await cat(`${VIF}/mode`)).toBe(mode);
    const discipline = (values as Record<string, string>)['queue.discipline'] ?? 'fair';
    expect(thread.running('wan/up/vif3')!.queue!.discipline).toBe(discipline);
    await mkdir(`${VIF}/x`);
    expect(await cat(`${VIF}/mode`)).toBe('mode' in values ? mode : 'wfq');
    expect(await errnoOf(echo('fifo', `${VIF}/mode`))).toBe('EINVAL');
    expect(await cat(`${VIF}/error`)).toBe(
      'mode: packets of wan/up/vif3 wait in the classes inside; their files mode take fifo',
    );
  });

  it('stat has a line for each value, clients one for each that is attached', async () => {
    const { tree, attachments } = world();
    expect(await tree.read(`${VIF}/stat`)).toBe('sent.packets 3\nsent.bytes 4500\nmarked 0\n');
    attachments.set('pid:71', new Map([['wan/up', 'wan/up/vif3']]));
    expect(await tree.read(`${VIF}/clients`)).toBe('pid:71 text of pid:71\n');
    expect(await tree.read(`${UP}/web/clients`)).toBe('');
  });

  it.each([
    ['a file that is only read is not written', 'EROFS', `${VIF}/stat`],
    ['nor a directory', 'EISDIR', VIF],
    ['nor what is not there', 'ENOENT', `${VIF}/limitless`],
  ])('%s', async (_, errno, path) => {
    expect(await errnoOf(world().echo('1', path))).toBe(errno);
  });

  it('what is not a class cannot be made or removed', async () => {
    const { tree, mkdir } = world();
    const errnos = [
      ...[mkdir('x'), mkdir('network/x'), mkdir('network/wan/x'), mkdir(`${UP}/Big`), mkdir(`${UP}/none/x`)],
      ...[mkdir(VIF), tree.removeDirectory('network/wan/up', ROOT), tree.removeLink(`${VIF}/rate`, ROOT)],
      ...[tree.makeLink(`${VIF}/x`, '..', ROOT), tree.readLink(VIF), tree.attributes('x')],
    ].map(errnoOf);
    expect(await Promise.all(errnos)).toEqual([
      ...['EROFS', 'EROFS', 'EROFS', 'EINVAL', 'ENOENT'],
      ...['EEXIST', 'EBUSY', 'EPERM', 'EPERM', 'EINVAL', 'ENOENT'],
    ]);
  });
});

describe('rights', () => {
  const DELEGATED = YAML.replace('ceil: 4mbit,', 'ceil: 4mbit, access: { dir: alice:staff 750 },');

  it('come from access, and everything else is root’s', async () => {
    const { owner } = world(DELEGATED);
    expect(await owner(VIF)).toBe('1000:50 750');
    expect(await owner(`${VIF}/bandwidth`)).toBe('0:0 644');
    expect(await owner(`${VIF}/stat`)).toBe('0:0 444');
    expect([await owner('network'), await owner(UP)]).toEqual(['0:0 755', '0:0 755']);
  });

  it('whoever may write a directory makes classes in it, and they are his', async () => {
    const { mkdir, owner, echo, tree, service } = world(DELEGATED);
    await mkdir(`${VIF}/mine`, ALICE, 0o700);
    expect([await owner(`${VIF}/mine`), await owner(`${VIF}/mine/bandwidth`)]).toEqual([
      ...['1000:1000 700', '1000:1000 600'],
    ]);
    expect(await owner(`${VIF}/mine/stat`)).toBe('1000:1000 400');
    // Her directory, and so the class of all else in it.
    expect([await owner(`${VIF}/default`), await owner(`${VIF}/default/rate`)]).toEqual([
      '1000:50 750',
      '0:0 644',
    ]);
    await echo('3mbit', `${VIF}/mine/bandwidth`, ALICE);
    expect(await errnoOf(echo('5mbit', `${VIF}/mine/bandwidth`, ALICE))).toBe('EINVAL');
    expect(await errnoOf(echo('5mbit', `${VIF}/bandwidth`, ALICE))).toBe('EACCES');
    expect(await errnoOf(echo('1mbit', `${VIF}/mine/bandwidth`, BOB))).toBe('EACCES');
    expect(await errnoOf(mkdir(`${VIF}/his`, BOB))).toBe('EACCES');
    expect(await errnoOf(mkdir(`${UP}/hers`, ALICE))).toBe('EACCES');
    expect(await errnoOf(tree.removeDirectory(VIF, ALICE))).toBe('EACCES');
    expect(await errnoOf(tree.rename(`${VIF}/mine`, `${UP}/mine`, ALICE))).toBe('EACCES');
    expect((await service.config()).yaml).toContain('dir: alice:alice 700, files: alice:alice 600');
    await tree.removeDirectory(`${VIF}/mine`, ALICE);
  });

  it('her classes go before others as far as the directory around them does', async () => {
    const { mkdir, echo, cat } = world(DELEGATED);
    await mkdir(`${VIF}/mine`, ALICE);
    expect(await errnoOf(echo('0', `${VIF}/mine/priority`, ALICE))).toBe('EPERM');
    expect(await cat(`${VIF}/mine/error`)).toContain(
      'classes inside go before others as wan/up/vif3 does, with 3',
    );
    const scheduled = (set: string) =>
      errnoOf(echo(`{ when: sat, set: { ${set} } }`, `${VIF}/mine/schedule`, ALICE));
    expect(await scheduled('priority: 1')).toBe('EPERM');
    expect(await scheduled('access: { dir: alice:alice 777 }')).toBe('EPERM');
    await echo('5', `${VIF}/mine/priority`, ALICE);
    await echo('0', `${VIF}/mine/priority`, ROOT);
    expect(await cat(`${VIF}/mine/priority`)).toBe('0');
  });

  it('a directory with the bit of groups gives its group on, one with the sticky bit keeps others from removing', async () => {
    const { mkdir, owner, tree } = world(
      YAML.replace('ceil: 4mbit,', 'ceil: 4mbit, access: { dir: root:staff 3777 },'),
    );
    await mkdir(`${VIF}/mine`, ALICE);
    expect(await owner(`${VIF}/mine`)).toBe('1000:50 2755');
    expect(await errnoOf(tree.removeDirectory(`${VIF}/mine`, BOB))).toBe('EPERM');
    await tree.removeDirectory(`${VIF}/mine`, ALICE);
  });

  it('chmod and chown as POSIX has them, kept in access', async () => {
    const { tree, owner, service } = world();
    await tree.setAttributes(VIF, { uid: 1000, gid: 1000 }, ROOT);
    await tree.setAttributes(`${VIF}/weight`, { uid: 1000 }, ROOT);
    expect([await owner(VIF), await owner(`${VIF}/weight`)]).toEqual(['1000:1000 755', '1000:0 644']);
    await tree.setAttributes(VIF, { mode: 0o775, gid: 50 }, ALICE);
    expect(await owner(VIF)).toBe('1000:50 775');
    const errnos = [
      ...[tree.setAttributes(VIF, { uid: 1001 }, ALICE), tree.setAttributes(VIF, { gid: 7 }, ALICE)],
      ...[
        tree.setAttributes(VIF, { mode: 0o777 }, BOB),
        tree.setAttributes(`${VIF}/rate`, { mode: 0o666 }, ALICE),
      ],
      tree.setAttributes('network/wan', { mode: 0o777 }, ROOT),
    ].map(errnoOf);
    expect(await Promise.all(errnos)).toEqual(['EPERM', 'EPERM', 'EPERM', 'EPERM', 'EROFS']);
    expect((await service.config()).yaml).toContain(
      'access: { dir: alice:staff 775, weight: alice:root 644 }',
    );
    await tree.setAttributes(`${VIF}/stat`, { mode: 0o666 }, ROOT);
    expect(await owner(`${VIF}/stat`)).toBe('0:0 444');
  });

  it('a name that nobody has here is root', async () => {
    const { owner } = world(YAML.replace('ceil: 4mbit,', 'ceil: 4mbit, access: { dir: carol:crew 770 },'));
    expect(await owner(VIF)).toBe('0:0 770');
  });
});

describe('the instance', () => {
  it('is asked once for a listing, and once more for each read', async () => {
    const { tree, cat, ls, asked } = world();
    for (const name of await ls(VIF)) await tree.attributes(`${VIF}/${name}`);
    expect(asked).toEqual(['GET /v1/classes']);
    await cat(`${VIF}/rate`);
    expect(asked.slice(1)).toEqual(['GET /v1/classes?unless=0']);
  });

  it('that does not answer is EIO until it is back', async () => {
    const { cat, echo, at } = world();
    at.fault = new ClientError('absent', 'no running instance answers on /x');
    expect(await errnoOf(cat(`${VIF}/rate`))).toBe('EIO');
    expect(await errnoOf(echo('1mbit', `${VIF}/rate`))).toBe('EIO');
    at.fault = null;
    expect(await cat(`${VIF}/rate`)).toBe('none');
  });

  it('a class that goes while its file is open is ENOENT', async () => {
    const { cat, echo, service } = world();
    await cat(`${VIF}/rate`);
    await service.removeClass('wan/up/vif3', undefined);
    expect(await errnoOf(cat(`${VIF}/rate`))).toBe('ENOENT');
    expect(await errnoOf(echo('1mbit', `${VIF}/rate`))).toBe('ENOENT');
  });

  it('a name has at most 255 bytes', async () => {
    const { tree } = world();
    const name = `${UP}/${'x'.repeat(256)}`;
    expect(await errnoOf(tree.makeDirectory(name, 0o755, ROOT))).toBe('ENAMETOOLONG');
    expect(await errnoOf(tree.rename(VIF, name, ROOT))).toBe('ENAMETOOLONG');
  });

  it('writers that come at once each make one change', async () => {
    const { mkdir, echo, cat, ls } = world();
    const names = Array.from({ length: 20 }, (_, i) => `c${i}`);
    await Promise.all(names.map((name) => mkdir(`${VIF}/${name}`)));
    expect((await ls(VIF)).filter((name) => /^c\d/.test(name))).toHaveLength(20);
    await Promise.all(names.map((name, i) => echo(String(i + 1), `${VIF}/${name}/weight`)));
    expect(await cat(`${VIF}/c19/weight`)).toBe('20');
  });

  it('a directory in which a class is made meanwhile is not removed with it', async () => {
    const { tree, mkdir, cat } = world();
    await mkdir(`${UP}/vif1`);
    const both = await Promise.all([
      errnoOf(tree.removeDirectory(`${UP}/vif1`, ROOT)),
      errnoOf(mkdir(`${UP}/vif1/x`)),
    ]);
    if (both[1] === 'made') expect([both[0], await cat(`${UP}/vif1/x/match`)]).toEqual(['ENOTEMPTY', 'none']);
    else expect(both).toEqual(['made', 'ENOENT']);
  });
});
