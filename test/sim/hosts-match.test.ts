/** Matchers of MACs and of names of hosts, whatever addresses these have. */
import { describe, expect, test } from 'vitest';
import { ipv4 } from '../../src/sim/packets/packets.ts';
import { gets, mac, sends, withHosts } from './hosts-world.ts';
import { MS, SECOND, shaper, World } from './world.ts';

const A = ipv4(10, 0, 0, 1);
const B = ipv4(10, 0, 0, 2);
const A6 = [0x20010db8, 0, 0, 1] as const;
const OUT = ipv4(192, 0, 2, 1);
const OUT6 = [0x20010db8, 0xffff, 0, 1] as const;

describe('matchers', () => {
  const leaves = [
    { name: 'mac', match: [{ mac: [mac(0x0a)] }] },
    { name: 'nas', match: [{ hostNames: ['nas'] }] },
  ];
  const tree = { rate: 1e9, burst: 1e6, leaves };
  const names = [{ name: 'nas', mac: null, address: { family: 4, words: [B, 0, 0, 0], bits: 32 } }] as const;
  const spec = withHosts(shaper({ wan: { up: tree, down: tree } }), { names });

  test('of a MAC take packets of its device in both directions, once it is known', () => {
    const world = new World(spec);
    world.inject([
      gets(0, 100, A, OUT),
      sends(1 * MS, 100, A, OUT, { mac: mac(0x0a) }),
      gets(2 * MS, 100, A, OUT),
      sends(2 * MS, 100, A, OUT, { mac: mac(0x0a) }),
      sends(3 * MS, 100, A, OUT, { mac: mac(0x0c) }),
      sends(4 * MS, 100, A, OUT, { mac: mac(0x0c) }),
    ]);
    world.run(SECOND);
    expect(world.classOf('wan/down/default').sent).toBe(1);
    expect(world.classOf('wan/down/mac').sent).toBe(1);
    // The packet that shows the change still has the class of its flow.
    expect(world.classOf('wan/up/mac').sent).toBe(3);
    expect(world.classOf('wan/up/default').sent).toBe(1);
  });

  test('of a name take all addresses of the host that has the named one', () => {
    const world = new World(spec);
    world.inject([
      gets(0, 100, A6, OUT6),
      sends(1 * MS, 100, B, OUT, { mac: mac(0x0b) }),
      sends(2 * MS, 100, A6, OUT6, { mac: mac(0x0b) }),
      gets(3 * MS, 100, A6, OUT6),
    ]);
    world.run(SECOND);
    expect(world.classOf('wan/up/nas').sent).toBe(2);
    expect(world.classOf('wan/down/default').sent).toBe(1);
    expect(world.classOf('wan/down/nas').sent).toBe(1);
  });

  test('of a name follow what others say of it', () => {
    const world = new World(spec);
    world.inject([sends(0, 100, A, OUT), sends(2 * MS, 100, A, OUT)]);
    world.run(1 * MS);
    world.engine.updateHosts(
      { names: [{ name: 'nas', mac: null, address: { family: 4, words: [A, 0, 0, 0], bits: 32 } }] },
      MS,
    );
    world.run(SECOND);
    expect(world.classOf('wan/up/default').sent).toBe(1);
    expect(world.classOf('wan/up/nas').sent).toBe(1);
  });
});
