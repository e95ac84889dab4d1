/**
 * A container that is attached. One with a network namespace of its own is met by the devices and addresses
 * of that, because its packets are forwarded; one with the host's by its control group.
 */
import { basename } from 'node:path';
import { prefix } from '../../config/fields/addresses.ts';
import { groupsCalled } from '../../io/proc/cgroups.ts';
import type { PrefixSpec } from '../../spec/spec.ts';
import { containerIdOf } from './containers.ts';
import { GroupSet } from './group-set.ts';
import type { Machine } from './machine.ts';

export class ContainerTarget {
  readonly #name: string;
  readonly #machine: Machine;
  readonly groups: GroupSet | null;
  #id: string | null = null;
  #groupPaths: readonly string[] = [];
  /** Of the process by which devices and addresses were read last. */
  #readPid: number | null = null;
  #hasOwnNetwork = false;
  #devices: readonly number[] = [];
  #addresses: readonly PrefixSpec[] = [];

  constructor(name: string, machine: Machine) {
    this.#name = name;
    this.#machine = machine;
    const { cgroups, processes } = machine;
    this.groups = cgroups === null ? null : new GroupSet(cgroups, processes, () => this.#groupPaths);
  }

  get hasOwnNetwork(): boolean {
    return this.#hasOwnNetwork;
  }

  /** Indexes of the ends on this side of its devices. */
  get devices(): readonly number[] {
    return this.#devices;
  }

  get addresses(): readonly PrefixSpec[] {
    return this.#addresses;
  }

  /** Whether it runs. */
  get isRunning(): boolean {
    return this.#readPid !== null;
  }

  /** Looks where it is now. Returns whether there is such a container, running or not. */
  look(): boolean {
    const { cgroups, processes } = this.#machine;
    const known = this.#find();
    const isMeant = (group: string): boolean => {
      const id = containerIdOf(group);
      return id !== null && (known === null ? isIdOf(id, this.#name) : id === known.id);
    };
    const paths = cgroups === null ? [] : groupsCalled(cgroups, isMeant);
    this.#id = known?.id ?? (paths[0] === undefined ? null : containerIdOf(basename(paths[0])));
    this.#groupPaths = paths;
    this.groups?.look();
    const pid = known?.pid ?? [...(this.groups?.pids ?? [])][0] ?? null;
    this.#readNetwork(pid !== null && processes.stat(pid)?.isAlive === true ? pid : null);
    return this.#id !== null;
  }

  #find(): { readonly id: string; readonly pid: number | null } | null {
    const all = this.#machine.containers();
    return (
      all.find(({ name }) => name === this.#name) ?? all.find(({ id }) => isIdOf(id, this.#name)) ?? null
    );
  }

  #readNetwork(pid: number | null): void {
    const { processes, outsideEnds, addressesOf } = this.#machine;
    if (pid !== this.#readPid) this.#devices = pid === null ? [] : outsideEnds(pid);
    this.#readPid = pid;
    this.#hasOwnNetwork = pid !== null && processes.netNamespace(pid) !== processes.netNamespace('self');
    if (!this.#hasOwnNetwork) this.#devices = [];
    this.#addresses =
      pid !== null && this.#hasOwnNetwork ? addressesOf(pid).map((text) => prefix.read(text).prefix) : [];
  }
}

/** Engines take any beginning of an id that is long enough to be no name. */
const ID_DIGITS_MIN = 4;

function isIdOf(id: string, text: string): boolean {
  return text.length >= ID_DIGITS_MIN && id.startsWith(text);
}
