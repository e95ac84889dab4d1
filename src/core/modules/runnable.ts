/** A user-run module that is on, and what is counted of it. */
import type { ModuleInstance } from '../../modules/api/module.ts';
import type { ModuleSpec } from '../../spec/modules.ts';

export interface RunnableModule extends ModuleSpec {
  /** Of processor time a packet, over a second. */
  readonly budgetNs: number;
  readonly instance: ModuleInstance;
}

/** `ejected`: it was taken out for `reason`, and packets pass without it. */
export type ModuleState = 'on' | 'off' | 'ejected';

export interface ModuleCounters {
  readonly name: string;
  /** Packets that came to it; those that were released to it by an earlier module included. */
  readonly packets: number;
  readonly dropped: number;
  readonly stolen: number;
  /** Packets that it holds now. */
  readonly held: number;
  /** Exceptions, answers that make no sense, and packets that it held for too long. */
  readonly errors: number;
  /** Processor time a packet, its timers included; 0 before the first packet and in virtual time. */
  readonly nanosecondsPerPacket: number;
  readonly state: ModuleState;
  /** Why it was ejected, or which answer of it made no sense first; null: nothing is wrong. */
  readonly reason: string | null;
}
