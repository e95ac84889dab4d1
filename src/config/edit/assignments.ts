/** KEY=VALUE arguments of commands as one merge patch. */
import { type Alias, type Node, parseDocument, visit } from 'yaml';
import { ConfigEditError, type EditProblem } from '../tree/error.ts';
import { asValue, isPatch, type MergePatch, type Value } from '../yaml/values.ts';

/** Keys as in YAML, dotted below the class. */
const KEY = /^[a-zA-Z]\w*(?:\.[a-zA-Z]\w*)*$/;

/**
 * `ceil=5mbit`, `queue.aqm.red.max=90kB`, `police=null`, `match={ proto: udp, dport: 53 }`: a value is one
 * line of YAML. Throws ConfigEditError, which names every argument that is wrong.
 */
export function parseAssignments(args: readonly string[]): MergePatch {
  const problems: EditProblem[] = [];
  const patch: Patch = {};
  for (const arg of args) {
    const fault = assign(patch, arg);
    if (fault !== null) problems.push({ where: arg, message: `${arg}: ${fault}` });
  }
  if (problems.length > 0)
    throw new ConfigEditError('refused', problems, 'write KEY=VALUE, such as ceil=5mbit');
  return patch;
}

type Patch = { [key: string]: Value };

/** Says what is wrong with the argument; null if it is in the patch. */
function assign(patch: Patch, arg: string): string | null {
  const at = arg.indexOf('=');
  if (at < 0) return 'there is no =';
  const key = arg.slice(0, at);
  if (!KEY.test(key)) return `'${key}' is not a key; keys are words, dotted below the class`;
  const read = readValue(arg.slice(at + 1));
  if ('fault' in read) return read.fault;
  const keys = key.split('.');
  const last = keys.pop()!;
  let inner = patch;
  for (const [depth, name] of keys.entries()) {
    inner[name] ??= {};
    const next = inner[name]!;
    if (!isPatch(next)) return `${keys.slice(0, depth + 1).join('.')} has a value already`;
    inner = next as Patch;
  }
  if (Object.hasOwn(inner, last)) return `${key} has a value already`;
  inner[last] = read.value;
  return null;
}

function readValue(text: string): { readonly value: Value } | { readonly fault: string } {
  if (text.trim() === '') return { fault: 'there is no value; null removes the key' };
  const document = parseDocument(text, { prettyErrors: false, version: '1.2' });
  const [error] = [...document.errors, ...document.warnings];
  if (error) return { fault: `not a value as in YAML: ${error.message}` };
  const aliases: Alias[] = [];
  visit(document, { Alias: (_, alias) => void aliases.push(alias) });
  if (aliases.length > 0) return { fault: 'a value here has no anchors' };
  return { value: asValue(document.contents as Node | null) };
}
