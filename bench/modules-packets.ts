/**
 * What a module with `payload` costs real packets: processor time of the packet thread per drained packet,
 * beside a C loop that has every packet copied whole, in turns within one run.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { queueRule, startContender, WHOLE_PROGRAM } from './contenders.ts';
import { drainInTurns, fillAndDrain, packetThreadNs, placeDrainer } from './drain.ts';
import { createLab } from './lab/lab.ts';
import { nativeProgram } from './lab/native.ts';
import { startShaper } from './lab/shaper.ts';
import { median } from './statistics.ts';
import { type Spread, spread } from './table.ts';

const MODULE = `
import { ACCEPT, DROP, defineModule } from 'nfqueue-shaper/module';
export default defineModule({
  label: 'reader', hooks: ['forward'], interest: { proto: 'udp' }, payload: true,
  create: () => ({ process: (p) => (p.bytes!.length > 0 ? ACCEPT : DROP) }),
});
`;
const LENGTH_BYTES = 1000;
const C_QUEUE = 60;

export interface PayloadCost {
  readonly loop: Spread;
  readonly module: Spread;
  /** The median of the ratios of pairs. */
  readonly ratio: number;
}

export interface PayloadPlan {
  /** Of a fill. */
  readonly packets: number;
  readonly warmups: number;
  readonly rounds: number;
}

export async function measurePayload({ packets, warmups, rounds }: PayloadPlan): Promise<PayloadCost> {
  const [lab, other] = [await createLab(), await createLab()];
  try {
    const acceptall = await nativeProgram('acceptall');
    const { port, queue, config } = WHOLE_PROGRAM;
    await queueRule(other, { protocol: 'udp', port }, C_QUEUE);
    const loop = await startContender(other, [acceptall, '--queue', String(C_QUEUE), '--copy', '65535']);
    const file = join(lab.folder, 'reader.ts');
    writeFileSync(file, MODULE);
    const shaper = await startShaper(lab, `${config}modules: [{ use: ${file} }]\n`, { entry: 'dist' });
    for (const { server } of [lab, other])
      await server.exec(['iptables', '-A', 'INPUT', '-p', 'udp', '-j', 'DROP']);
    await placeDrainer(loop.pid!);
    await placeDrainer(shaper.child.pid!);
    const fill = { packets, flows: 1000, lengthBytes: LENGTH_BYTES, port };
    // Modules have the NFQUEUE behind those of classes, of which there is one.
    const drainers = [
      { drain: () => fillAndDrain(other, loop, C_QUEUE, fill) },
      { drain: () => fillAndDrain(lab, shaper.child, queue + 1, fill, packetThreadNs) },
    ];
    await drainInTurns(drainers, warmups, ({ drain }) => drain());
    const found = await drainInTurns(drainers, rounds, ({ drain }) => drain());
    const [ofLoop, ofModule] = drainers.map((one) => found.get(one)!.map(({ cpuNsPerPacket: ns }) => ns));
    const ratio = median(ofModule!.map((ns, round) => ns / ofLoop![round]!));
    return { loop: spread(ofLoop!), module: spread(ofModule!), ratio };
  } finally {
    await lab.close();
    await other.close();
  }
}
