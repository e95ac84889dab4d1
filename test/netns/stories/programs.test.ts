/** Which programs use the line: what people see of flows of the machine on which the shaper runs. */
import { expect, it } from 'vitest';
import { call } from '../../../src/client/client.ts';
import type { FlowsReport } from '../../../src/control/views/flows-view.ts';
import type { ProgramsReport } from '../../../src/control/views/programs-view.ts';
import { describeNetns, startSink, until, useLab, useShapers } from '../harness.ts';

const PORT = 7411;
const CONFIG = `
links:
  wan: { device: wan0, up: 50mbit, down: 50mbit }
nfqueue: { first: 100 }
`;

/** Sends a datagram every 10 ms from one socket. */
const TALKER = `
const socket = require('node:dgram').createSocket('udp4');
setInterval(() => socket.send('x'.repeat(500), ${PORT}, process.argv[1]), 10);
`;

describeNetns('programs of this machine', () => {
  const world = useLab();
  const start = useShapers(world);

  it('are told with each flow, and add up', async () => {
    const { lab } = world;
    const shaper = await start(CONFIG);
    await startSink(lab.server, { port: PORT });
    const { v4 } = lab.server.addresses;
    const talker = lab.router.spawn([process.execPath, '-e', TALKER, v4]);
    const stranger = lab.client.spawn([process.execPath, '-e', TALKER, v4]);
    const flows = async (): Promise<FlowsReport['flows']> =>
      (await call<FlowsReport>(shaper.socketPath, 'GET', '/v1/flows')).flows.filter(
        ({ dport, bitsPerSecond }) => dport === PORT && bitsPerSecond > 0,
      );
    await until('both flows are seen', async () => (await flows()).length === 2);
    // Programs are looked for once a second.
    await until('a program is known', async () => (await flows()).some(({ process: of }) => of !== null));
    const found = await flows();
    expect(found.find(({ src }) => src === lab.client.addresses.v4)?.process).toBe(null);
    expect(found.find(({ src }) => src !== lab.client.addresses.v4)?.process).toMatchObject({
      pid: talker.pid,
      name: 'node',
      exe: process.execPath,
      user: 'root',
      container: null,
    });
    const { programs } = await call<ProgramsReport>(shaper.socketPath, 'GET', '/v1/programs');
    expect(programs.map(({ kind }) => kind).sort()).toEqual(['forwarded', 'local']);
    const local = programs.find(({ kind }) => kind === 'local')!;
    expect(local).toMatchObject({ name: 'node', pids: [talker.pid], users: ['root'], flows: 1 });
    expect(local.up.bitsPerSecond).toBeGreaterThan(100_000);
    expect(local.down.packets).toBe(0);
    const text = await shaper.cli(['flows', '--by', 'program', '--socket', shaper.socketPath]);
    expect(text.stdout).toMatch(/\nnode .* root +\d+/);
    const lines = await shaper.cli(['flows', '--socket', shaper.socketPath]);
    expect(lines.stdout).toContain(`node ${talker.pid} root`);
    talker.kill('SIGKILL');
    stranger.kill('SIGKILL');
  });
});
