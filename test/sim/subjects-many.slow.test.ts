/** A server's crowd of connections: exact counts, and what remains of them. */
import { describe, expect, test } from 'vitest';
import { comes, FakeSockets, leaves, updateOf } from './subjects-world.ts';
import { SECOND, shaper, World } from './world.ts';

const [PROCESS, OTHER] = [1, 2];
const SETS = [[PROCESS], [OTHER]];
const none = (name: string) => ({ name, match: [] });
const sent = (world: World, path: string): number => world.classOf(path).sent;

describe('many connections', () => {
  const both = ['wan/up/a', 'wan/down/a'];
  const tree = { rate: 1e9, burst: 1e6, leaves: [none('a')] };

  /** Each local port is a connection; a socket in three is that of the attached process. */
  function play(perSec: number, seconds: number) {
    const sockets = new FakeSockets();
    const world = new World(shaper({ wan: { up: tree, down: tree } }), { sockets });
    world.engine.updateSubjects(
      updateOf({ sets: SETS, attachments: [{ subject: PROCESS, rank: 1, classes: both }] }),
      0,
    );
    for (let s = 0; s < seconds; s++) {
      const arrivals = [];
      for (let n = 0; n < perSec; n++) {
        const id = s * perSec + n;
        const [port, there] = [1 + (id % 60_000), 1 + Math.floor(id / 60_000)];
        sockets.byPort.set(port, { uid: 0, inode: 1000 + id });
        if (id % 3 === 0) sockets.held.set(1000 + id, 0);
        const timeNs = s * SECOND + (n * SECOND) / perSec;
        arrivals.push(leaves(timeNs, port, { shape: { dst: there } }));
        arrivals.push(comes(timeNs + 10, port, { shape: { src: there } }));
        arrivals.push(leaves(timeNs + 20, port, { shape: { dst: there } }));
      }
      world.inject(arrivals);
      world.run((s + 1) * SECOND - 1);
    }
    return { world, sockets };
  }

  test('a thousand a second: each packet is counted right, one question a flow', () => {
    const { world, sockets } = play(1000, 3);
    expect(sent(world, 'wan/up/a')).toBe(2000);
    expect(sent(world, 'wan/down/a')).toBe(1000);
    expect(sent(world, 'wan/up/default')).toBe(4000);
    expect(sockets.asked.length).toBe(6000);
    expect(world.totals.ownersUnknown).toBe(0);
  });

  test('a hundred thousand leave nothing behind', () => {
    const { world } = play(10_000, 10);
    expect(world.totals.ownerQuestions).toBe(200_000);
    expect(sent(world, 'wan/up/a')).toBe(2 * 33_334);
    // An idle flow is forgotten, and its row serves another one.
    world.inject(Array.from({ length: 600 }, (_, s) => leaves((20 + s) * SECOND, 7)));
    world.run(700 * SECOND);
    expect(world.totals.flows).toBe(1);
    expect(world.classOf('wan/up/a').flows + world.classOf('wan/down/a').flows).toBe(
      world.totals.flows - world.classOf('wan/up/default').flows,
    );
  });
});
