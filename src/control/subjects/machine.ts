/** Where subjects are looked for: this machine, or one that a test makes up. */
import { realpathSync } from 'node:fs';
import { isSystemError } from '../../base/system-error.ts';
import { Accounts } from '../../io/accounts.ts';
import { Cgroups, cgroupMount } from '../../io/proc/cgroups.ts';
import { Processes, type ProcessSource } from '../../io/proc/processes.ts';
import { openSocketKernel, type SocketKernel } from '../../io/sockets/kernel.ts';
import { SocketListing } from '../../io/sockets/listing.ts';
import { addressesOf, type ContainerName, listContainers, outsideEnds } from './containers.ts';

export interface Machine {
  readonly processes: ProcessSource;
  /** null: cgroup2 is mounted nowhere. */
  readonly cgroups: Cgroups | null;
  readonly accounts: Accounts;
  /** Inodes of all sockets of IP in this network namespace; null if the kernel does not tell. */
  ipSockets(): ReadonlySet<number> | null;
  containers(): readonly ContainerName[];
  /** Of the network namespace of a process. */
  addressesOf(pid: number): readonly string[];
  /** Devices on this side that lead into the network namespace of a process. */
  outsideEnds(pid: number): readonly number[];
  /** The file of a program, without links; null if there is none. */
  programFile(path: string): string | null;
  /** Files with this name in the folders where programs are, without links. */
  programsCalled(name: string): readonly string[];
}

const PROGRAM_FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

export function thisMachine(): Machine {
  const mount = cgroupMount();
  return {
    processes: new Processes(),
    cgroups: mount === null ? null : new Cgroups(mount),
    accounts: new Accounts(),
    ipSockets: listIpSockets(),
    containers: listContainers,
    addressesOf,
    outsideEnds,
    programFile,
    programsCalled: (name) => [
      ...new Set(PROGRAM_FOLDERS.flatMap((folder) => programFile(`${folder}/${name}`) ?? [])),
    ],
  };
}

/** Opens what it needs with the first call. */
function listIpSockets(): Machine['ipSockets'] {
  let kernel: SocketKernel | null = null;
  return () => {
    try {
      kernel ??= openSocketKernel();
      const inodes = new Set<number>();
      const listing = new SocketListing(kernel);
      for (let rows = listing.next(); rows > 0; rows = listing.next())
        for (let row = 0; row < rows; row++) inodes.add(kernel.columns.inode[row]!);
      return inodes;
    } catch (error) {
      if (isSystemError(error)) return null;
      throw error;
    }
  };
}

function programFile(path: string): string | null {
  try {
    return realpathSync(path);
  } catch (error) {
    if (isSystemError(error)) return null;
    throw error;
  }
}
