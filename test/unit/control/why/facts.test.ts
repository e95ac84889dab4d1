import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../../../src/config/config.ts';
import { nextLeaf, type PacketFacts, place } from '../../../../src/control/why/facts.ts';

const { spec } = loadConfig(
  `links:
  wan:
    device: eth0
    up:
      rate: 10mbit
      classes:
        ssh: { match: { proto: tcp, dport: 22 } }
        voice: { match: { dscp: 46 } }
        marked: { match: { mark: 0x1 } }
        six: { match: { src: "fd00:1::/32" } }
        group:
          match: { src: 10.1.0.0/16 }
          classes:
            web: { match: { port: 443 } }
        late: { match: { host: 10.1.0.0/16 } }
        backup: { match: { user: backup, exe: /usr/bin/rsync } }
`,
  'x',
);
const root = spec.links[0].up!;
const FACTS: PacketFacts = {
  ...{ family: 4, protocol: 6, src: [0x0a010002], dst: [0xc6336401], sport: 40000, dport: 443 },
  ...{ dscp: 0, foreignMark: 0, iif: '', oif: 'eth0', subjects: [] },
};

describe('place', () => {
  test.each<[string, Partial<PacketFacts>, string, string[]]>([
    ['a class inside a class', {}, 'group/web', []],
    ['the default of an inner class', { dport: 80 }, 'group/default', []],
    ['the first class in order', { dport: 22 }, 'ssh', []],
    ['a packet mark', { foreignMark: 1 }, 'default', []],
    ['a DSCP that is not known', { dscp: null }, 'group/web', ['voice']],
    ['a protocol without ports', { protocol: 1, dport: null, sport: null }, 'group/default', []],
    ['ports that are not known', { dport: null, sport: null }, 'group/default', ['ssh', 'group/web']],
    ['the destination as host', { src: [1], dst: [0x0a010002] }, 'late', []],
    ['another address', { src: [1] }, 'default', []],
    ['a user and program', { src: [1], subjects: ['user:backup', 'exe:/usr/bin/rsync'] }, 'backup', []],
    ['a user with another program', { src: [1], subjects: ['user:backup'] }, 'default', []],
    ['an owner that is not known', { src: [1], subjects: null }, 'default', ['backup']],
    ['IPv6', { family: 6, src: [0xfd000001, 0, 0, 1], dst: [0, 0, 0, 1] }, 'six', []],
    ['another IPv6', { family: 6, src: [0xfd000002, 0, 0, 1], dst: [0, 0, 0, 1] }, 'default', []],
  ])('%s', (_, more, leaf, perhaps) => {
    const placed = place(root, { ...FACTS, ...more });
    expect(placed.leaf.path).toBe(more.foreignMark ? 'wan/up/marked' : `wan/up/${leaf}`);
    expect(placed.perhaps.map(({ path }) => path)).toEqual(perhaps.map((path) => `wan/up/${path}`));
  });
});

describe('nextLeaf', () => {
  const group = root.children.find(({ name }) => name === 'group')!;
  const leafNamed = (parent: typeof root, name: string) =>
    parent.children.find((child) => child.name === name)!;

  test('within the same class around it', () => {
    expect(nextLeaf(group, leafNamed(group, 'web'), FACTS)?.path).toBe('wan/up/group/default');
  });
  test('inside the class that comes next', () => {
    expect(nextLeaf(root, leafNamed(root, 'ssh'), FACTS)?.path).toBe('wan/up/group/web');
  });
  test('none behind the default', () => {
    expect(nextLeaf(root, leafNamed(root, 'default'), FACTS)).toBe(null);
  });
});
