import { describe, expect, it } from 'vitest';
import { Engine } from '../../../src/core/engine.ts';
import { DeviceWatch } from '../../../src/live/device-watch.ts';
import { Running } from '../../../src/live/running.ts';
import type { MatcherSpec } from '../../../src/spec/spec.ts';
import { runUntil } from '../../port/driver.ts';
import { SimPort } from '../../port/sim-port.ts';
import { addClass, moveClass } from '../../sim/class-edits.ts';
import { type ClassInput, shaper, udp, up } from '../../sim/world.ts';

const SOCKET = { truncated: 1, malformed: 2, sendErrors: 3, verdictErrors: 4 };
const fromLan1: MatcherSpec[] = [{ iif: ['lan1'] }];
const withLeaves = (...leaves: ClassInput[]) =>
  shaper({ wan: { up: { rate: 1000, burst: 1000, leaves } } }, { length: 64 });
const before = withLeaves({ name: 'in', classes: [{ name: 'a', match: [], ceil: 500 }] });

/** wan0 has the index 1, lan1 the index 7. */
function setUp() {
  const port = new SimPort({ keepTrace: true });
  const engine = new Engine(before, { seed: 1 });
  const devices = new DeviceWatch({
    engine,
    events: { onLinks: () => undefined },
    onChange: () => undefined,
    onDown: () => undefined,
    indexOf: (device) => (device === 'wan0' ? 1 : 7),
  });
  const running = new Running({
    ...{ engine, port, devices },
    nowNs: () => port.nowNs,
    nfqueues: () => ({ open: [], closedDrops: { queueFull: 0, socketFull: 0 } }),
    socketCounters: () => SOCKET,
    warnings: () => ['w/up is silent'],
  });
  return { engine, port, devices, running };
}

describe('a running instance', () => {
  it('is a source of snapshots: labels of its classes, the live counters, the clock of its port', () => {
    const { engine, port, running } = setUp();
    port.nowNs = 5;
    expect(running.generation).toBe(0);
    expect(running.warnings).toEqual(['w/up is silent']);
    expect(running.classes[2]).toEqual({
      path: 'wan/up/in/a',
      parent: 1,
      rateBytesPerSec: 0,
      ceilBytesPerSec: 500,
      isPaced: false,
    });
    expect(running.stats).toBe(engine.stats);
    expect([running.nowNs(), running.socketCounters()]).toEqual([5, SOCKET]);
  });

  it('a change makes another generation, with its classes', () => {
    const { running } = setUp();
    running.applySpec(moveClass(before, 'wan/up/in/a', 'wan/up'));
    expect(running.generation).toBe(1);
    expect(running.classes.map(({ path }) => path)).toContain('wan/up/a');
    expect(running.classes).toHaveLength(running.stats.classes);
  });

  it('packets that wait go by the index of a device that no class named before, and it is watched then', () => {
    const { engine, port, devices, running } = setUp();
    port.inject([1, 2, 3].map((flow) => up(0, 1000, { shape: udp(flow), ifIndexIn: 7 })));
    runUntil(engine, port, 1);
    const leaf = withLeaves({ name: 'lan', match: fromLan1 }).links[0].up!.children[0];
    running.applySpec(addClass(before, 'wan/up', leaf, 'in'));
    const row = running.classes.findIndex(({ path }) => path === 'wan/up/lan');
    expect(engine.stats.backlogPackets[row]).toBe(2);
    expect(devices.find(['lan1', 'other']).get('lan1')).toBe(7);
  });

  it('a change that needs other sockets or rules is refused and changes nothing', () => {
    const { running } = setUp();
    const { classes } = running;
    const other = shaper({ wan: { up: { rate: 1, burst: 1000 } } }, { length: 64, first: 7 });
    expect(() => running.applySpec({ spec: other, renamed: new Map() })).toThrow(/first queue/);
    expect(running.generation).toBe(0);
    expect(running.classes).toEqual(classes);
  });
});
