import { readFileSync } from 'node:fs';

/** src/cli and dist/cli are equally deep below the package. */
const PACKAGE = new URL('../../package.json', import.meta.url);

export function readVersion(): string {
  return (JSON.parse(readFileSync(PACKAGE, 'utf8')) as { version: string }).version;
}
