/**
 * Comments at the entries that they stand above. The library gives the first comment of a map to the map, and
 * a comment behind a deeper one to the entry before. With its entry each of them moves, or goes.
 */
import { isCollection, isMap, isScalar, type Node, type Scalar, visit, type YAMLMap } from 'yaml';

/** Changes the nodes, and nothing of what they mean. */
export function settleComments(contents: Node | null, text: string): void {
  visit(contents, {
    Map: (_, map) => {
      if (map.flow) return;
      const [first] = map.items;
      if (map.commentBefore && isScalar(first?.key)) {
        prepend(first.key, map.commentBefore);
        map.commentBefore = null;
      }
      for (let i = 1; i < map.items.length; i++) settleAbove(map, i, text);
    },
  });
}

function prepend(key: Scalar, comment: string): void {
  key.commentBefore = key.commentBefore ? `${comment}\n${key.commentBefore}` : comment;
}

/** Gives a key the comment above it that the entry before has. */
function settleAbove(map: YAMLMap, i: number, text: string): void {
  const { key } = map.items[i]!;
  if (!isScalar(key) || key.commentBefore || !key.range) return;
  const above = commentAbove(text, key.range[0]);
  const holder = above === null ? null : holderOf(map.items[i - 1]!.value as Node | null, above.comment);
  if (above === null || holder === null) return;
  const rest = holder.comment!.slice(0, -above.comment.length).replace(/\n+$/, '');
  holder.comment = rest === '' ? null : rest;
  key.commentBefore = above.comment;
  key.spaceBefore = above.isApart;
}

/** The node at the end of a value whose comment ends with this one. */
function holderOf(value: Node | null, comment: string): Node | null {
  if (value?.comment?.endsWith(comment)) return value;
  if (!isCollection(value) || value.flow) return null;
  const last = value.items.at(-1);
  return holderOf(
    (isMap(value) ? (last as { value: Node | null } | undefined)?.value : (last as Node)) ?? null,
    comment,
  );
}

/** The comment lines right above a key, in its column, as the library has them. */
function commentAbove(
  text: string,
  offset: number,
): { readonly comment: string; readonly isApart: boolean } | null {
  let lineStart = text.lastIndexOf('\n', offset - 1) + 1;
  const margin = text.slice(lineStart, offset);
  const lines: string[] = [];
  while (lineStart > 0) {
    const above = text.lastIndexOf('\n', lineStart - 2) + 1;
    const line = text.slice(above, lineStart - 1).trimEnd();
    if (!line.startsWith(`${margin}#`)) {
      return lines.length > 0 ? { comment: lines.join('\n'), isApart: line === '' } : null;
    }
    lines.unshift(line.slice(margin.length + 1));
    lineStart = above;
  }
  return null;
}
