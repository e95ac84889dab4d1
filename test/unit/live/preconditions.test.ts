import { describe, expect, it } from 'vitest';
import { OperatingError } from '../../../src/base/errors.ts';
import { loadConfig } from '../../../src/config/config.ts';
import { checkDevices, checkProcess, readProcessStatus } from '../../../src/live/preconditions.ts';
import type { Device } from '../../../src/spec/device-graph.ts';

function refusal(statusText: string | null): unknown {
  return refusalOf(() => checkProcess(statusText));
}

function refusalOf(check: () => void): unknown {
  try {
    check();
    return null;
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error;
    return [error.exitCode, error.message, error.hint];
  }
}

it('without /proc nothing else is tried, and the message says how to mount it', () => {
  const message = 'there is no /proc here, which says what devices there are';
  expect(refusal(null)).toEqual([3, message, 'mount it: mount -t proc proc /proc']);
});

it('who may not administer the network hears that first', () => {
  // All capabilities but CAP_NET_ADMIN, bit 12.
  expect(refusal('Name:\tnode\nCapEff:\t000001ffffffefff\n')).toEqual([
    3,
    'the capability CAP_NET_ADMIN is missing',
    expect.stringContaining('run as root'),
  ]);
  expect(refusal('Name:\tnode\nCapEff:\t0000000000001000\n')).toBe(null);
});

it('the status of this process is found', () => {
  expect(readProcessStatus()).toMatch(/^CapEff:/m);
});

describe('the devices of the links', () => {
  const BRIDGED: readonly Device[] = [
    { name: 'lo', kind: '', master: null, lowers: [] },
    { name: 'x0', kind: '', master: null, lowers: [] },
    { name: 'y0', kind: '', master: 'bond0', lowers: [] },
    { name: 'bond0', kind: 'bond', master: 'br0', lowers: ['y0'] },
    { name: 'br0', kind: 'bridge', master: null, lowers: ['bond0'] },
    { name: 'v0', kind: '', master: 'blue', lowers: [] },
    { name: 'blue', kind: 'vrf', master: null, lowers: ['v0'] },
  ];
  const check = (links: string, devices = BRIDGED): unknown =>
    refusalOf(() =>
      checkDevices(
        loadConfig(`links: { ${links} }`, 'f').spec,
        new Map(devices.map((device) => [device.name, device])),
      ),
    );

  it('are named as packets show them: an alternative name of ip link is refused, also if the link may wait', () => {
    const shownName = (device: string): string => (device === 'enp1s0' ? 'x0' : '');
    for (const wait of ['', 'wait: true, ']) {
      const { spec } = loadConfig(`links: { a: { ${wait}device: enp1s0, up: 1mbit } }`, 'f');
      const graph = new Map(BRIDGED.map((device) => [device.name, device]));
      expect(refusalOf(() => checkDevices(spec, graph, shownName))).toEqual([
        3,
        'link a would shape nothing: enp1s0 is another name of x0 (altname), and packets show x0',
        'name x0 as the device',
      ]);
    }
  });

  it('must exist: every missing one is named, with its link and what exists', () => {
    const links = 'a: { device: x0, up: 1mbit }, b: { device: z0, up: 1mbit }, c: { device: z1, up: 1mbit }';
    expect(check('a: { device: x0, up: 1mbit }')).toBeNull();
    expect(check(links, BRIDGED.slice(0, 2))).toEqual([
      3,
      'device z0 of link b, device z1 of link c does not exist',
      'devices here: x0; with wait: true a link waits for its device',
    ]);
    expect(check(links, BRIDGED.slice(0, 1))).toMatchObject({
      2: expect.stringMatching(/^devices here: none but lo;/),
    });
  });

  it('may be absent where the link waits for it', () => {
    expect(check('a: { device: x0, up: 1mbit }, b: { device: z0, wait: true, up: 1mbit }')).toBeNull();
    expect(check('b: { device: y0, wait: true, up: 1mbit }')).toMatchObject({
      1: expect.stringMatching(/a slave of the bond/),
    });
  });

  it('must show on packets: a slave of a bond is refused with the name to use, a port of a bridge is not', () => {
    expect(check('a: { device: bond0, up: 1mbit, down: 1mbit }')).toBeNull();
    expect(check('a: { device: x0, up: 1mbit }, b: { device: y0, up: 1mbit, down: 1mbit }')).toEqual([
      3,
      'link b would shape nothing: y0 is a slave of the bond bond0: packets show bond0',
      'name bond0 as the device',
    ]);
    expect(check('b: { device: br0, up: 1mbit, down: 1mbit }')).toBeNull();
  });

  it('a member of a VRF shapes what leaves by it, and only that', () => {
    expect(check('b: { device: v0, up: 1mbit }')).toBeNull();
    expect(check('b: { device: v0, up: 1mbit, down: 1mbit }')).toEqual([
      3,
      'b/down would shape nothing: v0 is a member of the VRF blue: packets that arrive by it show blue',
      expect.stringContaining('device blue'),
    ]);
  });
});
