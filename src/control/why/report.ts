/** The answer of `why`. */
import type { Line } from '../../config/edit/document.ts';
import type { WaitPercentiles } from '../views/waits.ts';
import type { LimitKind } from './limit.ts';

export interface BucketReport {
  readonly kind: 'ceil' | 'rate' | 'police' | 'each';
  readonly where: string;
  readonly bitsPerSecond: number;
  readonly burstBytes: number;
  /** Below 0: a debt. */
  readonly tokensBytes: number;
}

export interface FlowAnswer {
  /** `tcp 10.1.0.2:40000 > 10.2.0.2:5201`. Without a live flow: `from 10.1.0.2`, `to 10.1.0.2`. */
  readonly flow: string;
  /** false: what would happen to a packet. */
  readonly live: boolean;
  readonly classes: readonly string[];
  /** null if the file has no line for it. */
  readonly rule: Line | null;
  /** Whose it is, in words; empty if nothing is attached or matched by owner. */
  readonly owner: string;
  /** null: no other class would take it. */
  readonly nextClass: string | null;
  readonly limitedBy: { readonly kind: LimitKind; readonly where: string; readonly detail: string };
  /** 0 if no packet has waited. */
  readonly waitMilliseconds: WaitPercentiles;
  readonly dropped: {
    readonly tail: number;
    readonly early: number;
    readonly police: number;
    readonly aqm: number;
    readonly module: number;
  };
  readonly bitsPerSecond: number;
  readonly buckets: readonly BucketReport[];
  readonly sentence: string;
}

export interface WhyReport {
  /** In one spelling. */
  readonly subject: string;
  readonly flows: readonly FlowAnswer[];
  /** Flows of the subject, those that are not told too. */
  readonly total: number;
}
