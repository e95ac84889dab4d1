/**
 * Rules of modules that the kernel runs: text of users, as statements of nft. They stand in a chain of the
 * module's own, and may not leave it but by its end, `return`, `drop` or `reject`.
 */
import { type ModuleHookPlan, planHooks } from '../../spec/module-hooks.ts';
import type { ModuleSpec } from '../../spec/modules.ts';
import type { QueuePlan } from '../../spec/queue-plan.ts';
import { RulesError, toolComplaint } from './errors.ts';
import { runTool } from './tool.ts';

/** nft bounds names of chains by 128 bytes, and a prefix of ours stands before the label. */
const LABEL = /^[A-Za-z0-9_-]{1,64}$/;
const LENGTH_MAX = 4096;

/** What makes the kernel track connections. */
const TRACKS = /\b(?:ct|synproxy|masquerade|snat|dnat|redirect)\b/;

/** Words with which a packet would leave the chain for somewhere else, and why they are refused. */
const ESCAPES: Readonly<Record<string, string>> = {
  accept: 'a packet goes on to modules and classes without it: leave it out, or use return',
  jump: 'there are no chains to jump to: write the rules one after the other',
  goto: 'there are no chains to go to: write the rules one after the other',
  queue: 'packets come to user space by modules with run: user',
};
/** At the beginning of a rule they would say where in the chain it stands. */
const PLACES = ['position', 'handle', 'index'];

/** Why the text is no rule that stays in its chain; null: it is one, or nft will say what is wrong. */
export function refusalOfText(text: string): string | null {
  if (text.trim() === '') return 'it is empty';
  if (text.length > LENGTH_MAX) return `it has more than ${LENGTH_MAX} characters`;
  // The session with nft reads lines of printable ASCII.
  const wrong = /[^\x20-\x7e]/.exec(text);
  if (wrong) return `character ${JSON.stringify(wrong[0])} cannot stand in a rule: one rule a line, in ASCII`;
  const bare = unquoted(text);
  if (bare === null) return 'a quotation mark is missing';
  const sign = /[;#\\]/.exec(bare);
  if (sign) return `${sign[0]} cannot stand outside quotation marks: write one rule for each statement`;
  if (depthOf(bare) !== 0) return 'a brace or a bracket is missing';
  const words = bare.split(/[^A-Za-z0-9_.@$-]+/).filter(Boolean);
  for (const word of words) {
    const reason = Object.hasOwn(ESCAPES, word) ? ESCAPES[word] : undefined;
    if (reason !== undefined) return `${word} cannot stand in a rule of a module: ${reason}`;
  }
  const [first = ''] = words;
  return PLACES.includes(first) ? `it begins with ${first}: rules stand in the order of the list` : null;
}

/** The text without what stands between quotation marks; null if one is missing. nft knows no escapes. */
function unquoted(text: string): string | null {
  const parts = text.split('"');
  return parts.length % 2 === 0 ? null : parts.filter((_, i) => i % 2 === 0).join('""');
}

/** Braces and brackets that are open at the end; not 0 as well if one was closed that was not open. */
function depthOf(text: string): number {
  let depth = 0;
  for (const sign of text) {
    if ('{(['.includes(sign)) depth++;
    else if ('})]'.includes(sign) && --depth < 0) return depth;
  }
  return depth;
}

/** @throws RulesError that says module, hook and rule */
export function checkTexts(hooks: readonly ModuleHookPlan[]): void {
  for (const { hook, kernel } of hooks) {
    for (const { name, rules } of kernel) {
      if (!LABEL.test(name))
        throw new RulesError('request', `${JSON.stringify(name)} is no label of a module`);
      for (const [i, text] of rules.entries()) {
        const refusal = refusalOfText(text);
        if (refusal !== null) throw refused({ name, hook, i, text }, refusal);
      }
    }
  }
}

interface RulePlace {
  readonly name: string;
  readonly hook: string;
  readonly i: number;
  readonly text: string;
}

function refused({ name, hook, i, text }: RulePlace, refusal: string): RulesError {
  const shown = JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);
  return new RulesError('request', `module ${name}, hook ${hook}, rule ${i + 1}, ${shown}: ${refusal}`);
}

/** Whether rules of modules track connections. */
export function kernelTracks({ moduleHooks = [] }: Pick<QueuePlan, 'moduleHooks'>): boolean {
  return moduleHooks.some(({ kernel }) =>
    kernel.some(({ rules }) => rules.some((text) => TRACKS.test(unquoted(text) ?? ''))),
  );
}

/**
 * Lets nft and the kernel try the rules in another network namespace, which ends with that. Here a trial with
 * chains in hooks, or one that tracks connections, would make the kernel drop every held packet. Where there
 * can be no other namespace nothing is tried, and the transaction that installs the rules says what is wrong.
 * @throws RulesError that says module, hook and rule
 */
export async function checkKernelRules({ moduleHooks = [] }: Pick<QueuePlan, 'moduleHooks'>): Promise<void> {
  checkTexts(moduleHooks);
  const lines = ['add table inet shaper_trial'];
  /** By line. */
  const places: (RulePlace | null)[] = [null];
  const append = (command: string, rule: RulePlace | null): void => {
    lines.push(command);
    places.push(rule);
  };
  for (const { hook, kernel } of moduleHooks) {
    for (const { name, rules } of kernel) {
      const chain = `inet shaper_trial ${hook}_${name}`;
      append(`add chain ${chain} { type filter hook ${hook} priority 0; policy accept; }`, null);
      for (const [i, text] of rules.entries()) append(`add rule ${chain} ${text}`, { name, hook, i, text });
    }
  }
  const complaint = lines.length === 1 ? null : await tryElsewhere(`${lines.join('\n')}\n`);
  if (complaint === null) return;
  const [, line = '', message = ''] = /^\S*?:(\d+):[\d-]+: Error: (.*)$/m.exec(complaint) ?? [];
  const place = places[Number(line) - 1];
  if (!place) throw new RulesError('failed', `checking rules of modules: ${toolComplaint(complaint)}`);
  // `iif` means a device by its number, and so only one that is there.
  const hint = message === 'Interface does not exist' ? '; iifname and oifname match names' : '';
  throw refused(place, `nft says: ${message}${hint}`);
}

/**
 * What is wrong with the rules of one kernel-run module; null: nothing, or nobody can be asked, such as
 * without nft. What the kernel refuses is not believed of a user who is not root.
 */
export async function kernelRuleFault(spec: ModuleSpec): Promise<string | null> {
  if (spec.run !== 'kernel') return null;
  try {
    await checkKernelRules({ moduleHooks: planHooks([spec]) });
    return null;
  } catch (error) {
    if (!(error instanceof RulesError)) throw error;
    const isOfKernel = error.message.includes('Could not process rule');
    const isBelieved = error.code === 'request' && (!isOfKernel || process.getuid?.() === 0);
    return isBelieved ? error.message : null;
  }
}

/** What nft says against these lines; null: nothing, or there can be no other namespace. */
async function tryElsewhere(text: string): Promise<string | null> {
  for (const options of ['-n', '-rn']) {
    const isPossible = await runTool('unshare', [options, 'true']).then(
      (tried) => tried.status === 0,
      () => false,
    );
    if (!isPossible) continue;
    const { status, stdout, stderr } = await runTool('unshare', [options, 'nft', '-f', '-'], text);
    return status === 0 ? null : stdout + stderr;
  }
  return null;
}
