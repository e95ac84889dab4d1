/**
 * Runs the rules module in the network namespace it was started in. One JSON request per line on standard input:
 * {"call": name, "args": […]}; one JSON line each for answers ({"result"} or {"error"}) and for events ({"event"}).
 */
import { createInterface } from 'node:readline';
import {
  cleanLeftovers,
  findConflicts,
  type InstalledRules,
  installRules,
  probeBackend,
  RulesError,
} from '../../src/io/rules/index.ts';

const print = (line: object): boolean => process.stdout.write(`${JSON.stringify(line)}\n`);
const log = { warn: (message: string, fields?: object) => void print({ event: 'warn', message, ...fields }) };
let installed: InstalledRules | undefined;

const calls: Record<string, (...args: never[]) => Promise<unknown>> = {
  probe: probeBackend,
  conflicts: findConflicts,
  clean: cleanLeftovers,
  install: async (...[request, backend]: [Parameters<typeof installRules>[0], 'nft' | 'iptables']) => {
    installed = await installRules(request, backend, log);
    installed.onLost((reason) => void print({ event: 'lost', message: reason }));
  },
  stopMatching: async () => installed?.stopMatching(),
  remove: async () => installed?.remove(),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { call, args } = JSON.parse(line) as { call: string; args: never[] };
  try {
    print({ result: (await calls[call]?.(...args)) ?? null });
  } catch (error) {
    if (!(error instanceof RulesError)) throw error;
    print({ error: { code: error.code, message: error.message, hint: error.hint } });
  }
}
