/** Whether it is an error of the operating system: its `code` is the name of the errno. */
export function isSystemError(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Error && 'code' in error && typeof error.code === 'string';
}

const WORDS: Readonly<Record<string, string>> = {
  EISDIR: 'a folder, not a file',
  EROFS: 'the file system is read-only',
  EMFILE: 'too many files are open here: raise the limit (ulimit -n 1024, or LimitNOFILE= of systemd)',
};

/**
 * Why a call failed. An errno is given in words if `words` (first) or the common list has some for it, else
 * by its name; any other error by its message.
 */
export function reasonOf(error: unknown, words: Readonly<Record<string, string>> = {}): string {
  const code = isSystemError(error) ? error.code : error instanceof Error ? error.message : String(error);
  return words[code] ?? WORDS[code] ?? code;
}
