/**
 * Runs one scenario for native.test.ts, in a process of its own inside a fresh network namespace: `node
 * native-scenarios.js NAME`, compiled, prints its result as JSON.
 */

import { changeScenarios } from './native-changes.ts';
import { editScenarios } from './native-edits.ts';
import { hostileScenarios } from './native-hostile.ts';
import { hostScenarios } from './native-hosts.ts';
import { lifecycleScenarios } from './native-lifecycle.ts';
import { packetScenarios } from './native-packets.ts';
import { socketScenarios } from './native-sockets.ts';

const scenarios = {
  ...packetScenarios,
  ...editScenarios,
  ...lifecycleScenarios,
  ...changeScenarios,
  ...hostileScenarios,
  ...hostScenarios,
  ...socketScenarios,
};
const name = process.argv[2] ?? '';
const scenario = scenarios[name];
if (!scenario) throw new Error(`no scenario ${name}`);
console.log(JSON.stringify(await scenario()));
// What a scenario left open must not hide behind a hanging process: say it and leave.
setTimeout(() => {
  process.stderr.write(`still open: ${process.getActiveResourcesInfo().join(' ')}\n`);
  process.exit(9);
}, 20_000).unref();
