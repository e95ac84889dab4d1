/** The text of a configuration as a tree of nodes, each of which knows its place. */
import { type Document, LineCounter, type Node, parseDocument } from 'yaml';
import { CONFIG_BYTES_MAX } from '../../limits.ts';

/** A place in a text, and what is wrong there. */
export interface Fault {
  readonly offset: number;
  readonly message: string;
}

/** A tree that can be read. Edited trees share the nodes that stay as they are with the tree before. */
export interface YamlSource {
  readonly file: string;
  /** Lines of the text from which the tree was parsed. */
  readonly lines: LineCounter;
  readonly contents: Node | null;
  readonly isWellFormed: boolean;
  readonly faults: readonly Fault[];
  /** Without aliases nobody needs to look for anchors. */
  readonly hasAliases: boolean;
}

export interface ParsedYaml {
  readonly source: YamlSource;
  readonly document: Document;
}

const NESTED_TOO_DEEPLY = 'the file is nested too deeply';
/** A hundred block entries inside each other on one line. A hundred thousand end the process. */
const TOO_DEEP = /^[ \t]*(?:[-?:][ \t]+){100}/m;

export function parseYaml(text: string, file: string): ParsedYaml {
  const lines = new LineCounter();
  const isTooLong = text.length > CONFIG_BYTES_MAX;
  const isTooDeep = TOO_DEEP.test(text);
  // The library compares every key with every other one of its map: 90,000 keys take minutes.
  const options = { lineCounter: lines, prettyErrors: false, uniqueKeys: false };
  const document = parseDocument(isTooLong || isTooDeep ? '' : text, options);
  const faults: Fault[] = [];
  if (isTooLong) faults.push({ offset: 0, message: `the file is longer than ${CONFIG_BYTES_MAX} bytes` });
  else if (isTooDeep) faults.push({ offset: 0, message: NESTED_TOO_DEEPLY });
  for (const { pos, code, message } of [...document.errors, ...document.warnings])
    faults.push({ offset: pos[0], message: yamlFault(code, message) });
  const source = {
    file,
    lines,
    contents: document.contents,
    isWellFormed: document.errors.length === 0,
    faults,
    hasAliases: text.includes('*'),
  };
  return { source, document };
}

function yamlFault(code: string, message: string): string {
  if (code === 'MULTIPLE_DOCS') return 'a file holds one document; remove the second (after ---)';
  if (code === 'RESOURCE_EXHAUSTION') return NESTED_TOO_DEEPLY;
  return `not well-formed YAML: ${message}`;
}
