import { expect, test } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { listClasses } from '../../../../src/core/classes/classes.ts';
import { Classifier } from '../../../../src/core/flows/classifier.ts';
import { NF_INET_FORWARD, NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT } from '../../../../src/packet/batch.ts';
import type { PacketShape } from '../../../../src/sim/packets/packets.ts';
import type { ShaperSpec } from '../../../../src/spec/spec.ts';
import { shaper, udp } from '../../../sim/world.ts';
import { parsedOf, unknownPacket } from '../rows.ts';

const TREE = { rate: 1e6, burst: 1e4 };
const to = (from: number, last = from) => [{ dport: [{ from, to: last }] }];

function classifier(spec: ShaperSpec): { c: Classifier; path: (row: number) => string } {
  const classes = listClasses(spec);
  const c = new Classifier(spec, classes);
  for (const [i, device] of c.devices.entries()) c.setDeviceIndex(device, i + 1);
  return { c, path: (row) => (row === NONE ? 'none' : classes[row].path) };
}

/** Path of the leaf that a packet of this shape gets in the only tree. */
function leafOf(spec: ShaperSpec, shape: PacketShape, mark = 0, ifIn = 0, ifOut = 1): string {
  const { c, path } = classifier(spec);
  return path(c.leafOf(0, parsedOf(shape), 0, mark, ifIn, ifOut));
}

test('the first class in file order whose matcher holds takes the packet', () => {
  const leaves = [
    { name: 'low', match: to(0, 1000) },
    { name: 'web', match: to(80) },
    { name: 'high', match: to(500, 65_535) },
  ];
  const spec = shaper({ wan: { up: { ...TREE, leaves } } });
  expect(leafOf(spec, udp(1, { dport: 80 }))).toBe('wan/up/low');
  expect(leafOf(spec, udp(1, { dport: 1000 }))).toBe('wan/up/low');
  expect(leafOf(spec, udp(1, { dport: 1001 }))).toBe('wan/up/high');
});

test('any matcher of a list is enough', () => {
  const leaves = [{ name: 'web', match: [...to(80), ...to(443)] }];
  const spec = shaper({ wan: { up: { ...TREE, leaves } } });
  expect([80, 81, 443].map((dport) => leafOf(spec, udp(1, { dport })))).toEqual([
    'wan/up/web',
    'wan/up/default',
    'wan/up/web',
  ]);
});

test('a class with an empty list takes nothing, and classes in it are not reached', () => {
  const none = { name: 'none', match: [], classes: [{ name: 'web', match: to(80) }] };
  const spec = shaper({ wan: { up: { ...TREE, leaves: [none, { name: 'web', match: to(80) }] } } });
  expect(leafOf(spec, udp(1, { dport: 80 }))).toBe('wan/up/web');
  expect(leafOf(spec, udp(1, { dport: 81 }))).toBe('wan/up/default');
});

test('a class without a matcher takes all that reaches it', () => {
  const leaves = [{ name: 'web', match: to(80) }, { name: 'rest' }, { name: 'never', match: to(81) }];
  const spec = shaper({ wan: { up: { ...TREE, leaves } } });
  expect(leafOf(spec, udp(1, { dport: 81 }))).toBe('wan/up/rest');
});

test('what nobody takes goes to default, which is tried last, also an unknown packet', () => {
  const spec = shaper({ wan: { up: { ...TREE, leaves: [{ name: 'web', match: to(80) }] } } });
  expect(leafOf(spec, udp())).toBe('wan/up/default');
  const { c, path } = classifier(spec);
  expect(path(c.leafOf(0, unknownPacket(), 0, 0, 0, 1))).toBe('wan/up/default');
});

test('marks and devices are matched for the packet at hand', () => {
  const leaves = [
    { name: 'marked', match: [{ mark: [{ value: 7, mask: 0xff }] }] },
    { name: 'guest', match: [{ iif: ['wifi0'] }] },
    { name: 'vpn', match: [{ oif: ['tun0'] }] },
  ];
  const spec = shaper({ wan: { up: { ...TREE, leaves } } });
  // Devices in order of first mention: wan0 1, wifi0 2, tun0 3.
  expect(leafOf(spec, udp(), 0x107)).toBe('wan/up/marked');
  expect(leafOf(spec, udp(), 0, 2, 1)).toBe('wan/up/guest');
  expect(leafOf(spec, udp(), 0, 1, 3)).toBe('wan/up/vpn');
  expect(leafOf(spec, udp(), 0, 77, 1)).toBe('wan/up/default');
});

test('devices are those of links and matchers, each once', () => {
  const leaves = [{ name: 'a', match: [{ iif: ['lan0', 'wifi0'], oif: ['wan0'] }] }];
  const spec = shaper({ wan: { up: { ...TREE, leaves } }, lan: { down: TREE } });
  expect(classifier(spec).c.devices).toEqual(['wan0', 'lan0', 'wifi0']);
});

test('the trees follow from hook and devices', () => {
  const { c, path } = classifier(shaper({ lan: { up: TREE, down: TREE }, wan: { up: TREE } }));
  const [LAN, WAN, OTHER] = [1, 2, 9];
  expect(path(c.downRoot(NF_INET_FORWARD, LAN))).toBe('lan/down');
  expect(path(c.upRoot(NF_INET_FORWARD, WAN))).toBe('wan/up');
  expect(path(c.downRoot(NF_INET_LOCAL_IN, LAN))).toBe('lan/down');
  expect(path(c.upRoot(NF_INET_LOCAL_OUT, LAN))).toBe('lan/up');
  // No tree: wan has no down, other devices have none, local traffic passes one side only.
  expect(path(c.downRoot(NF_INET_FORWARD, WAN))).toBe('none');
  expect(path(c.downRoot(NF_INET_FORWARD, OTHER))).toBe('none');
  expect(path(c.upRoot(NF_INET_FORWARD, OTHER))).toBe('none');
  expect(path(c.downRoot(NF_INET_LOCAL_OUT, LAN))).toBe('none');
  expect(path(c.upRoot(NF_INET_LOCAL_IN, LAN))).toBe('none');
});

test('a device that comes back with another index is found under that one only', () => {
  const { c, path } = classifier(shaper({ wan: { up: TREE }, lan: { up: TREE } }));
  c.setDeviceIndex('wan0', 17);
  expect(path(c.upRoot(NF_INET_FORWARD, 17))).toBe('wan/up');
  expect(path(c.upRoot(NF_INET_FORWARD, 1))).toBe('none');
  // An index passes to another device.
  c.setDeviceIndex('lan0', 17);
  expect(path(c.upRoot(NF_INET_FORWARD, 17))).toBe('lan/up');
  expect(path(c.upRoot(NF_INET_FORWARD, 2))).toBe('none');
  c.setDeviceIndex('nobody', 30);
  expect(path(c.upRoot(NF_INET_FORWARD, 30))).toBe('none');
});

test('learns the name of an index: of a named device, of another, of one renamed either way, again after 4096', () => {
  const { c, path } = classifier(shaper({ wan: { up: TREE }, lan: { up: TREE } }));
  const WAN = 1;
  expect([0, WAN, 50].map((index) => c.knows(index))).toEqual([true, true, false]);
  expect([c.learn(50, 'eth7'), c.learn(50, 'eth7'), c.knows(50)]).toEqual([false, false, true]);
  expect(c.learn(WAN, 'wan0')).toBe(false);
  // eth7 becomes wan0: the index of before is free.
  expect([c.learn(50, 'wan0'), c.deviceOf(50), c.deviceOf(WAN)]).toEqual([true, 'wan0', null]);
  expect(path(c.upRoot(NF_INET_FORWARD, 50))).toBe('wan/up');
  // And is renamed to lan0, then to nothing of ours, then is gone.
  expect([c.learn(50, 'lan0'), c.deviceOf(50), c.deviceOf(2)]).toEqual([true, 'lan0', null]);
  expect([c.learn(50, 'eth8'), c.deviceOf(50), c.knows(50)]).toEqual([true, null, true]);
  expect([c.learn(51, ''), c.knows(51)]).toEqual([false, true]);
  for (let index = 1000; index < 6000; index++) c.learn(index, `veth${index}`);
  expect([c.knows(5999), c.knows(50)]).toEqual([true, false]);
});
