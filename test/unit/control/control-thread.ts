/**
 * Run by control.test.ts in a process of its own: worker threads of the test runner have no TypeScript
 * loader.
 */
import { existsSync, statSync } from 'node:fs';
import { NONE } from '../../../src/base/none.ts';
import { call } from '../../../src/client/client.ts';
import { startControl } from '../../../src/control/control.ts';
import { ControlError } from '../../../src/control/server.ts';
import { createFlowMemory } from '../../../src/core/flows/flow-layout.ts';
import { createHostMemory } from '../../../src/core/hosts/host-layout.ts';
import { createStats, TOTAL } from '../../../src/core/packets/stats.ts';

const socketPath = process.argv[2]!;
const stats = createStats(1);
let stops = 0;
const failures: string[] = [];
const begin = () =>
  startControl({
    socketPath,
    group: null,
    subject: {
      version: '1',
      pid: 1,
      backend: 'iptables',
    },
    source: {
      generation: 0,
      classes: [{ path: 'w/up', rateBytesPerSec: 1, ceilBytesPerSec: 1, isPaced: false, parent: NONE }],
      stats,
      flows: { buffer: createFlowMemory(16).buffer, classChanges: 0 },
      nowNs: () => 2.5e9,
      nfqueues: () => ({ open: [], closedDrops: { queueFull: 0, socketFull: 0 } }),
      socketCounters: () => ({ truncated: 1, malformed: 2, sendErrors: 3, verdictErrors: 4 }),
      warnings: [],
      inspect: () => ({ atNs: 0, classes: [], each: [], limits: [], owners: [], devices: [] }),
      trace: () => null,
      hosts: createHostMemory({ hosts: 1, addresses: 1, news: 1 }),
      updateHosts: () => undefined,
      updateSubjects: () => undefined,
      eachClasses: () => [{ path: 'w/up', by: 'host', rateBytesPerSec: 125, fullest: [] }],
    },
    config: { text: 'links: { w: { device: w, up: 1mbit } }', file: '/x.yaml' },
    apply: async () => ({ ok: true, generation: 1, notes: [] }),
    setStopped: () => undefined,
    moduleUses: () => [],
    modules: async () => ({ ok: true, modules: [] }),
    log: () => undefined,
    onStop: () => {
      stops++;
    },
    onFailure: (error) => failures.push(error.message),
  });

const maskBefore = process.umask();
const control = await begin();
const { mode } = statSync(socketPath);
stats.totals[TOTAL.receivedPackets] = 41;
const first = await call(socketPath, 'GET', '/v1/status');
stats.totals[TOTAL.receivedPackets] = 42;
const second = await call(socketPath, 'GET', '/v1/status');
const refusal = await begin().then(
  () => 'started twice',
  (error: unknown) => (error instanceof ControlError ? error.code : String(error)),
);
const third = await call(socketPath, 'GET', '/v1/status');
const stopReply = await call(socketPath, 'POST', '/v1/stop');
await control.close();
console.log(
  JSON.stringify({
    replies: [first, second, third],
    refusal,
    failures,
    stopReply,
    stops,
    pid: process.pid,
    socketMode: mode & 0o777,
    isMaskKept: process.umask() === maskBefore,
    isSocketLeft: existsSync(socketPath),
  }),
);
