/** An error of the operating system: `code` is the name of the errno. */
export function isSystemError(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Error && 'code' in error && typeof error.code === 'string';
}

const WORDS: Readonly<Record<string, string>> = { EISDIR: 'a folder, not a file' };

/** Why a call failed: in words where it has some, `words` first, else the name of the errno or the message. */
export function reasonOf(error: unknown, words: Readonly<Record<string, string>> = {}): string {
  const code = isSystemError(error) ? error.code : error instanceof Error ? error.message : String(error);
  return words[code] ?? WORDS[code] ?? code;
}
