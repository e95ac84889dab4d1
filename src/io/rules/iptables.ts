/**
 * Installs, finds and deletes the tagged rules of render-iptables.ts. Every edit is one transaction per
 * family through `iptables-restore --noflush`, which creates the base chain that it needs and never deletes
 * or rebuilds one.
 */
import { RulesError, toolError } from './errors.ts';
import {
  deletionOf,
  IPTABLES_TABLES,
  LOCK_WAIT_SECONDS,
  type Place,
  placeOf,
  removalOf,
  restoreInput,
  tableOf,
  taggedInstance,
} from './render-iptables.ts';
import { runTool, type ToolResult } from './tool.ts';

/** The programs of each family, under the names by which they are installed. */
export interface Iptables {
  readonly families: readonly { readonly tool: string; readonly restore: string; readonly save: string }[];
}

/** Looks for rules to delete that others delete at the same time. */
const DELETE_TRIES = 3;
const HINT_PACKAGE = 'install the package iptables (1.8 or newer) with its nf_tables variant';

async function version(tool: string): Promise<string | null> {
  try {
    const result = await runTool(tool, ['--version']);
    return result.status === 0 ? result.stdout : null;
  } catch (error) {
    if (error instanceof RulesError && error.code === 'missing') return null;
    throw error;
  }
}

/**
 * Finds the nf_tables variants, under their own name or else under the plain one.
 * @throws RulesError `missing` if there is none
 */
export async function findIptables(): Promise<Iptables> {
  const families = await Promise.all(
    ['iptables', 'ip6tables'].map(async (plain) => {
      for (const tool of [`${plain}-nft`, plain]) {
        const text = await version(tool);
        if (text?.includes('nf_tables')) return { tool, restore: `${tool}-restore`, save: `${tool}-save` };
      }
      throw new RulesError('missing', `${plain}-nft: no nf_tables variant of ${plain} found`, HINT_PACKAGE);
    }),
  );
  return { families };
}

function restore(tool: string, rules: readonly string[]): Promise<ToolResult> {
  return runTool(tool, ['--noflush', '-w', String(LOCK_WAIT_SECONDS)], restoreInput(rules));
}

/** The rules of chains in which rules of ours may stand. */
async function savedRules(save: string): Promise<string[]> {
  const saved = await Promise.all(
    IPTABLES_TABLES.map(async (table) => {
      const result = await runTool(save, ['-t', table]);
      if (result.status !== 0) throw toolError(`${save} -t ${table}`, result.stdout + result.stderr);
      const rules = result.stdout.split('\n').filter((line) => line.startsWith('-A '));
      return rules.filter((rule) => tableOf(rule) === table);
    }),
  );
  return saved.flat();
}

/** Runs both families side by side, as the tools mostly wait for the kernel. Fails after both have ended. */
async function bothFamilies<T>(
  { families }: Iptables,
  act: (family: Iptables['families'][number]) => Promise<T>,
): Promise<T[]> {
  const results = await Promise.allSettled(families.map(act));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  return results.map((result) => (result as PromiseFulfilledResult<T>).value);
}

/** @throws RulesError Rules of one family may be installed then, so the caller deletes by tag */
export async function addRules(iptables: Iptables, rules: readonly string[]): Promise<void> {
  if (rules.length === 0) return;
  await bothFamilies(iptables, async ({ tool, restore: restoreTool }) => {
    const result = await restore(restoreTool, rules);
    if (result.status !== 0) {
      throw toolError(`${tool}: adding the queue rules`, result.stdout + result.stderr);
    }
  });
}

/**
 * Takes these rules out, each by itself in both families.
 * @throws RulesError The rules of one family, or of both, may be there still
 */
export async function removeRules(iptables: Iptables, rules: readonly string[]): Promise<void> {
  if (rules.length === 0) return;
  await bothFamilies(iptables, async ({ tool, restore: restoreTool }) => {
    const result = await restore(restoreTool, rules.map(removalOf));
    if (result.status !== 0) {
      throw toolError(`${tool}: deleting queue rules`, result.stdout + result.stderr);
    }
  });
}

/** Where the rules of the instance stand, of which each family has `rules`. The worst of both families. */
export async function findPlace(iptables: Iptables, firstQueue: number, rules: number): Promise<Place> {
  const places = await bothFamilies(iptables, async ({ save }) =>
    placeOf(await savedRules(save), firstQueue, rules),
  );
  if (places.includes('gone')) return 'gone';
  return places.includes('displaced') ? 'displaced' : 'right';
}

/**
 * Deletes the rules of the instances for which `wanted` holds. Returns commands that would do the same. If
 * somebody deletes them between the look and the deletion, such as a firewall that is loaded again, the
 * deletion fails as a whole, and another look is due.
 */
export async function deleteTagged(
  iptables: Iptables,
  wanted: (firstQueue: number) => boolean,
): Promise<string[]> {
  const removed = await bothFamilies(iptables, async (family) => {
    for (let tries = 1; ; tries++) {
      const { commands, refusal } = await deleteTaggedOnce(family, wanted);
      if (refusal === null) return commands;
      if (tries === DELETE_TRIES) throw toolError(`${family.tool}: deleting the queue rules`, refusal);
    }
  });
  return removed.flat();
}

async function deleteTaggedOnce(
  { tool, restore: restoreTool, save }: Iptables['families'][number],
  wanted: (firstQueue: number) => boolean,
): Promise<{ commands: string[]; refusal: string | null }> {
  const deletions = (await savedRules(save))
    .filter((rule) => {
      const instance = taggedInstance(rule);
      return instance !== null && wanted(instance);
    })
    .map(deletionOf);
  if (deletions.length === 0) return { commands: [], refusal: null };
  const { status, stdout, stderr } = await restore(restoreTool, deletions);
  const commands = deletions.map((deletion) => `${tool} -t ${tableOf(deletion)} ${deletion}`);
  return { commands, refusal: status === 0 ? null : stdout + stderr };
}

/**
 * Tries an NFQUEUE rule in a chain of its own that the same transaction deletes again: the kernel checks the
 * rule, and nobody ever sees it. (With `-F` instead of `-D` iptables would never send the rule.) An empty
 * `security` table may stay. Returns null if the kernel takes the rule, else the output of the tool.
 */
export async function tryNfqueue(iptables: Iptables): Promise<string | null> {
  const chain = `shaper-probe-${process.pid}`;
  const rule = `${chain} -m mark --mark 0x1/0xff -m comment --comment shaper -j NFQUEUE --queue-num 0 --queue-bypass`;
  const rules = [`:${chain} - [0:0]`, `-A ${rule}`, `-D ${rule}`, `-X ${chain}`];
  const answers = await bothFamilies(iptables, ({ restore: restoreTool }) => restore(restoreTool, rules));
  const refusal = answers.find((answer) => answer.status !== 0);
  return refusal ? refusal.stdout + refusal.stderr : null;
}
