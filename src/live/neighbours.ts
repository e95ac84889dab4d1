/** Which bits of the mark an instance takes, by the rules of other programs. */
import type { LoadedConfig } from '../config/config.ts';
import {
  chooseMarkMask,
  claimRules,
  type Neighbours,
  type NftSession,
  RulesError,
  type RulesLog,
  readNeighbours,
} from '../io/rules/index.ts';
import { matchedMarkBits } from '../spec/mark-choice.ts';
import { planQueues } from '../spec/queue-plan.ts';
import type { ShaperSpec } from '../spec/spec.ts';

/** Instances that start at the same instant may choose the same bits. */
const CHOICES_MAX = 5;
const ONLY_MARKS = /^mark mask [^;]*(; mark mask [^;]*)*$/;

export interface Claimed {
  /** With the mark bits that are used. */
  readonly spec: ShaperSpec;
  /** The rules of others by which they were chosen. */
  readonly neighbours: Neighbours;
  readonly session: NftSession;
}

/** Chooses the bits of the mark, and claims them with the table and the devices. Throws RulesError. */
export async function claimMark(
  config: LoadedConfig,
  log: RulesLog,
  isWanted: () => boolean,
): Promise<Claimed> {
  for (let choices = 1; ; choices++) {
    const { spec, neighbours } = await settleMark(config, log);
    try {
      const request = { plan: planQueues(spec), nfqueue: spec.nfqueue };
      return { spec, neighbours, session: await claimRules(request, isWanted) };
    } catch (error) {
      const mayChoose = config.isMarkAuto && choices < CHOICES_MAX && isWanted();
      if (!mayChoose || !(error instanceof RulesError) || !ONLY_MARKS.test(error.message)) throw error;
    }
  }
}

/** The specification with the mark bits that are used, and the rules of others by which they were chosen. */
async function settleMark(
  { spec, isMarkAuto }: LoadedConfig,
  log: RulesLog,
): Promise<{ spec: ShaperSpec; neighbours: Neighbours }> {
  const neighbours = await readNeighbours(spec.links.map((link) => link.device));
  if (!isMarkAuto) return { spec, neighbours };
  const { nfqueue, links, modules } = spec;
  const chosen = chooseMarkMask(nfqueue.first, matchedMarkBits(links, modules), neighbours);
  if (chosen === null) {
    log.warn(
      'no eight neighbouring bits of the packet mark are free: give nfqueue.mark those that matter least',
    );
  }
  const markMask = chosen ?? nfqueue.markMask;
  return { spec: { ...spec, nfqueue: { ...nfqueue, markMask } }, neighbours };
}
