/**
 * Seven network namespaces for itm-route. Every machine has one address, and one device per neighbour, named
 * after it, as `to-n1`:
 *
 *          n1
 *        / n2 \          A 10.70.0.1     n1 .. n3 10.70.0.11 .. 13
 *     A -- n3 -- D       D 10.70.0.9, and 10.9.0.1 behind it
 *      \__ r __/         r 10.70.0.20: the direct way
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { nativeProgram } from '../../../bench/lab/native.ts';
import { CaptureCursor } from '../../../src/sim/capture/capture.ts';
import { CARRIES_IP } from '../../../src/sim/capture/links.ts';
import { readAtOf } from '../../../src/sim/capture/window.ts';
import { type Addresses, createHosts, finish, type Host, type Hosts, run } from '../harness.ts';

export const A = '10.70.0.1';
export const D = '10.70.0.9';
export const BEHIND_D = '10.9.0.1';
export const N = ['10.70.0.11', '10.70.0.12', '10.70.0.13'] as const;
const R = '10.70.0.20';
const FRAME_BYTES = 160;

const ADDRESSES = { a: A, d: D, n1: N[0], n2: N[1], n3: N[2], r: R } as const;
export type Name = keyof typeof ADDRESSES;
const BETWEEN: readonly Name[] = ['n1', 'n2', 'n3', 'r'];

export interface OverlayBed extends Hosts<Name> {
  /** IP packets that pass `device` of a host, their first bytes, until the returned function is called. */
  capture(host: Name, device: string): Promise<() => Promise<Uint8Array[]>>;
}

export async function createOverlay(): Promise<OverlayBed> {
  const own = (name: Name): Addresses => ({ v4: ADDRESSES[name], v6: '' });
  const names = Object.keys(ADDRESSES) as Name[];
  const addresses = Object.fromEntries(names.map((name) => [name, own(name)]));
  const bed = await createHosts(addresses as Record<Name, Addresses>);
  try {
    await build(bed);
  } catch (error) {
    await bed.close();
    throw error;
  }
  return { ...bed, capture: (host, device) => capture(bed.hosts[host], device, bed.folder) };
}

async function build({ hosts }: Hosts<Name>): Promise<void> {
  const links = BETWEEN.flatMap((one) =>
    (['a', 'd'] as const).map(
      (at) => `link add to-${one} netns ${hosts[at].ns} type veth peer name to-${at} netns ${hosts[one].ns}`,
    ),
  );
  await run(['ip', '-batch', '-'], { input: links.join('\n') });
  const inside = (name: Name, lines: readonly string[]): Promise<unknown> =>
    run(['ip', '-n', hosts[name].ns, '-batch', '-'], {
      input: ['link set lo up', `addr add ${ADDRESSES[name]}/32 dev lo`, ...lines].join('\n'),
    });
  const middle = (name: Name): Promise<unknown> =>
    inside(name, [
      'link set to-a up',
      'link set to-d up',
      `route add ${A} dev to-a src ${ADDRESSES[name]}`,
      `route add ${D} dev to-d src ${ADDRESSES[name]}`,
      `route add 10.9.0.0/16 via ${D} dev to-d onlink`,
    ]);
  const end = (name: 'a' | 'd', other: string, more: readonly string[]): Promise<unknown> =>
    inside(name, [
      ...BETWEEN.flatMap((one) => [
        `link set to-${one} up`,
        `route add ${ADDRESSES[one]} dev to-${one} src ${ADDRESSES[name]}`,
      ]),
      `route add ${other} via ${R} dev to-r onlink src ${ADDRESSES[name]}`,
      ...more,
    ]);
  await Promise.all([
    ...BETWEEN.map(middle),
    end('a', D, [`route add 10.9.0.0/16 via ${R} dev to-r onlink src ${A}`]),
    end('d', A, [`addr add ${BEHIND_D}/16 dev lo`]),
  ]);
  const forward = [...BETWEEN, 'a', 'd'] as Name[];
  await Promise.all(forward.map((name) => hosts[name].exec(['sysctl', '-q', '-w', 'net.ipv4.ip_forward=1'])));
  await hosts.a.exec(['ping', '-c', '1', '-W', '20', BEHIND_D]);
}

async function capture(host: Host, device: string, folder: string): Promise<() => Promise<Uint8Array[]>> {
  const file = join(folder, `${host.name}-${device}.pcap`);
  const child = host.spawn([await nativeProgram('capture'), device, file, String(FRAME_BYTES)]);
  const report = finish(child, 120_000);
  report.catch(() => undefined); // awaited below
  await Promise.race([new Promise((resolve) => child.stdout?.once('data', resolve)), report]);
  return async () => {
    child.kill('SIGTERM');
    const { code, stderr } = await report;
    if (code !== 0) throw new Error(`capture of ${device}: exit ${code}\n${stderr}`);
    return packetsOf(readFileSync(file));
  };
}

function packetsOf(file: Uint8Array): Uint8Array[] {
  const cursor = new CaptureCursor(readAtOf(file));
  const packets: Uint8Array[] = [];
  while (cursor.next()) {
    if (cursor.carries !== CARRIES_IP) continue;
    packets.push(cursor.bytes.slice(cursor.offset, cursor.offset + cursor.capturedBytes));
  }
  return packets;
}
