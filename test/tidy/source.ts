/** Source files as the tidy checks see them: text, code without comments, code without strings either. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';

export interface SourceFile {
  /** From the repository's root, with forward slashes. */
  readonly path: string;
  readonly text: string;
  /** Comments blanked out, lines kept. */
  readonly code: string;
  /** Contents of strings, templates' texts and regular expressions blanked out too. */
  readonly bare: string;
}

export const ROOT = join(import.meta.dirname, '../..');
const FOLDERS = ['src', 'test', 'bench', 'native', 'scripts'];
const NOT_OURS = /(^|\/)(build|results|node_modules)\//;
/** Everything that people read besides sources. */
export const DOCUMENTS: readonly string[] = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const EXTENSIONS = /\.(ts|cc|c|h|sh)$/;

export function sourceFile(path: string, text: string): SourceFile {
  const isShell = path.endsWith('.sh');
  return {
    path,
    text,
    code: isShell ? text : blank(text, { strings: false }),
    bare: isShell ? text : blank(text, { strings: true }),
  };
}

export function readSources(): SourceFile[] {
  const paths = FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((name) =>
      posix.join(folder, name),
    ),
  );
  return paths
    .filter((path) => EXTENSIONS.test(path) && !NOT_OURS.test(path))
    .sort()
    .map((path) => sourceFile(path, readFileSync(join(ROOT, path), 'utf8')));
}

/** A slash after one of these, or after nothing, starts a regular expression. */
const BEFORE_REGEX =
  /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|do|else|await|yield|throw))$/;
const TOKEN = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|[`/{}]/g;

/**
 * Replaces comments, and on demand the contents of strings, by spaces. Understands enough of the language for
 * that: nested templates, and regular expressions by what stands before them.
 */
export function blank(text: string, { strings }: { strings: boolean }): string {
  let out = '';
  let at = 0;
  /** Depths of braces at which a template's `${` must be closed. */
  const templates: number[] = [];
  let depth = 0;
  const spaces = (part: string): string => part.replace(/[^\n]/g, ' ');
  const hidden = (part: string): string =>
    strings && part.length > 1 ? part[0] + spaces(part.slice(1, -1)) + part.at(-1) : part;
  /** Copies a template's text from `from` to its end or its next `${`. */
  const templateText = (from: number): number => {
    const match = /(?:\\[\s\S]|\$(?!\{)|[^\\`$])*(?:`|\$\{|$)/y;
    match.lastIndex = from;
    const part = match.exec(text)?.[0] ?? '';
    const opens = part.endsWith('${');
    const end = opens ? 2 : 1;
    out += strings ? spaces(part.slice(0, -end)) + part.slice(-end) : part;
    if (opens) templates.push(depth++);
    return from + part.length;
  };
  while (at < text.length) {
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(text);
    if (!found) break;
    out += text.slice(at, found.index);
    const token = found[0];
    at = found.index + token.length;
    if (token.startsWith('//') || token.startsWith('/*')) out += spaces(token);
    else if (token.length > 1) out += hidden(token);
    else if (token === '`') {
      out += token;
      at = templateText(at);
    } else if (token === '/' && BEFORE_REGEX.test(out.trimEnd())) {
      const regex = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\//y;
      regex.lastIndex = found.index;
      const whole = regex.exec(text)?.[0] ?? token;
      out += hidden(whole);
      at = found.index + whole.length;
    } else {
      out += token;
      if (token === '{') depth++;
      if (token === '}' && templates.at(-1) === --depth) {
        templates.pop();
        at = templateText(at);
      }
    }
  }
  return out + text.slice(at);
}
