/** What an engine is made with beside the specification. */
import type { SocketOwners } from '../packet/sockets.ts';
import type { QueuePlan } from '../spec/queue-plan.ts';
import type { DeviceNameOf } from './flows/intake.ts';
import type { ModuleGuard } from './modules/guard.ts';

export interface EngineOptions {
  /** Seeds chance (RED) and the keys of the hash tables. */
  readonly seed: number;
  /** Packets due within this span leave together; default RELEASE_SLACK_NS. */
  readonly releaseSlackNs?: number;
  /** What the rules around the NFQUEUEs do. By default they set CE and DSCP, and no flow is steered. */
  readonly plan?: QueuePlan;
  /**
   * Asked for the name of each device that packets show and nobody has told. A device that was made after the
   * start is shaped from its first packet by that. Without it only setDeviceIndex() tells.
   */
  readonly nameOf?: DeviceNameOf;
  /** Whose the sockets of this machine are. Without it no local flow has a known owner. */
  readonly sockets?: SocketOwners | null;
  /** Whether inside hosts are found and counted; default true. Benches ask what that costs. */
  readonly findsHosts?: boolean;
  /** Runs code of modules. By default it is called, and trusted to return. */
  readonly guard?: ModuleGuard;
}
