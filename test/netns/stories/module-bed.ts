/** Module files of a test, and the commands about them. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { ModuleReport } from '../../../src/control/modules.ts';
import type { Host, Lab, RunningShaper } from '../harness.ts';

/** Writes a module: the body of its definition. Returns the path of the file. */
export function moduleFile(lab: Lab, name: string, body: string, before = ''): string {
  const file = join(lab.folder, `${name}.ts`);
  writeFileSync(
    file,
    `import { ACCEPT, defineModule, DROP, STOLEN, type Handle, type Packet } from 'nfqueue-shaper/module';
${before}
export default defineModule({ label: '${name}', ${body} });
void [ACCEPT, DROP, STOLEN];
`,
  );
  return file;
}

/** `shaper module …`, which must succeed. Returns what it prints. */
export async function moduleCommand(shaper: RunningShaper, ...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await shaper.cli(['module', ...words, '--socket', shaper.socketPath]);
  expect(code, stderr).toBe(0);
  return stdout;
}

export async function modules(shaper: RunningShaper): Promise<readonly ModuleReport[]> {
  return JSON.parse(await moduleCommand(shaper, 'list', '--json')) as ModuleReport[];
}

export async function moduleOf(shaper: RunningShaper, label: string): Promise<ModuleReport> {
  return JSON.parse(await moduleCommand(shaper, 'stat', label, '--json')) as ModuleReport;
}

/** Counts UDP packets that arrive at a host, by port and DSCP. */
export async function countUdp(host: Host, ports: readonly number[], dscp: number): Promise<void> {
  const rules = ports.flatMap((port) => [
    `add rule inet arrived c udp dport ${port} counter`,
    `add rule inet arrived c udp dport ${port} ip dscp ${dscp} counter`,
  ]);
  const chain = 'add chain inet arrived c { type filter hook input priority 0; }';
  await host.exec(['nft', '-f', '-'], {
    input: ['add table inet arrived', chain, ...rules, ''].join('\n'),
  });
}

/** What has arrived: packets of each rule of countUdp(), in its order. */
export async function arrived(host: Host): Promise<number[]> {
  const { stdout } = await host.exec(['nft', '-j', 'list', 'table', 'inet', 'arrived']);
  const { nftables } = JSON.parse(stdout) as {
    nftables: { rule?: { expr: { counter?: { packets: number } }[] } }[];
  };
  return nftables.flatMap(({ rule }) =>
    (rule?.expr ?? []).flatMap(({ counter }) => (counter ? [counter.packets] : [])),
  );
}
