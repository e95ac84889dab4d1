/** From a module and the values of its options to what rules and the core are told of it. */
import { EXIT_USAGE, OperatingError } from '../../base/errors.ts';
import type { Hook } from '../../modules/api/packet.ts';
import { type AnyModule, HOOKS } from '../../modules/definition.ts';
import type { ModuleSpec, ModuleUse } from '../../spec/modules.ts';
import { type InterestContext, readInterest } from './interest.ts';
import type { OptionValue } from './options.ts';

/** Every fault is a line of the message. */
export class ModuleSpecError extends OperatingError {
  override readonly name = 'ModuleSpecError';
  readonly faults: readonly string[];

  constructor(label: string, faults: readonly string[]) {
    super(EXIT_USAGE, faults.map((fault) => `${label}: ${fault}`).join('\n'));
    this.faults = faults;
  }
}

/**
 * Calls `interest` and `kernel` of the module, whose errors come out as they are. `name` is its label in this
 * instance. @throws ModuleSpecError with all that they return and that is no matcher or no rule
 */
export function moduleSpecOf(
  definition: AnyModule,
  name: string,
  { run, priority }: Pick<ModuleUse, 'run' | 'priority'>,
  options: Readonly<Record<string, OptionValue>>,
  context: InterestContext,
): ModuleSpec {
  const form = run ?? (definition.create ? 'user' : 'kernel');
  const needed = form === 'user' ? 'create' : 'kernel';
  if (!definition[needed])
    throw new ModuleSpecError(name, [`it has no ${form}-run form: ${needed}() is not there`]);
  const { interest } = definition;
  const { matchers, faults } = readInterest(
    typeof interest === 'function' ? interest(options) : interest,
    context,
  );
  const rules = form === 'kernel' ? readRules(definition, options) : { kernelRules: {}, faults: [] };
  const all = [...faults, ...rules.faults, ...markFaults(rules.kernelRules, context.ownMarkMask)];
  if (all.length > 0) throw new ModuleSpecError(name, all);
  return {
    ...{ name, run: form, priority, interest: matchers, kernelRules: rules.kernelRules },
    hooks: HOOKS.filter((hook) => definition.hooks.includes(hook)),
    payload: definition.payload ?? false,
  };
}

interface ReadRules {
  readonly kernelRules: Partial<Record<Hook, readonly string[]>>;
  readonly faults: readonly string[];
}

/** Only their shape: nft itself checks what they say. */
function readRules(definition: AnyModule, options: Readonly<Record<string, OptionValue>>): ReadRules {
  const returned: unknown = definition.kernel?.(options);
  if (typeof returned !== 'object' || returned === null || Array.isArray(returned))
    return { kernelRules: {}, faults: ['kernel() must return an object: lists of rules by hook'] };
  const kernelRules: Partial<Record<Hook, readonly string[]>> = {};
  const faults: string[] = [];
  for (const [hook, rules] of Object.entries(returned)) {
    if (!definition.hooks.includes(hook as Hook))
      faults.push(`kernel() returns rules for ${hook}, which hooks does not name`);
    else if (!Array.isArray(rules) || !rules.every(isRule))
      faults.push(`kernel() must return a list of rules for ${hook}, each a text of one line`);
    else kernelRules[hook as Hook] = rules;
  }
  return { kernelRules, faults };
}

function isRule(rule: unknown): boolean {
  return typeof rule === 'string' && rule.trim() !== '' && !/[\n\r\0]/.test(rule);
}

/** `meta mark set` and what is computed for it. The mark of a connection is none of ours to say. */
const SET =
  /(?<!\bct\s+)\bmark\s+set\s+((?:[\s()|^&]|\b(?:meta|ct|mark|or|xor|and|0x[\da-f]+|\d+)\b|<<|>>)+)/gi;
const NUMBER = /(&|\band)?\s*\b(0x[\da-f]+|\d+)\b/gi;

/** Rules that write bits of the mark which are ours, and are cleared behind modules. 0: nobody knows them. */
function markFaults(rules: ReadRules['kernelRules'], ownMarkMask: number): string[] {
  return Object.entries(rules).flatMap(([hook, texts]) =>
    texts.flatMap((text, i) => {
      const written = [...text.matchAll(SET)].reduce((bits, [, value]) => bits | bitsOf(value!), 0);
      if ((written & ownMarkMask) === 0) return [];
      const [mark, mask] = [written, ownMarkMask].map((bits) => `0x${(bits >>> 0).toString(16)}`);
      return [
        `kernel(): rule ${i + 1} at ${hook} writes mark ${mark}, which has bits of the shaper's own mask ${mask} (nfqueue.mark): they are cleared behind it; write others`,
      ];
    }),
  );
}

/** The bits that an expression sets: those of its numbers, but for masks. Shifts are not understood. */
function bitsOf(expression: string): number {
  if (/<<|>>/.test(expression)) return 0;
  return [...expression.matchAll(NUMBER)].reduce(
    (bits, [, before, number]) => (before === undefined ? bits | Number(number) : bits),
    0,
  );
}
