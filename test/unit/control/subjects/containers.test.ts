import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import {
  addressesOf,
  containerIdOf,
  listContainers,
  outsideEnds,
} from '../../../../src/control/subjects/containers.ts';

function setUp(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'containers-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(root + path), { recursive: true });
    writeFileSync(root + path, text);
  }
  return root;
}

it('containers of docker and podman are known by their files', () => {
  const [web, old] = ['aa'.repeat(32), 'bb'.repeat(32)];
  const docker = (id: string, name: string, pid: number) =>
    JSON.stringify({ ID: id, Name: `/${name}`, State: { Running: pid > 0, Pid: pid }, Config: {} });
  const root = setUp({
    [`/var/lib/docker/containers/${web}/config.v2.json`]: docker(web, 'web', 4711),
    [`/var/lib/docker/containers/${old}/config.v2.json`]: docker(old, 'old', 0),
    '/var/lib/docker/containers/cc/config.v2.json': '{ half',
    '/var/lib/containers/storage/overlay-containers/containers.json':
      '[{"id":"dd","names":["db"]},{"id":"ee"}]',
  });
  expect(listContainers(root)).toEqual([
    { id: web, name: 'web', pid: 4711 },
    { id: old, name: 'old', pid: null },
    { id: 'dd', name: 'db', pid: null },
    { id: 'ee', name: '', pid: null },
  ]);
  expect(listContainers('/nowhere')).toEqual([]);
});

it('the name of a control group has the id of its container', () => {
  const id = '0f'.repeat(32);
  for (const name of [id, `docker-${id}.scope`, `libpod-${id}.scope`, `cri-containerd-${id}.scope`])
    expect(containerIdOf(name)).toBe(id);
  for (const name of ['system.slice', `${id}0`, `libpod-conmon-${id}.service`])
    expect(containerIdOf(name)).toBeNull();
});

it('addresses of a network namespace are those that others can reach', () => {
  const trie = `Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 172.17.0.0/16 2 0 2
        |-- 172.17.0.2
           /32 host LOCAL
        |-- 172.17.255.255
           /32 link BROADCAST
     |-- 127.0.0.1
        /32 host LOCAL
`;
  const six = `fe800000000000000042acfffe110002 02 40 20 80     eth0
20010db8000000000000000000000002 02 40 00 80     eth0
00000000000000000000000000000001 01 80 10 80       lo
`;
  const proc = setUp({ '/20/net/fib_trie': trie, '/20/net/if_inet6': six });
  expect(addressesOf(20, proc)).toEqual(['172.17.0.2', '2001:0db8:0000:0000:0000:0000:0000:0002']);
});

it('devices lead outside where their index and that of their link differ', () => {
  const net = '/20/root/sys/class/net';
  const proc = setUp({
    '/20/net/dev': 'Inter-|   Receive\n face |bytes\n    lo: 0 0\n  eth0: 0 0\n',
    [`${net}/lo/ifindex`]: '1\n',
    [`${net}/lo/iflink`]: '1\n',
    [`${net}/eth0/ifindex`]: '2\n',
    [`${net}/eth0/iflink`]: '9\n',
  });
  expect(outsideEnds(20, proc)).toEqual([9]);
});
