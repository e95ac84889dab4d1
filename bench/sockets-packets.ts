/**
 * What a new flow of this machine costs the packet thread, in the whole program: a process opens 1000 flows a
 * second, with one packet each, and is attached to a class or not, in turns.
 */
import { fileURLToPath } from 'node:url';
import { packetThreadNs, placeDrainer } from './drain.ts';
import { createLab } from './lab/lab.ts';
import { sleep } from './lab/process.ts';
import { type RunningShaper, startShaper } from './lab/shaper.ts';
import { median } from './statistics.ts';
import { type Spread, spread } from './table.ts';

const PEER = fileURLToPath(new URL('lab/flow-maker.ts', import.meta.url));
const FLOWS_PER_SEC = 1000;

const CONFIG = `
links:
  wan:
    device: eth0
    up:
      rate: 1gbit
      classes:
        mine: { match: none }
        default: {}
nfqueue: { first: 100 }
`;

export interface PacketCost {
  readonly alone: Spread;
  readonly attached: Spread;
  /** What a flow costs more with the attachment, the median of pairs. */
  readonly differenceUs: number;
}

async function command(shaper: RunningShaper, ...words: string[]): Promise<void> {
  const { code, stderr } = await shaper.cli([...words, '--socket', shaper.socketPath]);
  if (code !== 0) throw new Error(`${words.join(' ')}: ${stderr}`);
}

export async function measureFlows(quick: boolean): Promise<PacketCost> {
  const rounds = quick ? 1 : 8;
  const seconds = quick ? 1 : 4;
  const lab = await createLab();
  try {
    const shaper = await startShaper(lab, CONFIG, { host: lab.client, entry: 'dist' });
    await placeDrainer(shaper.child.pid!);
    const { v4 } = lab.server.addresses;
    const maker = lab.client.spawn([
      ...['taskset', '-c', '0', process.execPath, '--import', 'tsx', PEER, v4, String(FLOWS_PER_SEC)],
    ]);
    maker.stderr?.pipe(process.stderr);
    await new Promise((resolve) => maker.stdout?.once('data', resolve));
    const measure = async (): Promise<number> => {
      await sleep(500);
      const before = { cpuNs: packetThreadNs(shaper.pid), status: await shaper.status() };
      await sleep(1000 * seconds);
      const after = { cpuNs: packetThreadNs(shaper.pid), status: await shaper.status() };
      const flows = after.status.totals.received.packets - before.status.totals.received.packets;
      return (after.cpuNs - before.cpuNs) / flows / 1000;
    };
    const alone: number[] = [];
    const attached: number[] = [];
    for (let round = 0; round < rounds; round++) {
      alone.push(await measure());
      await command(shaper, 'attach', `pid:${maker.pid}`, 'wan/up/mine');
      attached.push(await measure());
      await command(shaper, 'detach', `pid:${maker.pid}`);
    }
    const differenceUs = median(attached.map((us, round) => us - alone[round]!));
    return { alone: spread(alone), attached: spread(attached), differenceUs };
  } finally {
    await lab.close();
  }
}
