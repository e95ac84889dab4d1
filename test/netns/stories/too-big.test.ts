/** A module that lets only short packets pass, and says so to senders: path MTU discovery goes by it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeNetns, tcpTransfer, until, useLab, useShapers } from '../harness.ts';

const MTU = 1300;

const NARROW = `
import { ACCEPT, DROP, defineModule, mayAnswerTooBig, tooBig } from 'nfqueue-shaper/module';

export default defineModule({
  label: 'narrow',
  hooks: ['postrouting'],
  interest: { oif: 'wan0' },
  payload: true,
  create: (itm) => ({
    process(p) {
      if (p.length <= ${MTU}) return ACCEPT;
      if (mayAnswerTooBig(p)) itm.inject(tooBig(p, ${MTU}));
      return DROP;
    },
  }),
});
`;

describeNetns('an answer to packets that are too big', () => {
  const world = useLab();
  const start = useShapers(world);

  it('reaches the sender, which sends shorter ones', async () => {
    const { client, server, folder } = world.lab;
    writeFileSync(join(folder, 'narrow.ts'), NARROW);
    const config = 'modules: [ { use: ./narrow.ts } ]\nlinks: { wan: { device: wan0, up: 900mbit } }';
    const shaper = await start(config);
    for (const family of [4, 6] as const) {
      const address = family === 4 ? server.addresses.v4 : server.addresses.v6;
      // While a busy machine lets the program stand still, packets pass without it.
      await until('the sender knows the MTU', async () => {
        const bytes = 500_000;
        const { received } = await tcpTransfer(client, server, { port: 7450 + family, family, bytes });
        expect(received.bytes).toBe(bytes);
        const { stdout } = await client.exec(['ip', 'route', 'get', address]);
        return stdout.includes(`mtu ${MTU}`);
      });
    }
    expect((await shaper.stop()).code).toBe(0);
  });
});
