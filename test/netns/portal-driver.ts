/** Serves the page in the network namespace it was started in: a JSON request a line, as rules-driver.ts. */
import { createInterface } from 'node:readline';
import { type Portal, type PortalOptions, startPortal } from '../../src/portal/portal.ts';

const print = (line: object): boolean => process.stdout.write(`${JSON.stringify(line)}\n`);
let portal: Portal | undefined;

const calls: Record<string, (...args: never[]) => unknown> = {
  start: (...[page]: [PortalOptions['page']]) => {
    portal = startPortal({
      page,
      onAllowed: (addresses) => void print({ event: 'allowed', message: addresses.join(' ') }),
      log: (_, message, fields) => void print({ event: 'log', message, ...fields }),
    });
  },
  setHosts: (...[hosts]: [Parameters<Portal['setHosts']>[0]]) => portal?.setHosts(hosts),
  close: () => portal?.close(),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { call, args } = JSON.parse(line) as { call: string; args: never[] };
  print({ result: (await calls[call]?.(...args)) ?? null });
}
