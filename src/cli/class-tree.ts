/** What a configuration means, defaults included, as a tree of classes for people. */
import { FRAMING_ATM, FRAMING_NONE } from '../algo/link-layer.ts';
import type { MarkerKind } from '../algo/markers.ts';
import { formatBytes, formatRate, formatShare, formatTime } from '../base/units.ts';
import { formatDscp } from '../control/names.ts';
import type {
  AqmSpec,
  ClassSpec,
  EachSpec,
  LinkSpec,
  MeterSpec,
  PoliceSpec,
  QueueSpec,
  RemarkSpec,
  ShaperSpec,
} from '../core/spec.ts';

const PRIORITY = 3;
const WEIGHT = 1;
const METERS: Readonly<Record<MarkerKind, string>> = {
  'single-rate': 'srtcm',
  'two-rate': 'trtcm',
  'two-rate-4115': 'rfc4115',
};

/**
 * A line per direction and per class, inner classes indented below theirs:
 *
 *   wan/up on eth0: 18mbit
 *     guests   up to 10mbit; each host 2mbit burst 3028B; fair dual-src, codel 5ms ecn, limit 125kB
 */
export function classTree(spec: ShaperSpec): string {
  return spec.links.map((link) => direction(link, link.up) + direction(link, link.down)).join('');
}

function direction(link: LinkSpec, root: ClassSpec | null): string {
  if (!root) return '';
  const parts = [formatRate(root.rateBytesPerSec) + wire(link), ...extras(root)];
  const rows = root.children.flatMap((child) => classRows(child, 2));
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, text]) => `  ${name.padEnd(width)}  ${text}\n`);
  return `  ${root.path} on ${link.device}: ${parts.join('; ')}\n${lines.join('')}`;
}

/** What the line adds, if it adds anything. */
function wire({ linkLayer: { overheadBytes, mpuBytes, framing } }: LinkSpec): string {
  const parts = [
    ...(overheadBytes === 0 ? [] : [`overhead ${overheadBytes}`]),
    ...(mpuBytes === 0 ? [] : [`mpu ${mpuBytes}`]),
    ...(framing === FRAMING_NONE ? [] : [framing === FRAMING_ATM ? 'atm' : 'ptm']),
  ];
  return parts.map((part) => `, ${part}`).join('');
}

function classRows(node: ClassSpec, indent: number): [name: string, text: string][] {
  const { rateBytesPerSec: rate, ceilBytesPerSec: ceil, priority, weight, queue } = node;
  const sure = rate === 0 ? '' : `${formatRate(rate)}, `;
  const limits = [
    `${sure}up to ${formatRate(ceil)}`,
    ...(priority === PRIORITY ? [] : [`priority ${priority}`]),
    ...(weight === WEIGHT ? [] : [`weight ${weight}`]),
  ];
  const parts = [limits.join(', '), ...extras(node), ...(queue ? [queueText(queue)] : [])];
  const name = ' '.repeat(indent) + node.name;
  return [[name, parts.join('; ')], ...node.children.flatMap((child) => classRows(child, indent + 2))];
}

function extras({ police, meter, remark, each }: ClassSpec): string[] {
  return [
    ...(police ? [policeText(police)] : []),
    ...(meter ? [meterText(meter)] : []),
    ...(remark ? [remarkText(remark)] : []),
    ...(each ? [eachText(each)] : []),
  ];
}

const size = (bytes: number): string => formatBytes(Math.round(bytes));
const bucket = (bytesPerSec: number, bytes: number): string =>
  `${formatRate(bytesPerSec)} burst ${size(bytes)}`;

function policeText({ rateBytesPerSec, burstBytes, exceed }: PoliceSpec): string {
  return `police ${bucket(rateBytesPerSec, burstBytes)}, exceed ${exceed}`;
}

function eachText({ by, rateBytesPerSec, burstBytes, exceed }: EachSpec): string {
  return `each ${by} ${bucket(rateBytesPerSec, burstBytes)}${exceed === 'drop' ? ', exceed drop' : ''}`;
}

function meterText(meter: MeterSpec): string {
  const green = bucket(meter.committedBytesPerSec, meter.committedBytes);
  const yellow =
    meter.kind === 'single-rate'
      ? size(meter.excessBytes)
      : bucket(meter.excessBytesPerSec, meter.excessBytes);
  return `meter ${METERS[meter.kind]} ${green}, ${yellow}${meter.aware ? ', aware' : ''}`;
}

function remarkText(remark: RemarkSpec): string {
  const [green, yellow, red] = remark.map((point) => (point === null ? 'as it came' : formatDscp(point)));
  if (green === yellow && yellow === red) return `remark ${green}`;
  return `remark green ${green}, yellow ${yellow}, red ${red}`;
}

function queueText({
  discipline,
  isolation,
  shortBytes,
  limitBytes,
  limitPackets,
  ...rest
}: QueueSpec): string {
  const detail = { fair: ` ${isolation}`, fifo: '', 'short-first': ` ${size(shortBytes)}` }[discipline];
  const limit = Number.isFinite(limitPackets) ? `${limitPackets}p` : size(limitBytes);
  return [
    discipline + detail,
    ...(rest.aqm.kind === 'none' ? [] : [aqmText(rest.aqm) + (rest.ecn ? ' ecn' : '')]),
    `limit ${limit}`,
    ...(rest.ackFilter ? ['ackFilter'] : []),
  ].join(', ');
}

function aqmText(aqm: AqmSpec): string {
  switch (aqm.kind) {
    case 'none':
      return 'none';
    case 'codel':
      return `codel ${formatTime(aqm.codel.targetNs)}/${formatTime(aqm.codel.intervalNs)}`;
    case 'pie':
      return `pie ${formatTime(aqm.pie.targetNs)}`;
    case 'red': {
      const { minBytes, maxBytes, probability, adaptive } = aqm.red;
      const kind = adaptive ? 'adaptive red' : 'red';
      return `${kind} ${size(minBytes)} to ${size(maxBytes)} ${formatShare(probability)}`;
    }
    case 'wred':
      return `wred with ${aqm.wred.profiles.length} profiles`;
  }
}
