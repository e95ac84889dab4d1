/** What a configuration means, defaults included, as a tree of classes for people, in the words of the file. */
import { FRAMING_ATM, FRAMING_NONE } from '../algo/buckets/link-layer.ts';
import { formatBytes, formatRate, formatShare, formatTime } from '../base/units.ts';
import { formatPrefix } from '../config/fields/addresses.ts';
import { COLOURS, formatDscp, formatMark, formatPortRange, formatProtocols } from '../config/fields/names.ts';
import type {
  AqmSpec,
  ClassSpec,
  EachSpec,
  LinkSpec,
  MatcherSpec,
  MeterSpec,
  PoliceSpec,
  QueueSpec,
  RemarkSpec,
  ShaperSpec,
  WredSpec,
} from '../spec/spec.ts';

/**
 * A line per direction, per class and per part of a class, inner classes indented below theirs:
 *
 *   wan/up on eth0: rate 18mbit, burst 3028B
 *     guests: ceil 10mbit, priority 3, weight 1, burst 3028B
 *       match: src 10.0.9.0/24
 *       each: by host, rate 2mbit, burst 3028B, exceed delay
 *       queue: fair, isolation dual-src, limit 125kB, ackFilter false
 *       codel: target 5ms, interval 100ms, ecn true
 */
export function classTree(spec: ShaperSpec): string {
  const lines = spec.links.flatMap((link) => [...direction(link, link.up), ...direction(link, link.down)]);
  return lines.map((line) => `  ${line}\n`).join('');
}

const indented = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);

function direction(link: LinkSpec, root: ClassSpec | null): string[] {
  if (!root) return [];
  const rate = `rate ${formatRate(root.rateBytesPerSec)}, burst ${size(root.burstBytes)}`;
  const below = [...wire(link), ...parts(root), ...root.children.flatMap(classLines)];
  return [`${root.path} on ${link.device}: ${rate}`, ...indented(below)];
}

/** What the line adds, if it adds anything. */
function wire({ linkLayer: { overheadBytes: bytes, mpuBytes: mpu, framing } }: LinkSpec): string[] {
  if (bytes === 0 && mpu === 0 && framing === FRAMING_NONE) return [];
  const name = framing === FRAMING_NONE ? 'none' : framing === FRAMING_ATM ? 'atm' : 'ptm';
  return [said('overhead', { bytes: `${bytes}`, mpu: `${mpu}`, framing: name })];
}

function classLines(node: ClassSpec): string[] {
  const { rateBytesPerSec: rate, rateBurstBytes, ceilBytesPerSec: ceil, burstBytes } = node;
  // Where nobody has said a burst, that of the rate and that of the ceil may differ.
  const hasTwoBursts = rate > 0 && rateBurstBytes !== burstBytes;
  const limits = [
    ...(rate === 0 ? [] : [`rate ${formatRate(rate)}`]),
    ...(hasTwoBursts ? [`burst ${size(rateBurstBytes)}`] : []),
    `ceil ${formatRate(ceil)}`,
    `burst ${size(burstBytes)}`,
    `priority ${node.priority}`,
    `weight ${node.weight}`,
  ];
  const below = [...parts(node), ...node.children.flatMap(classLines)];
  return [`${node.name}: ${limits.join(', ')}`, ...indented(below)];
}

/** What a class has beside its limits, in the order in which a packet meets it. */
function parts({ match, police, meter, remark, each, queue }: ClassSpec): string[] {
  return [
    ...(match ?? []).map(matcherText),
    ...(police ? [policeText(police)] : []),
    ...(meter ? [meterText(meter)] : []),
    ...(remark ? [remarkText(remark)] : []),
    ...(queue ? [queueText(queue), ...aqmTexts(queue.aqm, queue.ecn)] : []),
    ...(each ? [eachText(each)] : []),
  ];
}

/** `what: key value, key value`; keys without a value are left out. */
function said(what: string, values: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return `${what}: ${given.map(([key, value]) => `${key} ${value}`).join(', ')}`;
}

const size = (bytes: number): string => formatBytes(Math.round(bytes));
/** Weights that were computed have more digits than anybody reads. */
const number = (value: number): string => String(Number(value.toPrecision(9)));

/** Lists are separated by spaces: any entry will do, and every field must hold. */
function matcherText({
  proto,
  src,
  dst,
  host,
  sport,
  dport,
  port,
  dscp,
  mark,
  iif,
  oif,
}: MatcherSpec): string {
  const list = <T>(values: readonly T[] | undefined, format: (value: T) => string): string | undefined =>
    values?.map(format).join(' ');
  return said('match', {
    proto: proto && formatProtocols(proto).join(' '),
    src: list(src, formatPrefix),
    dst: list(dst, formatPrefix),
    host: list(host, formatPrefix),
    sport: list(sport, formatPortRange),
    dport: list(dport, formatPortRange),
    port: list(port, formatPortRange),
    dscp: list(dscp, formatDscp),
    mark: list(mark, formatMark),
    iif: iif?.join(' '),
    oif: oif?.join(' '),
  });
}

function policeText({ rateBytesPerSec, burstBytes, exceed }: PoliceSpec): string {
  return said('police', { rate: formatRate(rateBytesPerSec), burst: size(burstBytes), exceed });
}

function eachText({ by, rateBytesPerSec, burstBytes, exceed }: EachSpec): string {
  return said('each', { by, rate: formatRate(rateBytesPerSec), burst: size(burstBytes), exceed });
}

function meterText(meter: MeterSpec): string {
  const rate = formatRate(meter.excessBytesPerSec);
  const burst = size(meter.excessBytes);
  const excess = {
    'single-rate': { type: 'srtcm', ebs: burst },
    'two-rate': { type: 'trtcm', pir: rate, pbs: burst },
    'two-rate-4115': { type: 'rfc4115', eir: rate, ebs: burst },
  }[meter.kind];
  const committed = { cir: formatRate(meter.committedBytesPerSec), cbs: size(meter.committedBytes) };
  const { type, ...rest } = excess;
  return said('meter', { type, ...committed, ...rest, aware: `${meter.aware}` });
}

function remarkText(remark: RemarkSpec): string {
  const [green, yellow, red] = remark.map((point) => (point === null ? 'as it came' : formatDscp(point)));
  if (green === yellow && yellow === red) return `remark: ${green}`;
  return said('remark', { green, yellow, red });
}

function queueText(queue: QueueSpec): string {
  const { discipline, limitBytes, limitPackets } = queue;
  const isFair = discipline === 'fair';
  return said(`queue: ${discipline}`, {
    isolation: isFair ? queue.isolation : undefined,
    short: discipline === 'short-first' ? size(queue.shortBytes) : undefined,
    limit: Number.isFinite(limitPackets) ? `${limitPackets}p` : size(limitBytes),
    ackFilter: isFair ? `${queue.ackFilter}` : undefined,
  }).replace(`${discipline}: `, `${discipline}, `);
}

/** The line of the algorithm; of weighted RED one for every profile as well. */
function aqmTexts(aqm: AqmSpec, ecn: boolean): string[] {
  switch (aqm.kind) {
    case 'none':
      return ['aqm: none'];
    case 'codel': {
      const { targetNs, intervalNs } = aqm.codel;
      return [
        said('codel', { target: formatTime(targetNs), interval: formatTime(intervalNs), ecn: `${ecn}` }),
      ];
    }
    case 'pie': {
      const { targetNs, updateNs, burstNs, alpha, beta } = aqm.pie;
      const times = {
        target: formatTime(targetNs),
        update: formatTime(updateNs),
        burst: formatTime(burstNs),
      };
      return [said('pie', { ...times, alpha: number(alpha), beta: number(beta), ecn: `${ecn}` })];
    }
    case 'red': {
      const { weight, gentle, adaptive, byteMode, meanPacketBytes } = aqm.red;
      return [
        said('red', {
          ...thresholds(aqm.red),
          weight: number(weight),
          gentle: `${gentle}`,
          adaptive: `${adaptive}`,
          ecn: `${ecn}`,
          byteMode: `${byteMode}`,
          meanPacket: size(meanPacketBytes),
        }),
      ];
    }
    case 'wred': {
      const { weight, gentle, meanPacketBytes, profiles } = aqm.wred;
      const shared = {
        weight: number(weight),
        gentle: `${gentle}`,
        ecn: `${ecn}`,
        meanPacket: size(meanPacketBytes),
      };
      return [said('wred', shared), ...indented(profiles.map(profileText))];
    }
  }
}

interface Thresholds {
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly probability: number;
}

function thresholds({ minBytes, maxBytes, probability }: Thresholds): Record<string, string> {
  return { min: size(minBytes), max: size(maxBytes), probability: formatShare(probability) };
}

function profileText(profile: WredSpec['profiles'][number]): string {
  const { dscp, colours } = profile;
  return said('profile', {
    dscp: dscp.length === 0 ? 'all others' : dscp.map(formatDscp).join(' '),
    color: colours.length === 0 ? 'all' : colours.map((colour) => COLOURS[colour]).join(' '),
    ...thresholds(profile),
  });
}
