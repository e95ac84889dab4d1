/** Reads the files of the page: certificate, key, text and style. It does without those that are missing. */
import { readFileSync, statSync } from 'node:fs';
import { isSystemError, reasonOf } from '../base/system-error.ts';
import type { PageFiles } from './messages.ts';
import { STYLE } from './style.ts';
import { TEXT } from './text.ts';

/** Every stopped host gets them with each answer. */
const FILE_BYTES_MAX = 65_536;

/** In PEM. */
export interface PageTls {
  readonly cert: string;
  readonly key: string;
}

export interface ReadFiles {
  /** null: no API of RFC 8908. */
  readonly tls: PageTls | null;
  readonly text: string;
  readonly style: string;
}

export interface FilesRead {
  readonly files: ReadFiles;
  /** What is in the way of a file, one line each. */
  readonly complaints: readonly string[];
}

/** Never throws: what cannot be read is ours, or is left out, and there is a complaint. */
export function readFiles({ certFile, keyFile, textFile, styleFile }: PageFiles): FilesRead {
  const complaints: string[] = [];
  const read = (file: string | null, instead: string): string | null => {
    if (file === null) return null;
    try {
      if (statSync(file).size > FILE_BYTES_MAX) throw new Error(`it is longer than ${FILE_BYTES_MAX} bytes`);
      return readFileSync(file, 'utf8');
    } catch (error) {
      complaints.push(`cannot read ${file}: ${reasonOf(error)}; ${instead}`);
      if (!isSystemError(error) && !(error instanceof Error)) throw error;
      return null;
    }
  };
  const without = 'there is no API of RFC 8908';
  const cert = read(certFile, without);
  const key = read(keyFile, without);
  const text = read(textFile, 'the page has our text') ?? TEXT;
  let style = read(styleFile, 'the page has our style') ?? STYLE;
  // It stands inside an element of the page.
  if (/<\/style/i.test(style)) {
    complaints.push(`${styleFile} has the end of a style element in it; the page has our style`);
    style = STYLE;
  }
  return { files: { tls: cert !== null && key !== null ? { cert, key } : null, text, style }, complaints };
}
