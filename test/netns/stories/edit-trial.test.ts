/** What a start makes of a kernel that drops edited packets, or that cannot be tried. */
import { afterEach, expect, it } from 'vitest';
import { EDITED_WINDOW } from '../../../src/io/nfqueue/edit-trial.ts';
import { classOf, describeNetns, type Finished, tcpTransfer, useLab, useShapers } from '../harness.ts';

const PORT = 7440;
const BYTES = 400_000;
const PACED = 'links: { wan: { device: wan0, up: { rate: 12mbit, tcp: { pace: true } } } }';
const PLAIN = 'links: { wan: { device: wan0, up: { rate: 12mbit } } }';

/** Another program drops what the trial has edited, as a kernel would that refuses it. */
const DROPS_EDITED = [
  'add table inet other',
  'add chain inet other input { type filter hook input priority 0; policy accept; }',
  `add rule inet other input tcp window ${EDITED_WINDOW} counter drop comment "edited"`,
];

describeNetns('a start where edited packets get lost', () => {
  const world = useLab();
  const start = useShapers(world);
  const exec = (command: string[], input = ''): Promise<Finished> =>
    world.lab.router.exec(command, { input });
  const tables = async (): Promise<string> => (await exec(['nft', 'list', 'tables'])).stdout;

  afterEach(async () => {
    await exec(['ip', 'link', 'set', 'lo', 'up']);
    await world.lab.router.exec(['nft', 'delete', 'table', 'inet', 'other'], { check: false });
  });

  it('shapes without pacing, and says so in log, status and answers', async () => {
    const { client, server } = world.lab;
    await exec(['nft', '-f', '-'], `${DROPS_EDITED.join('\n')}\n`);
    const before = await tables();
    const shaper = await start(PACED);
    const warning = /^tcp\.pace is off in wan\/up: edited packets get lost here/;
    expect(
      shaper.logs
        .filter(({ level, msg }) => level === 'warn' && msg.startsWith('tcp.pace'))
        .map(({ msg }) => msg),
    ).toEqual([expect.stringMatching(warning)]);
    const { sent, received } = await tcpTransfer(client, server, { port: PORT, bytes: BYTES });
    expect(received.sha256).toBe(sent.sha256);
    const status = await shaper.status();
    expect(status.warnings).toEqual([expect.stringMatching(warning)]);
    expect(classOf(status, 'wan/up')).toMatchObject({ paced: null });
    expect(classOf(status, 'wan/up').sent.bytes).toBeGreaterThan(BYTES);
    const rules = (await exec(['nft', 'list', 'ruleset'])).stdout;
    expect(rules, 'nothing is fetched for pacing').not.toContain('iifname "wan0"');
    expect((await shaper.cli(['status', '--socket', shaper.socketPath])).stdout).toMatch(
      /^warning: tcp\.pace is off in wan\/up: /m,
    );
    const set = await shaper.cli(['set', 'wan/up', 'tcp.pace.delay=50ms', '--socket', shaper.socketPath]);
    expect([set.code, set.stdout + set.stderr]).toEqual([
      0,
      expect.stringContaining('tcp.pace is off in wan/up'),
    ]);
    const off = await shaper.cli(['set', 'wan/up', 'tcp=null', '--socket', shaper.socketPath]);
    expect(off.stdout + off.stderr).not.toContain('tcp.pace is off');
    expect((await shaper.status()).warnings).toEqual([]);
    expect((await shaper.stop()).code).toBe(0);
    expect(await tables()).toBe(before);
  });

  it('knows nothing without a loopback, and says what to do', async () => {
    await exec(['ip', 'link', 'set', 'lo', 'down']);
    const shaper = await start(PLAIN);
    expect(shaper.logs.filter(({ level, msg }) => level === 'warn' && msg.startsWith('tcp.pace'))).toEqual(
      [],
    );
    const set = await shaper.cli(['set', 'wan/up', 'tcp.pace=true', '--socket', shaper.socketPath]);
    const note =
      /^tcp\.pace is off in wan\/up: .* is unknown \(no connection over the loopback: .* ip link set lo up/;
    expect([set.code, set.stdout + set.stderr]).toEqual([
      0,
      expect.stringMatching(new RegExp(note.source.slice(1))),
    ]);
    const status = await shaper.status();
    expect(status.warnings).toEqual([expect.stringMatching(note)]);
    expect(classOf(status, 'wan/up')).toMatchObject({ paced: null });
    expect((await shaper.stop()).code).toBe(0);
  });
});
