/** A control group for one command, inside that in which this process is. */

import { isSystemError } from '../../base/system-error.ts';
import { Cgroups, cgroupMount, joined } from '../../io/proc/cgroups.ts';
import { Processes } from '../../io/proc/processes.ts';

export interface OwnGroup {
  /** From the root of cgroup2. */
  readonly path: string;
  /** This process goes back. Returns whether the group is gone: children of the command may be in it. */
  leave(): boolean;
}

/**
 * What this process starts from now on is in the group. null where cgroup2 is not there, or not ours to
 * write.
 */
export function enterOwnGroup(): OwnGroup | null {
  const mount = cgroupMount();
  const before = new Processes().cgroup(process.pid);
  if (mount === null || before === null) return null;
  const cgroups = new Cgroups(mount);
  const path = joined(before, `shaper-exec-${process.pid}`);
  try {
    cgroups.make(path);
    cgroups.join(path, process.pid);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    cgroups.remove(path);
    return null;
  }
  return {
    path,
    leave: () => {
      try {
        cgroups.join(before, process.pid);
      } catch (error) {
        // Somebody has removed that group meanwhile.
        if (!isSystemError(error)) throw error;
        return false;
      }
      return cgroups.remove(path);
    },
  };
}
