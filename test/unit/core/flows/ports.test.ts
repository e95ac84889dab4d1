/** By which devices a packet is classified that br_netfilter shows with the ports of its bridge. */
import { expect, it } from 'vitest';
import { ShownPorts } from '../../../../src/core/flows/ports.ts';
import { createBatch } from '../../../../src/packet/batch.ts';

const BRIDGE = 9;
const SHAPED = 3;
const OTHER = 4;
const WAN = 5;

it.each<[what: string, row: Record<string, number>, shown: [number, number]]>([
  [
    'a packet that is switched shows both ports, shaped or not',
    { ifIndexIn: BRIDGE, ifIndexOut: BRIDGE, portIn: OTHER, portOut: SHAPED },
    [OTHER, SHAPED],
  ],
  [
    'a packet that is routed on shows the shaped port by which it came',
    { ifIndexIn: BRIDGE, ifIndexOut: WAN, portIn: SHAPED },
    [SHAPED, WAN],
  ],
  [
    'by another port it shows the bridge, which may be a device as well',
    { ifIndexIn: BRIDGE, ifIndexOut: WAN, portIn: OTHER },
    [BRIDGE, WAN],
  ],
  ['a packet that crosses no bridge', { ifIndexIn: WAN, ifIndexOut: BRIDGE }, [WAN, BRIDGE]],
  ['what a hairpin sends back', { portIn: SHAPED, portOut: SHAPED }, [SHAPED, SHAPED]],
])('%s', (_, row, shown) => {
  const { arrivals } = createBatch();
  for (const p of [0, 7])
    for (const [name, value] of Object.entries(row)) arrivals[name as keyof typeof arrivals][p] = value;
  const ports = new ShownPorts();
  ports.show(arrivals, 8, (ifIndex) => ifIndex === SHAPED);
  for (const p of [0, 7]) expect([ports.ifIndexIn[p], ports.ifIndexOut[p]]).toEqual(shown);
});
