/**
 * What the control thread tells the core of subjects (processes, users, control groups), as data that crosses
 * to the packet thread in one message and holds from the next batch on. Each update takes the place of the
 * former.
 */
import type { TrackedProcesses } from '../../packet/sockets.ts';
import type { PrefixSpec } from '../../spec/spec.ts';

/** Subjects are numbered by the sender. A number means the same subject within one update only. */
export interface SubjectsUpdate {
  /** Every distinct set of subject numbers that a process can have; index = set number. */
  readonly sets: readonly (readonly number[])[];
  /** Sockets of tracked processes and sockets attached singly: inode -> set. Replaces the former. */
  readonly inodes: Float64Array;
  readonly inodeSets: Int32Array;
  /** uid -> subject number (attached users and users of matchers). */
  readonly users: readonly { readonly uid: number; readonly subject: number }[];
  /** cgroup id -> subject numbers, all cgroups below the attached ones included. */
  readonly cgroups: readonly {
    readonly high: number;
    readonly low: number;
    readonly subjects: readonly number[];
  }[];
  /**
   * Devices of containers: forwarded packets that come or leave by the device, or whose inside address is one
   * of `addresses`.
   */
  readonly devices: readonly { readonly ifIndex: number; readonly subject: number }[];
  readonly addresses: readonly { readonly prefix: PrefixSpec; readonly subject: number }[];
  /**
   * What subjects are for matchers: `user:alice`, `group:dev`, `cgroup:/system.slice`, `exe:/usr/bin/curl`
   * (the canonical text) -> subject number.
   */
  readonly matched: readonly { readonly key: string; readonly subject: number }[];
  /**
   * Most specific first. `rank`: 0 socket, 1 process (pid, program name, exe), 2 process group, 3 control
   * group (unit, container), 4 user, 5 device or address.
   */
  readonly attachments: readonly {
    readonly subject: number;
    readonly rank: number;
    /** Paths of classes, at most one in each direction of a link. */
    readonly classes: readonly string[];
    /** What people call it: `pid:123`. */
    readonly text?: string;
  }[];
  readonly processes: TrackedProcesses;
}
