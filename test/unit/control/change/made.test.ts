import { expect, it } from 'vitest';
import { setUp, YAML } from './fakes.ts';

const MADE = new Map([['wan/up/bulk/exec-1', { ceil: '2mbit', match: 'none' }]]);

it('a class made for a command is there until its end, and in no file', async () => {
  const { service, soon, thread, eventsOf } = setUp();
  await soon(service.make(MADE));
  expect(thread.ceil('wan/up/bulk/exec-1')).toBe(2);
  expect((await service.config()).yaml).toBe(YAML);
  expect((await service.diff()).changes).toEqual([]);
  expect(eventsOf('change').at(-1)).toMatchObject({ by: 'exec' });
  await soon(service.unmake([...MADE.keys()]));
  expect(thread.running('wan/up/bulk/exec-1')).toBeUndefined();
});

it('a reload keeps it, and a moved class takes it along', async () => {
  const { service, soon, thread, files } = setUp();
  await soon(service.make(MADE));
  files.set('/etc/shaper.yaml', YAML.replace('rate: 20mbit', 'rate: 30mbit'));
  await soon(service.reload({}, undefined));
  expect(thread.ceil('wan/up')).toBe(30);
  expect(thread.ceil('wan/up/bulk/exec-1')).toBe(2);
  await soon(service.moveClass('wan/up/bulk', 'wan/up/heap', undefined, undefined));
  expect(thread.ceil('wan/up/heap/exec-1')).toBe(2);
  expect(thread.requests.at(-1)!.renamed.get('wan/up/heap')).toBe('wan/up/bulk');
});

it('leases on it hold', async () => {
  const { service, soon, thread } = setUp();
  await soon(service.make(MADE));
  await soon(service.lease('wan/up/bulk/exec-1', { ceil: '1mbit' }, 1000, undefined));
  expect(thread.ceil('wan/up/bulk/exec-1')).toBe(1);
});

it('it goes with the class around it, and that is told', async () => {
  const { service, soon, thread } = setUp();
  await soon(service.make(MADE));
  const { notes } = await soon(service.removeClass('wan/up/bulk', undefined));
  expect(notes).toContainEqual(expect.stringContaining('wan/up/bulk/exec-1, made for a command, is gone'));
  expect(thread.running('wan/up/bulk')).toBeUndefined();
});

it('a value that is wrong makes nothing', async () => {
  const { service, soon, thread } = setUp();
  const wrong = new Map([...MADE, ['wan/up/none/exec-1', { ceil: '1mbit', match: 'none' }]]);
  await expect(soon(service.make(wrong))).rejects.toMatchObject({ status: 404 });
  expect(thread.requests).toEqual([]);
});
