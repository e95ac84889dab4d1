/** What a line below IP adds to a packet: presets by name, and the length that is charged. */
import type { LinkLayerSpec } from '../core/spec.ts';

const CELL_BYTES = 53;
const CELL_PAYLOAD_BYTES = 48;
/** PTM sends a control byte with every 64 (the careful reading of 64/65, as CAKE has it). */
const PTM_BLOCK_BYTES = 64;

/** What each link has that says nothing else. */
export const RAW: LinkLayerSpec = { overheadBytes: 0, mpuBytes: 0, framing: 'none' };

const layer = (
  overheadBytes: number,
  framing: LinkLayerSpec['framing'] = 'none',
  mpuBytes = 0,
): LinkLayerSpec => ({
  overheadBytes,
  mpuBytes,
  framing,
});

/** Names and numbers of tc-cake(8), its VLAN keywords apart. */
export const LINK_LAYERS: Readonly<Record<string, LinkLayerSpec>> = {
  raw: RAW,
  conservative: layer(48, 'atm'),
  'ipoa-vcmux': layer(8, 'atm'),
  'ipoa-llcsnap': layer(16, 'atm'),
  'bridged-vcmux': layer(24, 'atm'),
  'bridged-llcsnap': layer(32, 'atm'),
  'pppoa-vcmux': layer(10, 'atm'),
  'pppoa-llc': layer(14, 'atm'),
  'pppoe-vcmux': layer(32, 'atm'),
  'pppoe-llcsnap': layer(40, 'atm'),
  'pppoe-ptm': layer(30, 'ptm'),
  'bridged-ptm': layer(22, 'ptm'),
  docsis: layer(18, 'none', 64),
  ethernet: layer(38, 'none', 84),
};

/** Length on the wire of a packet of `ipBytes`: overhead first, then the smallest unit, then framing. */
export function wireBytes({ overheadBytes, mpuBytes, framing }: LinkLayerSpec, ipBytes: number): number {
  const bytes = Math.max(ipBytes + overheadBytes, mpuBytes, 1);
  if (framing === 'atm') return Math.ceil(bytes / CELL_PAYLOAD_BYTES) * CELL_BYTES;
  if (framing === 'ptm') return bytes + Math.ceil(bytes / PTM_BLOCK_BYTES);
  return bytes;
}
