/**
 * Quotas in fast motion: windows and limits divided alike, so that days of them pass in minutes. Rates stay
 * as they are. A host that takes a limit's share of a rate all the time exceeds it in either motion.
 */
import type { QuotaSpec } from '../../spec/hosts.ts';

export function quickened(quotas: readonly QuotaSpec[], speed: number): QuotaSpec[] {
  return quotas.map((quota) => ({
    ...quota,
    windows: quota.windows.map(({ overNs, upBytes, downBytes, totalBytes }) => ({
      overNs: overNs / speed,
      upBytes: upBytes / speed,
      downBytes: downBytes / speed,
      totalBytes: totalBytes / speed,
    })),
  }));
}
