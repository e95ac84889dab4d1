/** What a configuration says of modules, whose files are read by others. */
import type { HostsSpec } from './hosts.ts';
import type { ModuleUse, ModuleUsePlaces, ToldModule } from './modules.ts';

export interface FoundModules {
  readonly modules: readonly ModuleUse[];
  /** Where each of them stands. */
  readonly modulePlaces: readonly ModuleUsePlaces[];
  /** Modules that quotas tell of hosts, as they name them. */
  readonly toldModules: readonly ToldModule[];
  readonly hosts: HostsSpec;
  /** The bits of nfqueue.mark; 0 if they are chosen at the start. */
  readonly ownMarkMask: number;
}
