/** What rules and the core are told of modules. */
import type { Hook } from '../modules/api/packet.ts';
import type { MatcherSpec } from './match.ts';

/** A module that is on, as its file and the configuration say. In the order in which packets pass them. */
export interface ModuleSpec {
  /** Its label, unique in the instance. */
  readonly name: string;
  readonly run: 'user' | 'kernel';
  readonly priority: number;
  readonly hooks: readonly Hook[];
  /** Packets that match none of these stay in the kernel; null: all packets come. */
  readonly interest: readonly MatcherSpec[] | null;
  /** Whether it reads and writes whole packets. */
  readonly payload: boolean;
  /** Of a kernel-run module: its nft rules, by hook. */
  readonly kernelRules: Partial<Record<Hook, readonly string[]>>;
}
