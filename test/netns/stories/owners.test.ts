/** Matchers of users, groups and programs, on real packets: the first packet of each flow counts. */
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync, realpathSync, rmdirSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { cgroupMount } from '../../../src/io/proc/cgroups.ts';
import { classOf, describeNetns, type Status, until, useLab, useShapers } from '../harness.ts';

const NAME = `shaper-owners-${process.pid}`;
const GROUP = `${cgroupMount()}/${NAME}`;
/** Users of no file. */
const [USER, OF_GROUP, NOBODY] = [64_001, 64_002, 64_003];
const PORT = 7200;
/** Sockets of each program; each sends one datagram. */
const FLOWS = 60;

const CONFIG = `
links:
  wan:
    device: wan0
    up:
      rate: 50mbit
      classes:
        user:   { match: { user: ${USER} } }
        cgroup: { match: { cgroup: /${NAME} } }
        exe:    { match: { exe: ${realpathSync('/bin/bash')}, proto: udp, dport: ${PORT} } }
        rest:   { match: { dport: ${PORT} } }
`;

/** A socket for each datagram. It stays open: of one that is closed by now nobody can tell the owner. */
const sender = (before: string, address: string): string[] => [
  process.execPath,
  '-e',
  `${before}
   const dgram = require('node:dgram');
   for (let n = 0; n < ${FLOWS}; n++) {
     const socket = dgram.createSocket('${address.includes(':') ? 'udp6' : 'udp4'}');
     socket.send('x', ${PORT}, '${address}');
   }`,
];
const bash = (address: string): string[] => [
  'bash',
  '-c',
  // It reads from a pipe of its own, for ever, because a child would have the sockets too.
  `exec {pipe}<> <(:); for n in $(seq ${FLOWS}); do exec {fd}<> /dev/udp/${address}/${PORT}; echo x >&$fd; done; read -u $pipe`,
];
const became = (id: number): string => `process.setgid(${id}); process.setuid(${id});`;

describeNetns('packets by the owner of their socket', () => {
  const world = useLab({ hasMounts: true });
  const start = useShapers(world);
  const senders: ChildProcess[] = [];
  afterEach(async () => {
    for (const one of senders.splice(0)) {
      one.kill('SIGKILL');
      await until('a sender has ended', () => one.exitCode !== null || one.signalCode !== null);
    }
    await until('the group is empty', () => readFileSync(`${GROUP}/cgroup.procs`, 'utf8') === '');
    rmdirSync(GROUP);
  });

  it('every first packet has the class of its user, group or program', async () => {
    mkdirSync(GROUP);
    const shaper = await start(CONFIG);
    const { router, server } = world.lab;
    for (const address of [server.addresses.v4, server.addresses.v6]) {
      const inGroup = ['sh', '-c', `echo $$ > ${GROUP}/cgroup.procs && exec "$@"`, 'sh'];
      senders.push(
        router.spawn(sender(became(USER), address)),
        router.spawn([...inGroup, ...sender(became(OF_GROUP), address)]),
        router.spawn(sender(became(NOBODY), address)),
        router.spawn(bash(address)),
      );
    }
    const sent = (status: Status): number[] =>
      ['user', 'cgroup', 'exe', 'rest'].map((name) => classOf(status, `wan/up/${name}`).sent.packets);
    let counts: number[] = [];
    await until('all packets have left', async () => {
      counts = sent(await shaper.status());
      return counts.reduce((a, b) => a + b) === 8 * FLOWS;
    });
    expect(counts).toEqual([2 * FLOWS, 2 * FLOWS, 2 * FLOWS, 2 * FLOWS]);
    const { owners } = await shaper.status();
    expect(owners.asked).toBeGreaterThanOrEqual(8 * FLOWS);
  });
});
