/** Runs a program of the user, without a shell. */
import { type ExecFileOptionsWithStringEncoding, execFile } from 'node:child_process';
import { printable } from '../../../base/printable.ts';
import { isSystemError, reasonOf } from '../../../base/system-error.ts';
import { type ViolationFacts, variablesOf, withWords, wordsOf } from './facts.ts';

/** Output beyond it ends the program. */
const OUTPUT_BYTES_MAX = 1 << 16;
/** Of its complaint so much is logged. */
const SHOWN_CHARS_MAX = 200;

const REASONS = { ENOENT: 'no such program', EACCES: 'not ours to run' };

/** Resolves when it has ended well. Rejects with an error that says why it has not. */
export function runProgram(
  argv: readonly string[],
  facts: ViolationFacts,
  limitMs: number,
  signal: AbortSignal,
): Promise<void> {
  const words = wordsOf(facts);
  const [program = '', ...args] = argv.map((argument) => withWords(argument, words));
  const options: ExecFileOptionsWithStringEncoding = {
    ...{ encoding: 'utf8', cwd: '/', env: { ...process.env, ...variablesOf(words) }, shell: false },
    ...{ timeout: limitMs, killSignal: 'SIGKILL', maxBuffer: OUTPUT_BYTES_MAX, signal },
  };
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, options, (error, _, complaint) => {
      if (error === null) resolve();
      else reject(new Error(`${program}: ${failureOf(error, limitMs)}${shown(complaint)}`));
    });
    child.stdin?.end();
  });
}

function failureOf(
  error: Error & { readonly killed?: boolean; readonly code?: unknown; readonly signal?: unknown },
  limitMs: number,
): string {
  if (error.name === 'AbortError') return 'the instance stopped first';
  if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return 'it wrote too much';
  if (error.killed) return `it did not end within ${limitMs / 1000} s, and was killed`;
  if (isSystemError(error)) return reasonOf(error, REASONS);
  return typeof error.signal === 'string' ? `ended by ${error.signal}` : `exit code ${String(error.code)}`;
}

function shown(complaint: string): string {
  const text = printable(complaint.trim().slice(0, SHOWN_CHARS_MAX));
  return text === '' ? '' : ` (${text})`;
}
