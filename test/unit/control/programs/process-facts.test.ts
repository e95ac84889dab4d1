/** Program, user, unit and container of a process. */
import { beforeEach, expect, test } from 'vitest';
import { ProcessFacts, unitOf } from '../../../../src/control/programs/process-facts.ts';

const ID = 'a1b2c3d4'.repeat(8);
let nowMs: number;
let asked: string[];
let groups: Record<number, string>;

function facts(containers: { id: string; name: string }[] = []): ProcessFacts {
  return new ProcessFacts({
    processes: {
      stat: (pid) => {
        asked.push(`stat ${pid}`);
        if (!(pid in groups)) return null;
        return { pid, name: 'rsync', parent: 1, group: 1, session: 1, startTicks: 5, isAlive: true };
      },
      exe: () => '/usr/bin/rsync',
      cgroup: (pid) => groups[pid] ?? null,
    },
    accounts: { nameOf: (uid) => (uid === 1000 ? 'alice' : String(uid)) },
    containers: () => containers.map((one) => ({ ...one, pid: null })),
    nowMs: () => nowMs,
  });
}

beforeEach(() => {
  nowMs = 0;
  asked = [];
  groups = { 7: '/system.slice/backup.service', 8: `/system.slice/docker-${ID}.scope` };
});

test('a process in a unit', () => {
  const { pid, ...rest } = facts().of(7, 1000);
  expect(pid).toBe(7);
  const program = { name: 'rsync', exe: '/usr/bin/rsync', user: 'alice' };
  expect(rest).toEqual({ ...program, unit: 'backup.service', container: null });
});

test('a container has its name, or the beginning of its id', () => {
  expect(facts([{ id: ID, name: 'web' }]).of(8, 0).container).toBe('web');
  expect(facts([{ id: ID, name: '' }]).of(8, 0).container).toBe(ID.slice(0, 12));
  expect(facts().of(8, 0).container).toBe(ID.slice(0, 12));
});

test('where no process can be seen, the user is known all the same', () => {
  const nobody = { pid: null, name: null, exe: null, unit: null, container: null };
  expect(facts().of(null, 1001)).toEqual({ ...nobody, user: '1001' });
  expect(facts().of(9, 1000)).toEqual({ ...nobody, user: 'alice' });
});

test('facts are kept for some seconds, for a process and a user', () => {
  const kept = facts();
  kept.begin();
  kept.of(7, 1000);
  kept.of(7, 1000);
  expect(asked).toEqual(['stat 7']);
  kept.of(7, 0);
  nowMs = 4999;
  kept.begin();
  kept.of(7, 1000);
  expect(asked).toHaveLength(2);
  nowMs = 5000;
  kept.begin();
  groups[7] = '/user.slice';
  expect(kept.of(7, 1000).unit).toBe(null);
});

test.each([
  ['/user.slice/user-1000.slice/user@1000.service/app.slice/app-firefox-12.scope', 'app-firefox-12.scope'],
  ['/system.slice/nginx.service', 'nginx.service'],
  ['/system.slice/nginx.service/worker', 'nginx.service'],
  ['/', null],
  [null, null],
])('the unit of %s is %s', (group, unit) => {
  expect(unitOf(group)).toBe(unit);
});
