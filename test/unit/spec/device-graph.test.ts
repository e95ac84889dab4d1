import { describe, expect, it } from 'vitest';
import {
  bridgeOf,
  type Device,
  type DeviceGraph,
  devicesOnTop,
  listDevices,
  partlyHidden,
  standsOnBridge,
  whyHidden,
} from '../../../src/spec/device-graph.ts';

/** name: [kind, master, lowers]. */
function graphOf(devices: Record<string, [string, string | null, string[]]>): DeviceGraph {
  return new Map(
    Object.entries(devices).map(([name, [kind, master, lowers]]): [string, Device] => [
      name,
      { name, kind, master, lowers },
    ]),
  );
}

const MACHINE = graphOf({
  lo: ['', null, []],
  eth0: ['', null, []],
  'eth0.10': ['vlan', null, ['eth0']],
  mv0: ['', null, ['eth0']],
  vx0: ['vxlan', null, ['eth0']],
  eth1: ['', 'br0', []],
  br0: ['bridge', null, ['eth1', 'bond0']],
  bond0: ['bond', 'br0', ['eth2']],
  eth2: ['', 'bond0', []],
  eth3: ['', 'team0', []],
  team0: ['team', null, ['eth3']],
  eth4: ['', 'blue', []],
  blue: ['vrf', null, ['eth4']],
  eth5: ['', 'ovs-system', []],
  'ovs-system': ['', null, ['eth5']],
  eth6: ['', null, []],
  lan1: ['dsa', 'br0', ['eth6']],
  eth7: ['', 'bat0', []],
  bat0: ['', null, ['eth7']],
  eth8: ['', 'red', []],
});

describe('which devices packets show', () => {
  it('ports of bridges show, where a bridge alone sees them', () => {
    for (const port of ['eth1', 'bond0', 'lan1']) {
      expect(whyHidden(MACHINE, port, 'up')).toBeNull();
      expect(whyHidden(MACHINE, port, 'down')).toBeNull();
      expect(bridgeOf(MACHINE, port)).toBe('br0');
      expect(partlyHidden(MACHINE, port, 'up')).toContain(
        `${port} is a port of the bridge br0: what this host`,
      );
      expect(partlyHidden(MACHINE, port, 'down')).toBeNull();
    }
    for (const other of ['br0', 'eth2', 'eth3', 'eth4', 'eth5', 'eth7', 'eth8', 'nothing'])
      expect(bridgeOf(MACHINE, other), other).toBeNull();
  });

  it('names the device above: bond, team, batman', () => {
    // The bond may be a port of a bridge. Its packets show it there.
    expect(whyHidden(MACHINE, 'eth2', 'down')).toEqual({
      message: 'eth2 is a slave of the bond bond0: packets show bond0',
      hint: 'name bond0 as the device',
    });
    expect(whyHidden(MACHINE, 'eth3', 'up')?.message).toBe(
      'eth3 is a port of the team team0: packets show team0',
    );
    expect(whyHidden(MACHINE, 'eth7', 'up')?.message).toBe('eth7 is a port of bat0: packets show bat0');
    // The master may have gone while the devices were read.
    expect(whyHidden(MACHINE, 'eth8', 'up')?.hint).toBe('name red as the device');
    expect(whyHidden(MACHINE, 'eth5', 'up')?.hint).toContain('internal port');
  });

  it('packets that tc leads through an ifb do not show it', () => {
    const graph = graphOf({ ifb0: ['', null, []], in0: ['ifb', null, []], ifb: ['dummy', null, []] });
    for (const name of ['ifb0', 'in0'])
      expect(whyHidden(graph, name, 'up')?.message).toContain(`${name} is a detour for tc`);
    expect(whyHidden(graph, 'ifb', 'up')).toBeNull();
  });

  it('a switch hangs on its conduit, whose name no packet shows', () => {
    expect(whyHidden(MACHINE, 'eth6', 'up')?.hint).toBe('name the port: lan1');
  });

  it('a member of a VRF shows on what leaves, the VRF on what arrives', () => {
    expect(whyHidden(MACHINE, 'eth4', 'up')).toBeNull();
    expect(whyHidden(MACHINE, 'eth4', 'down')?.message).toContain('show blue');
    expect(whyHidden(MACHINE, 'blue', 'down')).toBeNull();
    expect(partlyHidden(MACHINE, 'blue', 'down')).toBeNull();
    expect(partlyHidden(MACHINE, 'blue', 'up')).toContain('show its members, not blue: eth4');
  });

  it('devices at the top are fine, and so are unknown ones', () => {
    for (const name of ['lo', 'eth0', 'eth0.10', 'br0', 'team0', 'vx0', 'nothing']) {
      expect(whyHidden(MACHINE, name, 'up'), name).toBeNull();
      expect(whyHidden(MACHINE, name, 'down'), name).toBeNull();
    }
  });

  it('VLANs and the like on top pass by, tunnels do not', () => {
    expect(devicesOnTop(MACHINE, 'eth0')).toEqual(['eth0.10', 'mv0']);
    expect(devicesOnTop(MACHINE, 'br0')).toEqual([]);
    expect(partlyHidden(MACHINE, 'eth0', 'up')).toBe(
      'packets of the devices on top of eth0 do not show eth0 and pass unshaped: eth0.10, mv0',
    );
    expect(partlyHidden(MACHINE, 'eth0.10', 'up')).toBeNull();
    expect(partlyHidden(MACHINE, 'nothing', 'up')).toBeNull();
  });

  it('knows what stands on a bridge', () => {
    const bridged = graphOf({
      eth0: ['', 'br0', []],
      br0: ['bridge', null, ['eth0']],
      'br0.5': ['vlan', null, ['br0']],
      'br0.5.6': ['vlan', null, ['br0.5']],
      blue: ['vrf', null, ['br1']],
      br1: ['bridge', 'blue', []],
    });
    const answers = [...bridged.keys(), 'nothing'].map((name) => [name, standsOnBridge(bridged, name)]);
    expect(Object.fromEntries(answers)).toEqual({
      ...{ eth0: false, br0: true, 'br0.5': true, 'br0.5.6': true, br1: true },
      ...{ blue: false, nothing: false },
    });
  });

  it('a device that carries PPPoE passes the packets of the session', () => {
    const wan: Device = { name: 'wan0', kind: '', master: null, lowers: [], carriesPppoe: true };
    expect(partlyHidden(new Map([['wan0', wan]]), 'wan0', 'up')).toBe(
      'packets of PPPoE sessions on wan0 show the device of the session, such as ppp0, and pass unshaped',
    );
  });

  it('long lists are cut, and a circle of masters ends', () => {
    const vlans = Object.fromEntries(
      Array.from({ length: 7 }, (_, i): [string, [string, null, string[]]] => [
        `e.${i}`,
        ['vlan', null, ['e']],
      ]),
    );
    expect(partlyHidden(graphOf({ e: ['', null, []], ...vlans }), 'e', 'up')).toMatch(
      /: e\.0, e\.1, e\.2, e\.3, e\.4 and 2 more$/,
    );
    const circle = graphOf({ a: ['', 'b', []], b: ['', 'a', []] });
    expect(whyHidden(circle, 'a', 'up')?.hint).toMatch(/^name [ab] as/);
  });

  it('the list for messages leaves the loopback out', () => {
    expect(listDevices(graphOf({ lo: ['', null, []], x: ['', null, []], y: ['', null, []] }))).toBe('x, y');
    expect(listDevices(graphOf({ lo: ['', null, []] }))).toBe('none but lo');
  });
});
