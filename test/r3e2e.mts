import { createLab } from '../bench/lab/lab.ts';
import { startShaper } from '../bench/lab/shaper.ts';

const config = `
links:
  wan:
    device: wan0
    up:
      rate: 20gbit
      classes:
        slow: { ceil: 2mbit, match: { dport: 5202 } }
    down:
      rate: 20gbit
      classes:
        slow: { ceil: 2mbit, match: { sport: 5202 } }
nfqueue: { backend: auto }
`;
const lab = await createLab();
try {
  const shaper = await startShaper(lab, config, { entry: 'tsx' });
  for (const l of shaper.logs) console.log(JSON.stringify(l));
  lab.server.spawn(['iperf3', '-s', '-p', '5201']);
  lab.server.spawn(['iperf3', '-s', '-p', '5202']);
  await new Promise((r) => setTimeout(r, 500));
  for (const [port, rev] of [
    ['5201', ''],
    ['5201', '-R'],
    ['5202', ''],
    ['5202', '-R'],
  ] as const) {
    const { stdout } = await lab.client.exec(
      ['iperf3', '-c', lab.server.addresses.v4, '-p', port, '-t', '3', '-J', ...(rev ? [rev] : [])],
      { check: false, timeoutMs: 20000 },
    );
    const j = JSON.parse(stdout);
    console.log(
      port,
      rev,
      j.end?.sum_received?.bits_per_second / 1e6,
      'Mbit/s',
      j.error ?? '',
      'retr',
      j.end?.sum_sent?.retransmits,
    );
    const s = await shaper.status();
    for (const c of s.classes)
      console.log(
        '  ',
        c.path,
        c.sent.packets,
        Math.round(c.sent.bytes / c.sent.packets),
        JSON.stringify(c.dropped),
        c.marked,
      );
  }
  console.log((await lab.router.exec(['conntrack', '-L'], { check: false })).stdout);
  console.log((await lab.router.exec(['cat', '/proc/net/netfilter/nfnetlink_queue'])).stdout);
  console.log(JSON.stringify(await shaper.stop()), shaper.stderr());
  for (const l of shaper.logs) console.log(JSON.stringify(l));
} finally {
  await lab.close();
}
