import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  parseIpLinks,
  parsePppoeDevices,
  readDeviceGraph,
  readSysDevices,
} from '../../../../src/io/proc/device-graph.ts';

describe('the graph of devices', () => {
  let folder = '';

  /** A device as /sys/class/net has it. */
  function device(name: string, files: Record<string, string>, links: Record<string, string> = {}): void {
    mkdirSync(join(folder, name));
    for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, name, file), `${text}\n`);
    for (const [link, target] of Object.entries(links)) symlinkSync(target, join(folder, name, link));
  }

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'shaper-sys-'));
    writeFileSync(join(folder, 'bonding_masters'), 'bond0\n');
    device('eth0', { ifindex: '2', flags: '0x1003', uevent: 'INTERFACE=eth0\nIFINDEX=2' });
    device(
      'eth0.10',
      { ifindex: '3', flags: '0x1003', uevent: 'DEVTYPE=vlan\nINTERFACE=eth0.10' },
      { lower_eth0: '../eth0' },
    );
    device(
      'eth1',
      { ifindex: '4', flags: '0x1303', uevent: 'INTERFACE=eth1' },
      { master: '../br0', upper_br0: '../br0' },
    );
    device(
      'br0',
      { ifindex: '5', flags: '0x1003', uevent: 'DEVTYPE=bridge\nINTERFACE=br0' },
      { lower_eth1: '../eth1' },
    );
    // As Linux 6.1 has them: a VRF has no DEVTYPE, a bond has the flag IFF_MASTER as well.
    device('blue', { ifindex: '6', flags: '0x4c1', uevent: 'INTERFACE=blue' });
    device('bond0', { ifindex: '7', flags: '0x1403', uevent: 'DEVTYPE=bond\nINTERFACE=bond0' });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is read from a tree like /sys/class/net', () => {
    const devices = readSysDevices(folder).sort((a, b) => a.index - b.index);
    expect(devices).toEqual([
      { name: 'eth0', index: 2, kind: '', master: null, lowers: [] },
      { name: 'eth0.10', index: 3, kind: 'vlan', master: null, lowers: ['eth0'] },
      { name: 'eth1', index: 4, kind: '', master: 'br0', lowers: [] },
      { name: 'br0', index: 5, kind: 'bridge', master: null, lowers: ['eth1'] },
      { name: 'blue', index: 6, kind: 'vrf', master: null, lowers: [] },
      { name: 'bond0', index: 7, kind: 'bond', master: null, lowers: [] },
    ]);
    expect(readSysDevices(join(folder, 'nowhere'))).toEqual([]);
  });

  it('is read from ip, which lists the other end of a veth as its link', () => {
    const text = JSON.stringify([
      { ifindex: 1, ifname: 'lo', flags: ['LOOPBACK'] },
      { ifindex: 4, ifname: 'eth1', master: 'br0', link: 'peer', linkinfo: { info_kind: 'veth' } },
      { ifindex: 5, ifname: 'br0', linkinfo: { info_kind: 'bridge' } },
      { ifindex: 3, ifname: 'eth1.10', link: 'eth1', linkinfo: { info_kind: 'vlan' } },
    ]);
    expect(parseIpLinks(text)).toEqual([
      { name: 'lo', kind: '', master: null, lowers: [] },
      { name: 'eth1', kind: 'veth', master: 'br0', lowers: [] },
      { name: 'br0', kind: 'bridge', master: null, lowers: [] },
      { name: 'eth1.10', kind: 'vlan', master: null, lowers: ['eth1'] },
    ]);
  });

  it('knows what PPPoE sessions use', () => {
    const text =
      'Id       Address              Device\n00000001 00:11:22:33:44:55     eth0\n0000002F 00:11:22:33:44:56   eth1.7\n';
    expect(parsePppoeDevices(text)).toEqual(['eth0', 'eth1.7']);
    expect(parsePppoeDevices('')).toEqual([]);
  });

  it('has the loopback of this machine', () => {
    expect(readDeviceGraph()?.get('lo')).toMatchObject({ name: 'lo', master: null, lowers: [] });
  });
});
