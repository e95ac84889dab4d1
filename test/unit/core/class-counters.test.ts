import { expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/config.ts';
import { ClassCounterReader } from '../../../src/core/class-counters.ts';
import { Engine } from '../../../src/core/engine.ts';

const CONFIG = `
links:
  wan:
    device: w
    up: { rate: 8mbit, classes: { a: { ceil: 4mbit, classes: { x: { match: { dport: 1 } }, y: { match: { dport: 2 } } } }, b: { match: { dport: 3 } } } }
`;

it('a class counts what all classes inside it have counted', () => {
  const engine = new Engine(loadConfig(CONFIG, 'x.yaml').spec, { seed: 1 });
  const reader = new ClassCounterReader(engine);
  const { stats, classes } = engine;
  for (const [c, { path }] of classes.entries()) {
    if (path.endsWith('/x')) stats.sentBytes[c] = 100;
    if (path.endsWith('/y')) [stats.sentBytes[c], stats.dropTail[c], stats.dropAqm[c]] = [20, 1, 2];
    // What modules have dropped never came to the class.
    if (path.endsWith('/x')) stats.dropModule[c] = 50;
    if (path.endsWith('/b')) [stats.sentBytes[c], stats.backlogPackets[c]] = [3, 7];
  }
  expect(reader.get('wan/up')).toMatchObject({ sentBytes: 123, droppedPackets: 3, backlogPackets: 7 });
  expect(reader.get('wan/up/a')).toEqual({
    ...{ sentBytes: 120, sentPackets: 0, droppedPackets: 3, backlogBytes: 0, backlogPackets: 0 },
    ...{ rateBytesPerSec: expect.any(Number), ceilBytesPerSec: 500_000 },
  });
  expect(reader.get('wan/up/b')).toMatchObject({ sentBytes: 3, droppedPackets: 0 });
  expect(reader.get('wan/down')).toBeNull();
});
