/**
 * Gives new windows the past that history knows: a quota that is written into the configuration counts at
 * once what hosts had before.
 */
import { ApiError } from '../api-error.ts';
import type { HostEntry } from './entry.ts';
import type { HostHistory } from './host-history.ts';
import type { QuotaKeeper } from './quota-keeper.ts';

/** `wallMs`: when the windows began. History must have all that was counted until then. */
export async function seedWindows(
  entries: readonly HostEntry[],
  oversNs: readonly number[],
  wallMs: number,
  history: Pick<HostHistory, 'ask' | 'stepNsOf'>,
  keeper: Pick<QuotaKeeper, 'seed'>,
  isKnown: (entry: HostEntry) => boolean,
): Promise<void> {
  for (const overNs of oversNs) {
    const stepMs = history.stepNsOf(overNs) / 1e6;
    for (const entry of entries) {
      const points = await history.ask(entry.id, overNs, null).catch(nothing);
      // Meanwhile the host may have become part of another one.
      if (!isKnown(entry)) continue;
      for (const { at, upBytes, downBytes } of points) {
        if (upBytes === null || downBytes === null || at >= wallMs) continue;
        keeper.seed(entry, overNs, at, Math.min(at + stepMs, wallMs), upBytes, downBytes);
      }
    }
  }
}

/** No file, or nothing in it of this host: there is no past. */
function nothing(error: unknown): readonly never[] {
  if (error instanceof ApiError) return [];
  throw error;
}
