import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findPorts, isBridge, readBridgeCalls, takesEditsInBridges } from '../../../../src/io/proc/ports.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'shaper-ports-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A device of /sys/class/net; `isPort` is a port of a bridge of the kernel. */
function device(name: string, index: number, master: string | null, isPort: boolean): void {
  mkdirSync(join(folder, name, ...(isPort ? ['brport'] : [])), { recursive: true });
  writeFileSync(join(folder, name, 'ifindex'), `${index}\n`);
  if (isPort) writeFileSync(join(folder, name, 'brport', 'state'), '3\n');
  if (master !== null) symlinkSync(`../${master}`, join(folder, name, 'master'));
}

describe('ports among devices', () => {
  const INDEX: Record<string, number> = { p1: 2, bond0: 3, s0: 4, ovs0: 5, eth0: 6 };
  const indexOf = (name: string): number | null => INDEX[name] ?? null;
  const all = [...Object.keys(INDEX), 'gone'];
  const never = (): Promise<string> => Promise.reject(new Error('asked'));

  beforeEach(() => {
    device('p1', 2, 'br0', true);
    device('bond0', 3, 'br0', true);
    device('s0', 4, 'bond0', false);
    device('ovs0', 5, 'ovs-system', false);
    device('eth0', 6, null, false);
  });

  it('are those of a bridge of the kernel, not of bonds or Open vSwitch', async () => {
    const ports = await findPorts(all, indexOf, { folder, askIp: never });
    expect([...ports]).toEqual([
      ['p1', 'br0'],
      ['bond0', 'br0'],
    ]);
  });

  it('come from ip where /sys is that of another network namespace', async () => {
    const links = [
      { ifname: 'p1', master: 'br7' },
      { ifname: 'br7', linkinfo: { info_kind: 'bridge' } },
      { ifname: 's0', master: 'bond0' },
      { ifname: 'bond0', linkinfo: { info_kind: 'bond' } },
      { ifname: 'other', master: 'br7' },
    ];
    const askIp = async (): Promise<string> => JSON.stringify(links);
    const elsewhere = (name: string): number | null => (name === 'p1' || name === 's0' ? 77 : null);
    expect([...(await findPorts(all, elsewhere, { folder, askIp }))]).toEqual([['p1', 'br7']]);
    expect((await findPorts(all, elsewhere, { folder, askIp: never })).size).toBe(0);
  });
});

it('edited packets are taken in bridges before Linux 7.2', () => {
  const taken = ['6.1.0-56-amd64', '6.18.44', '7.1.3', '7.10.0', '7.2.0-rc1', '8.0.1'].map((version) =>
    takesEditsInBridges(version),
  );
  expect(taken).toEqual([true, true, true, false, false, false]);
});

describe('what br_netfilter shows', () => {
  const set = (name: string, value: string): void => writeFileSync(join(folder, name), `${value}\n`);

  it('is nothing where it is not loaded', () => expect(readBridgeCalls(folder)).toBeNull());

  it('is said by three numbers', () => {
    set('bridge-nf-call-iptables', '1');
    expect(readBridgeCalls(folder)).toEqual({ ip: true, ip6: false, tagged: false });
    set('bridge-nf-call-iptables', '0');
    set('bridge-nf-call-ip6tables', '1');
    set('bridge-nf-filter-vlan-tagged', '1');
    expect(readBridgeCalls(folder)).toEqual({ ip: false, ip6: true, tagged: true });
  });

  it('belong to devices that are bridges', () => {
    device('br0', 5, null, false);
    device('eth0', 6, 'br0', true);
    mkdirSync(join(folder, 'br0', 'bridge'));
    expect(['br0', 'eth0', 'none', ''].map((name) => isBridge(name, folder))).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });
});
