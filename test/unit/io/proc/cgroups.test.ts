import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Cgroups, cgroupMount, groupsCalled } from '../../../../src/io/proc/cgroups.ts';

function setUp(...paths: string[]) {
  const mount = mkdtempSync(join(tmpdir(), 'cgroup-'));
  onTestFinished(() => rmSync(mount, { recursive: true }));
  for (const path of paths) mkdirSync(mount + path, { recursive: true });
  return { mount, cgroups: new Cgroups(mount) };
}

describe('the mount of cgroup2', () => {
  it('is the only one, or the one beside groups of version 1', () => {
    expect(cgroupMount('cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n')).toBe('/sys/fs/cgroup');
    const hybrid = 'tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n';
    expect(cgroupMount(`${hybrid}cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n`)).toBe(
      '/sys/fs/cgroup/unified',
    );
    expect(cgroupMount(hybrid)).toBeNull();
  });

  it('may have a space in its name', () => {
    expect(cgroupMount('none /mnt/c\\040g cgroup2 rw 0 0\n')).toBe('/mnt/c g');
  });
});

describe('control groups', () => {
  it('have the inode of their folder as id, in two words', () => {
    const { mount, cgroups } = setUp('/a');
    const { high, low } = cgroups.idOf('/a')!;
    expect(high * 2 ** 32 + low).toBe(statSync(join(mount, 'a')).ino);
    expect(cgroups.idOf('/')).not.toBeNull();
    expect(cgroups.idOf('/none')).toBeNull();
  });

  it('are listed with all below', () => {
    const { mount, cgroups } = setUp('/a/b/c', '/a/d', '/e');
    writeFileSync(join(mount, 'a', 'cgroup.procs'), '12\n0\n13\n');
    expect(cgroups.below('/a').sort()).toEqual(['/a', '/a/b', '/a/b/c', '/a/d']);
    expect(cgroups.below('/').length).toBe(6);
    expect(cgroups.below('/none')).toEqual([]);
    // 0 is a process of another pid namespace.
    expect(cgroups.processes('/a')).toEqual([12, 13]);
    expect(cgroups.processes('/a/b')).toEqual([]);
  });

  it('are found by their names anywhere, but not inside one that is found', () => {
    const { cgroups } = setUp('/system.slice/web.service/web.service', '/user.slice/u/web.service');
    expect(groupsCalled(cgroups, (name) => name === 'web.service').sort()).toEqual([
      '/system.slice/web.service',
      '/user.slice/u/web.service',
    ]);
  });

  it('are removed if nothing is in them', () => {
    const { cgroups } = setUp('/a/b');
    expect([cgroups.remove('/a'), cgroups.remove('/a/b'), cgroups.remove('/a')]).toEqual([false, true, true]);
    expect(cgroups.remove('/a')).toBe(true);
  });

  it('are the same as paths below /sys', () => {
    const { mount, cgroups } = setUp();
    expect([`${mount}/a`, mount, '/a', `${mount}x`].map((path) => cgroups.withoutMount(path))).toEqual([
      ...['/a', '/', '/a', `${mount}x`],
    ]);
  });
});
