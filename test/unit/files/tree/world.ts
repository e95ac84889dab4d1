/** The tree over the routes of a real change service, with attachments, status and a machine of the test. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { call } from '../../../../src/client/client.ts';
import { ApiError } from '../../../../src/control/api-error.ts';
import { REAL_CLOCK } from '../../../../src/control/change/clock.ts';
import { createHttpServer } from '../../../../src/control/http/http-server.ts';
import { route } from '../../../../src/control/http/route.ts';
import { anyObject, list, object, optional, text } from '../../../../src/control/http/schema.ts';
import { changeRoutes } from '../../../../src/control/routes/change.ts';
import type { Caller, FileError } from '../../../../src/files/fuse/filesystem.ts';
import { type Ask, Instance } from '../../../../src/files/tree/instance.ts';
import type { Machine, ProcessFacts, TreeAccounts } from '../../../../src/files/tree/machine.ts';
import { createTree } from '../../../../src/files/tree/open-tree.ts';
import type { ShaperTree } from '../../../../src/files/tree/tree.ts';
import { setUp } from '../../control/change/fakes.ts';

export const MOUNT = '/run/net';
export const ROOT: Caller = { uid: 0, gid: 0, pid: 1 };
export const ALICE: Caller = { uid: 1000, gid: 1000, pid: 71 };
export const BOB: Caller = { uid: 1001, gid: 1001, pid: 72 };

const IDS: Readonly<Record<string, number>> = { root: 0, alice: 1000, bob: 1001, staff: 50 };

export const ACCOUNTS: TreeAccounts = {
  uidOf: (owner) => (/^\d+$/.test(owner) ? Number(owner) : (IDS[owner] ?? null)),
  gidOf: (group) => (/^\d+$/.test(group) ? Number(group) : (IDS[group] ?? null)),
  nameOf,
  groupNameOf: nameOf,
  userNames: () => ['root', 'alice', 'bob'],
};

function nameOf(id: number): string {
  return Object.entries(IDS).find(([, one]) => one === id)?.[0] ?? String(id);
}

const PROCESSES = new Map<number, ProcessFacts>([
  [1, { uid: 0, gid: 0, pgid: 1 }],
  [71, { uid: 1000, gid: 1000, pgid: 71 }],
  [72, { uid: 1001, gid: 1001, pgid: 72 }],
  [73, { uid: 1000, gid: 1000, pgid: 72 }],
]);
const CGROUPS: Readonly<Record<string, { uid: number; gid: number; inside: string[] }>> = {
  '': { uid: 0, gid: 0, inside: ['user.slice', 'system.slice'] },
  'user.slice': { uid: 0, gid: 0, inside: ['alice'] },
  'user.slice/alice': { uid: 1000, gid: 1000, inside: [] },
};
/** As a program that calls mkdir(2) now. */
export const MAKING: Caller = { ...ALICE, pid: 99 };

const MACHINE: Machine = {
  pids: () => [...PROCESSES.keys()],
  process: (pid) => PROCESSES.get(pid) ?? null,
  sockets: (pid) => (pid === 71 ? [3, 5] : []),
  groupsIn: (path) => CGROUPS[path]?.inside ?? null,
  groupOwner: (path) => CGROUPS[path] ?? null,
  isMakingDirectory: (pid) => pid === MAKING.pid,
};

export const YAML = `links:
  wan:
    device: eth0
    up:
      rate: 10mbit
      classes:
        vif3: { ceil: 4mbit, match: none }
        web: { match: { dport: [80, 443] }, weight: 2, queue: { limit: 50ms } }
    down: 20mbit
`;

/** As src/control/subjects has it, with one class in each direction. */
class Attachments {
  readonly bySubject = new Map<string, Map<string, string>>();

  routes() {
    const answer = object('x', {});
    return [
      route({
        method: 'GET',
        path: '/v1/attachments',
        summary: 'x',
        answer,
        handle: async () => ({
          attachments: [...this.bySubject].map(([subject, classes], id) => ({
            ...{ id, subject, text: `text of ${subject}`, classes: [...classes.values()] },
          })),
        }),
      }),
      route({
        method: 'POST',
        path: '/v1/attachments',
        summary: 'x',
        body: object('x', {
          subject: text('x'),
          classes: list('x', text('x')),
          make: optional(anyObject('x')),
        }),
        answer,
        handle: async ({ body: { subject, classes } }) => {
          const of = this.bySubject.get(subject) ?? new Map<string, string>();
          for (const path of classes) of.set(directionOf(path), path);
          this.bySubject.set(subject, of);
          return {};
        },
      }),
      route({
        method: 'DELETE',
        path: '/v1/attachments',
        summary: 'x',
        query: { subject: text('x'), from: text('x') },
        answer,
        handle: async ({ query: { subject, from } }) => {
          const of = this.bySubject.get(subject);
          if (!of?.delete(directionOf(from)))
            throw new ApiError(404, 'not-attached', `${subject} is not attached`);
          return {};
        },
      }),
    ];
  }
}

function directionOf(path: string): string {
  return path.split('/').slice(0, 2).join('/');
}

const closers: (() => void)[] = [];

/** Ends all worlds of a test. */
export function closeWorlds(): void {
  for (const close of closers.splice(0)) close();
}

export function world(yaml = YAML) {
  const { service, thread } = setUp(yaml, { clock: REAL_CLOCK });
  const attachments = new Attachments();
  const asked: string[] = [];
  const status = route({
    method: 'GET',
    path: '/v1/status',
    summary: 'x',
    answer: object('x', {}),
    handle: async () => ({
      classes: [
        { path: 'wan/up/vif3', sent: { packets: 3, bytes: 4500 }, marked: 0, scheduled: null, each: null },
      ],
    }),
  });
  const { server, closeAll } = createHttpServer([
    ...changeRoutes({ change: service, isShared: false }),
    ...attachments.routes(),
    status,
  ]);
  const folder = mkdtempSync(join(tmpdir(), 'shaper-tree-'));
  const socketPath = join(folder, 'x.sock');
  const listening = new Promise<void>((resolve) => server.listen(socketPath, resolve));
  closers.push(() => {
    closeAll();
    server.close();
    service.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const at: { fault: Error | null } = { fault: null };
  const ask: Ask = async (method, path, body) => {
    asked.push(`${method} ${path}`);
    if (at.fault) throw at.fault;
    await listening;
    return call(socketPath, method, path, body);
  };
  const groupsOf = ({ uid, gid }: Caller) => (uid === ALICE.uid ? [gid, 50] : [gid]);
  // Time stands still: a busy machine takes longer for a listing than answers are kept.
  const instance = new Instance(ask, () => 0);
  const tree = createTree({
    ask,
    instance,
    mountPoint: MOUNT,
    accounts: ACCOUNTS,
    machine: MACHINE,
    groupsOf,
  });
  return {
    tree,
    socketPath,
    listening,
    ask,
    service,
    thread,
    attachments: attachments.bySubject,
    asked,
    at,
    ...shortly(tree),
  };
}

/** The calls of the tests, in a few letters. */
function shortly(tree: ShaperTree) {
  return {
    cat: async (path: string) => (await tree.read(path)).replace(/\n$/, ''),
    echo: (value: string, path: string, who = ROOT) => tree.write(path, `${value}\n`, who),
    mkdir: (path: string, who = ROOT, mode = 0o755) => tree.makeDirectory(path, mode, who),
    ls: async (path: string) => (await tree.list(path)).map(({ name }) => name),
    owner: async (path: string) => {
      const { uid, gid, mode } = await tree.attributes(path);
      return `${uid}:${gid} ${mode.toString(8)}`;
    },
  };
}

/** The errno with which it fails; `made` if it does not. */
export async function errnoOf(action: Promise<unknown>): Promise<string> {
  return action.then(
    () => 'made',
    (error: FileError) => error.errno ?? String(error),
  );
}
