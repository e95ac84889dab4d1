/** The tree of an instance, put together. */
import { Agent } from 'node:http';
import { Accounts } from '../../io/accounts.ts';
import type { Attributes } from '../fuse/filesystem.ts';
import type { FileTree } from '../serve.ts';
import { Attaching } from './attaching.ts';
import type { Branch } from './branch.ts';
import { ClassAccess } from './class-access.ts';
import { type Ask, askOver, Instance } from './instance.ts';
import { LinuxMachine, type Machine, type TreeAccounts } from './machine.ts';
import { NETWORK, Network } from './network.ts';
import { Refusals } from './refusals.ts';
import { type GroupsOf, groupsOfProcess, Rights } from './rights.ts';
import { controlGroups, processes, processGroups, type Subjects, users } from './subjects.ts';
import { ShaperTree } from './tree.ts';

/** To the instance, at once. More questions wait for one of them. */
const CONNECTIONS = 8;

export interface TreeOptions {
  readonly ask: Ask;
  readonly instance?: Instance;
  readonly mountPoint: string;
  readonly accounts: TreeAccounts;
  readonly machine: Machine;
  readonly groupsOf: GroupsOf;
}

/** `folder` is where the tree is mounted. */
export function openTree(socketPath: string, folder: string): FileTree {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const ask = askOver(socketPath, agent);
  const instance = new Instance(ask);
  const fileSystem = createTree({
    ...{ ask, instance },
    mountPoint: folder,
    accounts: new Accounts(),
    machine: new LinuxMachine(),
    groupsOf: groupsOfProcess,
  });
  return {
    fileSystem,
    changed: () => instance.changed(),
    setFollowed: (isFollowed) => instance.setFollowed(isFollowed),
    close: () => agent.destroy(),
  };
}

export function createTree({
  ask,
  instance = new Instance(ask),
  mountPoint,
  accounts,
  machine,
  groupsOf,
}: TreeOptions): ShaperTree {
  const sinceMs = Date.now();
  const fixed: Attributes = { kind: 'dir', mode: 0o755, uid: 0, gid: 0, changedMs: sinceMs };
  const common = { instance, rights: new Rights(groupsOf), refusals: new Refusals() };
  const network = new Network({ ...common, access: new ClassAccess(accounts, sinceMs), fixed });
  const attaching = (name: string, subjects: Subjects): [string, Branch] => [
    name,
    new Attaching({ ...common, name, subjects, network, mountPoint, sinceMs }),
  ];
  const branches = new Map<string, Branch>([
    [NETWORK, network],
    attaching('processes', processes(machine)),
    attaching('groups', processGroups(machine)),
    attaching('users', users(accounts)),
    attaching('cgroups', controlGroups(machine)),
  ]);
  const { refusals } = common;
  return new ShaperTree({
    ...{ branches, refusals, fixed },
    isMakingDirectory: (pid) => machine.isMakingDirectory(pid),
  });
}
