/** Programs of the real engine in virtual time: the flows of each add up, exactly. */
import { expect, test } from 'vitest';
import type { FlowProcess } from '../../src/control/programs/process-facts.ts';
import { ViewedWorld } from './viewed.ts';
import { CLIENT, MS, repeat, SERVER, shaper, udp, up } from './world.ts';

const WIDE = { rate: 1e9, burst: 1e6 };
const down = (sport: number) => ({
  ifIndexIn: 1,
  ifIndexOut: 99,
  shape: udp(0, { src: SERVER, dst: CLIENT, sport, dport: 9 }),
});
const of = (pid: number, name: string): FlowProcess => ({
  ...{ pid, name, exe: `/usr/bin/${name}`, user: pid === 1 ? 'root' : 'alice' },
  ...{ unit: `${name}.service`, container: null },
});

test('flows of one program are one row, with both directions and every process', async () => {
  const world = new ViewedWorld(shaper({ wan: { up: WIDE, down: WIDE } }));
  // By the port of the source.
  const processes = new Map([
    [1001, of(1, 'rsync')],
    [1002, of(2, 'rsync')],
    [7000, of(1, 'rsync')],
    [1003, of(3, 'curl')],
  ]);
  world.programs.processOf = ({ sport }) => processes.get(sport) ?? null;
  world.injectAll(
    repeat(100, 10 * MS, (t) => up(t, 1000), 5 * MS),
    repeat(100, 10 * MS, (t) => up(t, 1000, { shape: udp(2) }), 6 * MS),
    repeat(100, 10 * MS, (t) => up(t, 500, { shape: udp(3) }), 7 * MS),
    repeat(100, 10 * MS, (t) => up(t, 100, { shape: udp(4) }), 8 * MS),
    repeat(100, 10 * MS, (t) => up(t, 250, down(7000)), 9 * MS),
  );
  world.runSeconds(1);
  const { programs, total } = await world.views.programs({});
  expect(total).toBe(3);
  expect(programs).toMatchObject([
    {
      ...{ kind: 'local', name: 'rsync', exe: '/usr/bin/rsync', pids: [1, 2], users: ['alice', 'root'] },
      ...{ units: ['rsync.service'], containers: [], flows: 3 },
      up: { packets: 200, bytes: 200_000, bitsPerSecond: 1_600_000, dropped: 0 },
      down: { packets: 100, bytes: 25_000, bitsPerSecond: 200_000 },
    },
    { name: 'curl', flows: 1, up: { bitsPerSecond: 400_000 }, down: { packets: 0 } },
    { kind: 'forwarded', name: '', exe: null, pids: [], users: [], flows: 1 },
  ]);
  expect(await world.views.programs({ limit: 1 })).toMatchObject({ programs: [{ name: 'rsync' }], total: 3 });
  const { flows } = await world.views.flows({ limit: 1 });
  expect(flows[0]!.process?.name).toBe('rsync');
});
