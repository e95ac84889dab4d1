#!/usr/bin/env node
/** The program. The only file that may end the process. */
import { main } from './cli/main.ts';

const code = await main(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  isInteractive: process.stdout.isTTY === true,
  exitNow: (exitCode) => process.exit(exitCode),
});
process.exit(code);
