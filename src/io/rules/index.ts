export { builtInTables, removeNewEmptyTables } from './built-in-tables.ts';
export type { ChangedRules } from './change.ts';
export { claimRules } from './claim.ts';
export { RulesError, type RulesErrorCode, type RulesLog } from './errors.ts';
export { type InstalledRules, installRules, renderRules } from './install.ts';
export { checkKernelRules, kernelRuleFault, kernelTracks, refusalOfText } from './kernel-rules.ts';
export { foreignBits, hex, markShift, nfqueueMark } from './mark.ts';
export { type KernelCounts, readKernelCounts } from './module-counts.ts';
export {
  chooseMarkMask,
  findCollisions,
  type Neighbours,
  NO_NEIGHBOURS,
  readNeighbours,
  restoresBits,
} from './neighbours.ts';
export type { NftSession } from './nft-session.ts';
export { cleanLeftovers, findRivals, findWarnings } from './others.ts';
export { probeAbilities, probeBackend, probePage, probePortHooks, probeSwitched } from './probe.ts';
export { type Backend, plannedDevices, type RulesRequest, tableName } from './render-nft.ts';
export { hasPageHooks, type PageRules, pageRulesOf } from './render-page.ts';
export { hasPortHooks } from './render-ports.ts';
export { withTrialRule } from './trial-rule.ts';
