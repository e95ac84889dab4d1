import { describe, expect, it } from 'vitest';
import type { MergePatch } from '../../../../src/config/edit/document.ts';
import { setUp, turn, YAML } from './fakes.ts';

const BULK = 'wan/up/bulk';
const GUESTS = 'wan/up/guests';

describe('set', () => {
  it('changes a class while all else stays, and says old and new value', async () => {
    const { service, thread, eventsOf } = setUp();
    const { changes, generation, notes } = await service.patchClass(BULK, { ceil: '8mbit' }, undefined);
    expect(changes).toMatchObject([{ path: BULK }]);
    expect({ generation, notes }).toEqual({ generation: 1, notes: [] });
    expect(thread.ceil(BULK)).toBe(8);
    expect((await service.config()).yaml).toBe(YAML.replace('ceil: 5mbit', 'ceil: 8mbit'));
    expect(eventsOf('change')).toEqual([{ by: 'set', generation: 1, changes }]);
  });

  it('hands on what the machine cannot do of it', async () => {
    const { service, thread } = setUp();
    thread.notes = ['tcp.pace is off'];
    const { notes } = await service.patchClass(BULK, { ceil: '8mbit' }, undefined);
    expect(notes).toEqual(['tcp.pace is off']);
  });

  it('has the warnings that it brings in its answer, as check has them, and none that were there', async () => {
    const { service, soon } = setUp();
    const note =
      'warning: wan/up/bulk tcp: tcp.pace: no connection can be active: none moves more than 100mbit at a ceil of';
    const notesOf = async (path: string, set: MergePatch): Promise<readonly string[]> =>
      (await soon(service.patchClass(path, set, undefined))).notes;
    expect(await notesOf(BULK, { tcp: { pace: { active: '100mbit' } } })).toEqual([`${note} 5mbit`]);
    expect(await notesOf(GUESTS, { ceil: '8mbit' })).toEqual([]);
    expect(await notesOf(BULK, { ceil: '6mbit' })).toEqual([`${note} 6mbit`]);
    expect(await notesOf(BULK, { tcp: null })).toEqual([]);
  });

  it('that brings many warnings tells the first and counts the rest', async () => {
    const classes = Array.from({ length: 12 }, (_, i) => `c${i}: { match: { dport: ${i + 1} } }`);
    const { service } = setUp(
      `links: { wan: { device: eth0, up: { rate: 1mbit, classes: { ${classes}, default: {} } } } }`,
    );
    const { notes } = await service.addClass('wan/up/all', {}, 'c0', undefined);
    expect(notes).toHaveLength(11);
    expect(notes[1]).toBe('warning: wan/up/c1: class c1 gets no packets: all before it has no match');
    expect(notes[10]).toBe('and 3 more warnings like these');
  });

  it('of access alone crosses as one by which packets are shaped as before', async () => {
    const { service, thread, soon } = setUp();
    const set = (access: MergePatch | null) => soon(service.patchClass(BULK, { access }, undefined));
    const { changes, generation } = await set({ dir: 'alice:staff 755' });
    expect(changes).toEqual([{ path: BULK, key: 'access', old: null, new: '{ dir: "alice:staff 755" }' }]);
    expect(generation).toBe(1);
    expect((await service.config()).yaml).toContain('access: { dir: alice:staff 755 }');
    await set(null);
    expect((await service.config()).yaml).toBe(YAML);
    await soon(service.patchClass(BULK, { ceil: '6mbit' }, undefined));
    expect(thread.requests.map(({ isSpecSame }) => isSpecSame)).toEqual([true, true, false]);
    expect(thread.requests.at(-1)!.base.text).toBe((await service.config()).yaml);
  });

  it('that changes nothing crosses nothing', async () => {
    const { service, thread } = setUp();
    const answer = await service.patchClass(BULK, { ceil: '5mbit' }, undefined);
    expect(answer).toEqual({ changes: [], generation: 0, notes: [] });
    expect(thread.requests).toEqual([]);
  });

  it('that is wrong is refused, and nothing has changed', async () => {
    const { service, thread } = setUp();
    await expect(service.patchClass(BULK, { rate: '80mbit' }, undefined)).rejects.toMatchObject({
      status: 400,
    });
    await expect(service.patchClass('wan/up/x', { ceil: '1mbit' }, undefined)).rejects.toMatchObject({
      status: 404,
      code: 'no-such-class',
    });
    expect(thread.requests).toEqual([]);
    expect((await service.config()).yaml).toBe(YAML);
  });

  it('that the packet thread refuses is told so, and leaves all as it was', async () => {
    const { service, thread } = setUp();
    const refusal = { ok: false, code: 'restart', where: BULK, message: 'no', hint: 'restart' } as const;
    thread.refuse = () => refusal;
    await expect(service.patchClass(BULK, { ceil: '8mbit' }, undefined)).rejects.toMatchObject({
      code: 'restart',
      hint: 'restart',
    });
    expect((await service.config()).yaml).toBe(YAML);
    expect(service.generation).toBe(0);
  });
});

describe('changes at once', () => {
  it('cross together, each on top of the one before, each with its own answer', async () => {
    const { service, thread, soon } = setUp();
    const wanted = [6, 7, 8, 9].map((ceil) => service.patchClass(BULK, { ceil: `${ceil}mbit` }, undefined));
    const answers = await soon(Promise.all(wanted));
    expect(thread.requests).toHaveLength(1);
    expect(thread.ceil(BULK)).toBe(9);
    expect(answers.map(({ generation }) => generation)).toEqual([1, 1, 1, 1]);
    const [old, last] = [answers[0]!.changes[0]!.old, answers[3]!.changes[0]!.new];
    for (const [i, { changes }] of answers.entries())
      expect(changes[0]!.old).toBe(i === 0 ? old : answers[i - 1]!.changes[0]!.new);
    expect(old).not.toBe(last);
  });

  it('that come within 20 ms of a crossing wait for the next one', async () => {
    const { service, thread, clock } = setUp();
    await service.patchClass(BULK, { ceil: '6mbit' }, undefined);
    const later = [7, 8].map((ceil) => service.patchClass(BULK, { ceil: `${ceil}mbit` }, undefined));
    await clock.advance(19);
    expect(thread.requests).toHaveLength(1);
    await clock.advance(1);
    expect((await Promise.all(later)).map(({ generation }) => generation)).toEqual([2, 2]);
    expect(thread.requests).toHaveLength(2);
  });

  it('of which one is refused: it alone', async () => {
    const { service, thread, soon } = setUp();
    thread.refuse = () =>
      thread.ceil(GUESTS) === 3
        ? { ok: false, code: 'failed', where: GUESTS, message: 'no', hint: '' }
        : null;
    const wanted = [
      service.patchClass(BULK, { ceil: '6mbit' }, undefined),
      service.patchClass(GUESTS, { ceil: '3mbit' }, undefined),
      service.patchClass(BULK, { ceil: '7mbit' }, undefined),
      service.patchClass('wan/up/nobody', { ceil: '7mbit' }, undefined),
    ];
    const settled = await soon(Promise.allSettled(wanted));
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected']);
    thread.refuse = () => null;
    await soon(service.patchClass(GUESTS, { ceil: '4mbit' }, undefined));
    expect([thread.ceil(BULK), thread.ceil(GUESTS)]).toEqual([7, 4]);
  });

  it('moves cross alone, in their order', async () => {
    const { service, thread, soon } = setUp();
    const wanted = [
      service.patchClass(BULK, { ceil: '6mbit' }, undefined),
      service.moveClass(BULK, 'wan/up/guests/bulk', undefined, undefined),
      service.moveClass('wan/up/guests/bulk', 'wan/up/last', undefined, undefined),
      service.patchClass('wan/up/last', { ceil: '7mbit' }, undefined),
    ];
    const done = Promise.all(wanted);
    for (let i = 0; i < 4; i++) await soon(Promise.resolve());
    await done;
    expect(thread.requests.map(({ renamed }) => [...renamed])).toEqual([
      [],
      [['wan/up/guests/bulk', BULK]],
      [['wan/up/last', 'wan/up/guests/bulk']],
      [],
    ]);
    expect(thread.ceil('wan/up/last')).toBe(7);
  });

  it('while one crosses the next wait, and a stop refuses them', async () => {
    const { service, thread, clock } = setUp();
    let open = (): void => undefined;
    thread.gate = new Promise((resolve) => {
      open = resolve;
    });
    const first = service.patchClass(BULK, { ceil: '6mbit' }, undefined);
    await turn();
    const second = service.patchClass(BULK, { ceil: '7mbit' }, undefined);
    service.stop();
    await expect(second).rejects.toMatchObject({ status: 503, code: 'stopping' });
    await expect(service.patchClass(BULK, { ceil: '8mbit' }, undefined)).rejects.toMatchObject({
      status: 503,
    });
    open();
    expect((await first).generation).toBe(1);
    await clock.advance(1000);
    expect(thread.requests).toHaveLength(1);
  });
});

describe('a request that names its generation', () => {
  it('is refused if the class has changed since, also by a change that crosses with it', async () => {
    const { service, soon } = setUp();
    await service.patchClass(BULK, { ceil: '6mbit' }, 0);
    const stale = { status: 409, code: 'stale', where: BULK };
    await expect(soon(service.patchClass(BULK, { ceil: '7mbit' }, 0))).rejects.toMatchObject(stale);
    const two = [1, 1].map((since, i) => service.patchClass(BULK, { ceil: `${8 + i}mbit` }, since));
    const [, second] = await soon(Promise.allSettled(two));
    expect(second).toMatchObject({ status: 'rejected', reason: stale });
  });

  it('is carried out if others have changed', async () => {
    const { service, soon } = setUp();
    await service.patchClass(BULK, { ceil: '6mbit' }, 0);
    await soon(service.patchClass(GUESTS, { ceil: '6mbit' }, 0));
    await expect(soon(service.reload({}, 1))).rejects.toMatchObject({ status: 409, where: '' });
    await soon(service.reload({}, 2));
  });

  it('of a class with others inside is refused if one of them has changed', async () => {
    const { service, soon } = setUp();
    await service.patchClass('wan/up/guests/web', { ceil: '1mbit' }, undefined);
    await expect(soon(service.removeClass(GUESTS, 0))).rejects.toMatchObject({ status: 409 });
    await soon(service.patchClass(GUESTS, { ceil: '6mbit' }, 0));
  });

  it('that no change had is refused', async () => {
    const { service } = setUp();
    await expect(service.patchClass(BULK, { ceil: '6mbit' }, 7)).rejects.toMatchObject({
      status: 409,
      where: 'generation',
    });
  });
});

describe('classes', () => {
  it('come, move and go', async () => {
    const { service, thread, soon } = setUp();
    await soon(service.addClass('wan/up/new', { ceil: '1mbit', match: { dport: 99 } }, 'bulk', undefined));
    expect(thread.running('wan/up')!.children.map(({ name }) => name)).toEqual([
      'voice',
      'guests',
      'new',
      'bulk',
      'default',
    ]);
    await soon(service.moveClass('wan/up/new', 'wan/up/guests/new', undefined, undefined));
    expect(thread.requests.at(-1)!.renamed).toEqual(new Map([['wan/up/guests/new', 'wan/up/new']]));
    await soon(service.removeClass('wan/up/guests/new', undefined));
    expect((await service.config()).yaml.trim()).toBe(YAML.trim());
  });
});

describe('reload', () => {
  const other = YAML.replace('ceil: 5mbit', 'ceil: 4mbit');

  it('applies the file again, as a whole', async () => {
    const { service, files, thread, eventsOf, soon } = setUp();
    await service.patchClass(GUESTS, { ceil: '6mbit' }, undefined);
    files.set('/etc/shaper.yaml', other);
    const answer = await soon(service.reload({}, undefined));
    expect(answer).toMatchObject({ generation: 2, file: '/etc/shaper.yaml', confirmUntil: null });
    expect([thread.ceil(BULK), thread.ceil(GUESTS)]).toEqual([4, 10]);
    expect((await service.config()).yaml).toBe(other);
    expect(eventsOf('reload')).toMatchObject([{ action: 'applied', generation: 2 }]);
  });

  it('a file with problems changes nothing and says where they are', async () => {
    const { service, files, thread } = setUp();
    files.set('/etc/shaper.yaml', 'links:\n  wan: { device: eth0, up: 5 }\n');
    const error = { status: 400, code: 'invalid', where: '/etc/shaper.yaml:2:28' };
    await expect(service.reload({}, undefined)).rejects.toMatchObject(error);
    await service.reloadForSignal();
    expect(thread.requests).toEqual([]);
  });

  it('of another file: from then on the instance runs by that one', async () => {
    const { service } = setUp();
    await service.reload({ file: '/tmp/other.yaml', text: other }, undefined);
    expect(await service.config()).toMatchObject({ file: '/tmp/other.yaml', yaml: other });
  });

  it('a dry run says the changes and makes none', async () => {
    const { service, thread } = setUp();
    const { changes } = service.dryRun({ file: '/x', text: other });
    expect(changes).toMatchObject([{ path: BULK }]);
    expect(thread.requests).toEqual([]);
    expect(service.dryRun({}).changes).toEqual([]);
  });

  it('a dry run names the keys that need a restart, and only those', () => {
    const { service } = setUp();
    const text = `${YAML}nfqueue: { first: 300, length: 2000 }\n`;
    const { changes, notes } = service.dryRun({ text });
    expect(changes.map(({ key }) => key)).toEqual(['nfqueue.first', 'nfqueue.length']);
    expect(notes).toEqual(['nfqueue.first takes effect at the next start: a reload may refuse it']);
  });

  it('a class that vanished and one of its name that appeared are the same', async () => {
    const { service, thread } = setUp();
    const moved = YAML.replace(/ {8}bulk.*\n/, '').replace(
      'web: {',
      'bulk: { ceil: 5mbit, match: { dport: 20 } }\n            web: {',
    );
    await service.reload({ file: '/x', text: moved }, undefined);
    expect(thread.requests.at(-1)!.renamed).toEqual(new Map([['wan/up/guests/bulk', BULK]]));
  });

  it('SIGHUP: the log is told', async () => {
    const { service, files, logged } = setUp();
    files.set('/etc/shaper.yaml', other);
    await service.reloadForSignal();
    files.set('/etc/shaper.yaml', 'links: 1');
    await service.reloadForSignal();
    expect(logged.map(({ level, message }) => [level, message])).toEqual([
      ['info', 'reload applied'],
      ['error', 'not reloaded: nothing has changed'],
    ]);
  });

  it('diff compares with the file on the disk', async () => {
    const { service, files } = setUp();
    expect((await service.diff()).changes).toEqual([]);
    await service.patchClass(BULK, { ceil: '4mbit' }, undefined);
    expect((await service.diff()).changes).toMatchObject([{ path: BULK }]);
    files.set('/etc/shaper.yaml', other);
    expect((await service.diff()).changes).toEqual([]);
  });
});

describe('confirm and revert', () => {
  const other = { file: '/x', text: YAML.replace('ceil: 5mbit', 'ceil: 4mbit') };
  const third = { file: '/y', text: YAML.replace('ceil: 5mbit', 'ceil: 3mbit') };

  it('without confirm the change goes back when its time is over', async () => {
    const { service, thread, clock, eventsOf, soon } = setUp();
    const { confirmUntil } = await service.reload({ ...other, confirmMs: 60_000 }, undefined);
    expect(confirmUntil).toBe('2026-06-01T12:01:00.000Z');
    expect(thread.ceil(BULK)).toBe(4);
    await clock.advance(59_999);
    expect(thread.ceil(BULK)).toBe(4);
    await clock.advance(1);
    expect(thread.ceil(BULK)).toBe(5);
    expect((await service.config()).file).toBe('/etc/shaper.yaml');
    await expect(soon(service.confirm())).rejects.toMatchObject({ status: 409 });
    expect(eventsOf('reload')).toMatchObject([
      { action: 'applied' },
      { action: 'not confirmed in time: reverted' },
    ]);
    expect(clock.sleepers).toBe(0);
  });

  it('confirm keeps it, and revert takes it back still', async () => {
    const { service, thread, clock, soon } = setUp();
    await service.reload({ ...other, confirmMs: 60_000 }, undefined);
    await soon(service.confirm());
    await clock.advance(100_000);
    expect(thread.ceil(BULK)).toBe(4);
    await soon(service.revert(undefined));
    expect(thread.ceil(BULK)).toBe(5);
    await expect(soon(service.revert(undefined))).rejects.toMatchObject({
      status: 409,
      code: 'nothing-to-revert',
    });
  });

  it('revert does not wait; changes since the last confirmed state go back as well', async () => {
    const { service, thread, clock, soon } = setUp();
    await service.reload({ ...other, confirmMs: 60_000 }, undefined);
    const { notes } = await soon(service.patchClass(GUESTS, { ceil: '6mbit' }, undefined));
    expect(notes).toEqual([expect.stringContaining('until 2026-06-01T12:01:00.000Z')]);
    await soon(service.reload(third, undefined));
    await soon(service.revert(undefined));
    expect([thread.ceil(BULK), thread.ceil(GUESTS)]).toEqual([5, 10]);
    await clock.advance(100_000);
    expect(thread.generation).toBe(4);
  });

  it('a second reload with --confirm begins the time anew, and goes back to the same state', async () => {
    const { service, thread, clock, soon } = setUp();
    await service.reload({ ...other, confirmMs: 60_000 }, undefined);
    await clock.advance(30_000);
    await soon(service.reload({ ...third, confirmMs: 60_000 }, undefined));
    await clock.advance(59_900);
    expect(thread.ceil(BULK)).toBe(3);
    await clock.advance(200);
    expect(thread.ceil(BULK)).toBe(5);
  });

  it('revert without a wait for confirm goes back to the state before the last reload that changed anything', async () => {
    const { service, thread, soon } = setUp();
    await service.patchClass(GUESTS, { ceil: '6mbit' }, undefined);
    await soon(service.reload(other, undefined));
    await soon(service.reload(other, undefined));
    await soon(service.revert(undefined));
    expect([thread.ceil(BULK), thread.ceil(GUESTS)]).toEqual([5, 6]);
  });

  it('a going back that is refused is tried again, and told', async () => {
    const { service, thread, clock, logged } = setUp();
    await service.reload({ ...other, confirmMs: 1000 }, undefined);
    thread.refuse = () => ({ ok: false, code: 'failed', where: '', message: 'no memory', hint: '' });
    await clock.advance(1000);
    expect(logged.at(-1)).toMatchObject({ level: 'error', message: 'a change by time failed: no memory' });
    thread.refuse = () => null;
    await clock.advance(5000);
    expect(thread.ceil(BULK)).toBe(5);
  });
});
