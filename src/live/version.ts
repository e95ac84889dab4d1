/** The version of the program. */
import { readFileSync } from 'node:fs';

/** src/live and dist/live are equally deep below the package. */
const PACKAGE = new URL('../../package.json', import.meta.url);

export function readVersion(): string {
  return (JSON.parse(readFileSync(PACKAGE, 'utf8')) as { version: string }).version;
}
