/**
 * Where one waiting packet goes by a change; more in test/sim/reconfigure.test.ts and
 * test/property/reconfigure.test.ts.
 */
import { expect, test } from 'vitest';
import { addClass, changeClass, removeClass } from '../../sim/class-edits.ts';
import { type ClassInput, repeat, SECOND, shaper, udp, up, World } from '../../sim/world.ts';

const leaf = (name: string, dport: number): ClassInput => ({
  name,
  match: [{ dport: [{ from: dport, to: dport }] }],
  ceil: 1000,
  burst: 1000,
});
const SPEC = shaper({ wan: { up: { rate: 1e9, burst: 1e6, leaves: [leaf('a', 1), leaf('b', 2)] } } });

/** Three packets came to a: one has left, two wait there. */
function waiting(): World {
  const w = new World(SPEC);
  w.inject(repeat(3, 0, () => up(0, 1000, { shape: udp(1, { dport: 1 }) })));
  w.run(0);
  return w;
}

const backlog = ({ engine }: World): string[] =>
  engine.classes.flatMap(({ path }, c) =>
    engine.stats.backlogPackets[c] > 0 ? [`${path} ${engine.stats.backlogPackets[c]}`] : [],
  );

test('packets of a class that stays wait where they are, though its row is another', () => {
  const w = waiting();
  const [first] = SPEC.links[0].up!.children;
  const added = { ...first, name: 'c', path: 'wan/up/c', match: [] };
  w.engine.reconfigure(w.port, addClass(SPEC, 'wan/up', added, 'a'), 0);
  expect(backlog(w)).toEqual(['wan/up/a 2']);
});

test('packets of a class that is gone go where the matchers send them, and leave by the ceilings there', () => {
  const w = waiting();
  const wider = changeClass(SPEC, 'wan/up/b', { match: [{ dport: [{ from: 1, to: 2 }] }] }).spec;
  w.engine.reconfigure(w.port, removeClass(wider, 'wan/up/a'), 0);
  // The tokens of b pay for one, the other waits a second.
  expect([backlog(w), w.port.trace.length]).toEqual([['wan/up/b 1'], 2]);
  w.run(SECOND);
  expect([backlog(w), w.port.trace.length]).toEqual([[], 3]);
});

test('with room for fewer packets, those that come wait behind those of before', () => {
  const w = waiting();
  w.engine.reconfigure(
    w.port,
    { spec: { ...SPEC, nfqueue: { ...SPEC.nfqueue, length: 1 } }, renamed: new Map() },
    0,
  );
  w.inject(repeat(2, 1, () => up(1, 1000, { shape: udp(2, { dport: 1 }) })));
  w.run(1);
  expect([backlog(w), w.port.trace.length]).toEqual([['wan/up/a 4'], 1]);
});
