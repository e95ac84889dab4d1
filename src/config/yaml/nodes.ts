/** Nodes of a YAML document: their place, their text, what aliases stand for. */
import { type Alias, isMap, isScalar, isSeq, type Node, visit } from 'yaml';

/**
 * What each alias in a tree stands for; undefined without an anchor before it. In one pass: the library
 * searches the document from its start for every alias.
 */
export function resolveAliases(contents: Node | null): Map<Alias, Node | undefined> {
  const anchors = new Map<string, Node>();
  const targets = new Map<Alias, Node | undefined>();
  visit(contents, {
    Alias: (_, alias) => void targets.set(alias, anchors.get(alias.source)),
    Value: (_, node) => void (node.anchor && anchors.set(node.anchor, node)),
  });
  return targets;
}

export function offsetOf(at: Node | null): number {
  return at?.range?.[0] ?? 0;
}

/**
 * The text of a scalar: as written for numbers and booleans (0x10 stays
 * 0x10), the content for strings. null for structures and empty values.
 */
export function scalarText(at: Node | null): string | null {
  if (!isScalar(at) || isEmptyScalar(at)) return null;
  return typeof at.value === 'string' ? at.value : (at.source ?? String(at.value));
}

export function isEmptyScalar(at: Node): boolean {
  return isScalar(at) && at.value === null;
}

export function describe(at: Node): string {
  if (isMap(at)) return 'a map';
  if (isSeq(at)) return 'a list';
  return `'${scalarText(at) ?? ''}'`;
}
