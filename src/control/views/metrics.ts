/** The counters of an instance as metrics of Prometheus, in bytes and seconds, as its conventions say. */
import { fromBitsPerSec } from '../../base/units.ts';
import type { HostCounts } from '../hosts/reports.ts';
import type { ClassReport, PacedReport, StatusReport } from '../status.ts';
import { Exposition, type Labels, type Point } from './exposition.ts';

/** What stands beside the report of `status`. */
export interface MetricsContext {
  /** Events since the start, by type. */
  readonly events: ReadonlyMap<string, number>;
  /** Known now. */
  readonly flows: number;
  readonly hosts: HostCounts;
}

/**
 * A packet that the kernel has lost moves from "accepted" to "lost". Counters of Prometheus must not fall, so
 * those that may are shown at their highest. A count that falls by more than half began anew.
 */
export class Highest {
  private seen = new Map<string, number>();
  private shown = new Map<string, number>();

  /** A new scrape begins. Names that the last one had not are forgotten. */
  begin(): void {
    this.seen = this.shown;
    this.shown = new Map();
  }

  of(name: string, count: number): number {
    const before = this.seen.get(name) ?? 0;
    const highest = count < before && count > before / 2 ? before : count;
    this.shown.set(name, highest);
    return highest;
  }
}

export function metricsText(report: StatusReport, context: MetricsContext, highest: Highest): string {
  const out = new Exposition();
  highest.begin();
  instanceMetrics(out, report, context);
  totalMetrics(out, report, highest);
  boundMetrics(out, report);
  classMetrics(out, report.classes, highest);
  return out.toString();
}

const NO_LABELS: Labels = {};
const one = (value: number): Point[] => [[NO_LABELS, value]];
/** Nothing if it is not asked for. */
const flag = (is: boolean | null): Point[] => (is === null ? [] : one(is ? 1 : 0));
const by = (label: string, values: Readonly<Record<string, number>>): Point[] =>
  Object.entries(values).map(([name, value]) => [{ [label]: name }, value]);

function instanceMetrics(out: Exposition, report: StatusReport, context: MetricsContext): void {
  const { version, backend, uptimeSeconds, generation, warnings } = report;
  out.gauge('info', 'The running program.', [[{ version, backend }, 1]]);
  out.gauge('uptime_seconds', 'Time since the start.', one(uptimeSeconds));
  out.gauge('configuration_generation', 'Grows with every change of the configuration.', one(generation));
  out.gauge('warnings', 'Warnings that hold now.', one(warnings.length));
  out.gauge('flows', 'Flows that are known now.', one(context.flows));
  const { known, slowed, stopped, isStored, isPageServed } = context.hosts;
  out.gauge('hosts', 'Inside hosts whose totals are kept.', one(known));
  out.gauge('hosts_limited', 'Hosts that quotas slow down or stop.', by('how', { slowed, stopped }));
  out.gauge('history_stored', '1 if history can be stored, 0 if not.', flag(isStored));
  out.gauge('page_served', '1 if the page for stopped hosts is served.', flag(isPageServed));
  out.counter(
    'events_total',
    'Events since the start, by type.',
    by('type', Object.fromEntries(context.events)),
  );
}

function totalMetrics(out: Exposition, { totals, recent }: StatusReport, highest: Highest): void {
  const { received, accepted, dropped, held, kernel } = totals;
  out.counter('received_packets_total', 'Packets from the kernel.', one(received.packets));
  out.counter('received_bytes_total', 'Their IP bytes.', one(received.bytes));
  const [packets, bytes] = [highest.of('packets', accepted.packets), highest.of('bytes', accepted.bytes)];
  out.counter('accepted_packets_total', 'Packets passed on.', one(packets));
  out.counter('accepted_bytes_total', 'Their IP bytes.', one(bytes));
  out.counter('dropped_packets_total', 'Packets dropped.', one(dropped.packets));
  out.counter('dropped_bytes_total', 'Their IP bytes.', one(dropped.bytes));
  out.gauge('held_packets', 'Packets that wait now.', one(held.packets));
  out.gauge('held_bytes', 'Their IP bytes.', one(held.bytes));
  out.counter('lost_packets_total', 'Packets that the kernel dropped while they waited.', one(kernel.lost));
  out.counter(
    'refused_packets_total',
    'Packets that the kernel dropped before they came: its queue or the socket was full.',
    by('reason', { queue_full: kernel.queueFull, socket_full: kernel.socketFull }),
  );
  const late = recent.latenessMicroseconds;
  if (late !== null)
    out.gauge(
      'recent_lateness_seconds',
      'By how much packets left after their due instant in the last 10 s.',
      quantiles(NO_LABELS, late),
    );
}

function boundMetrics(out: Exposition, { bounds, owners, socket }: StatusReport): void {
  out.counter('owner_questions_total', 'Questions to the kernel whose a local flow is.', one(owners.asked));
  out.counter(
    'owners_unknown_total',
    'Local flows that were classified without a known owner.',
    one(owners.unknown),
  );
  out.counter(
    'bound_reached_total',
    'How often a bound of the program was reached: rows that made room, or packets.',
    by('bound', {
      unmatched: bounds.unmatched,
      flows_evicted: bounds.flowsEvicted,
      each_evicted: bounds.eachEvicted,
      each_full: bounds.eachFull,
      fair_full: bounds.fairFull,
      held_full: bounds.heldFull,
    }),
  );
  out.counter(
    'socket_errors_total',
    'What went wrong between the kernel and the program.',
    by('kind', {
      truncated: socket.truncated,
      malformed: socket.malformed,
      send_errors: socket.sendErrors,
      refused_verdicts: socket.refusedVerdicts,
    }),
  );
}

function classMetrics(out: Exposition, classes: readonly ClassReport[], highest: Highest): void {
  const each = (value: (report: ClassReport) => number): Point[] =>
    classes.map((report) => [{ class: report.path }, value(report)]);
  const sent = each(({ path, sent: { packets } }) => highest.of(`packets ${path}`, packets));
  const sentBytes = each(({ path, sent: { bytes } }) => highest.of(`bytes ${path}`, bytes));
  out.counter('class_sent_packets_total', 'Packets that left the class, classes inside included.', sent);
  out.counter('class_sent_bytes_total', 'Their IP bytes.', sentBytes);
  out.counter(
    'class_dropped_packets_total',
    'Packets dropped in the class, classes inside included.',
    classes.flatMap(({ path, dropped }) =>
      Object.entries(dropped).map(([reason, count]): Point => [{ class: path, reason }, count]),
    ),
  );
  out.counter(
    'class_marked_packets_total',
    'Packets that got a CE mark.',
    each(({ marked }) => marked),
  );
  out.gauge(
    'class_backlog_packets',
    'Packets that wait now.',
    each(({ backlog }) => backlog.packets),
  );
  out.gauge(
    'class_backlog_bytes',
    'Their IP bytes.',
    each(({ backlog }) => backlog.bytes),
  );
  out.gauge(
    'class_flows',
    'Flows that are known now.',
    each(({ flows }) => flows),
  );
  out.gauge(
    'class_rate_bytes_per_second',
    'Guaranteed rate.',
    each(({ rateBitsPerSecond }) => limitBytesPerSec(rateBitsPerSecond)),
  );
  out.gauge(
    'class_ceil_bytes_per_second',
    'Ceiling.',
    each(({ ceilBitsPerSecond }) => limitBytesPerSec(ceilBitsPerSecond)),
  );
  out.gauge(
    'class_effective_ceil_bytes_per_second',
    'Ceiling of now: less where adjust has moved it.',
    each(({ effectiveCeilBitsPerSecond }) => limitBytesPerSec(effectiveCeilBitsPerSecond)),
  );
  pacedMetrics(out, classes, highest);
  out.gauge(
    'class_recent_delay_seconds',
    'How long packets waited that left in the last 10 s.',
    classes.flatMap(({ path, recent: { delayMicroseconds } }) =>
      delayMicroseconds === null ? [] : quantiles({ class: path }, delayMicroseconds),
    ),
  );
}

function pacedMetrics(out: Exposition, classes: readonly ClassReport[], highest: Highest): void {
  const each = (value: (paced: PacedReport, path: string) => number): Point[] =>
    classes.flatMap(({ path, paced }): Point[] =>
      paced === null ? [] : [[{ class: path }, value(paced, path)]],
    );
  out.gauge(
    'class_paced_connections',
    'TCP connections that tcp.pace paces.',
    each(({ connections }) => connections),
  );
  out.gauge(
    'class_paced_share_bytes_per_second',
    'The share of each active one.',
    each(({ shareBitsPerSecond }) => fromBitsPerSec(shareBitsPerSecond)),
  );
  out.counter(
    'class_paced_windows_total',
    'ACKs whose window was made smaller.',
    each(({ rewritten }, path) => highest.of(`windows ${path}`, rewritten)),
  );
  out.counter(
    'class_paced_held_acks_total',
    'ACKs that had to wait.',
    each(({ heldAcks }, path) => highest.of(`held ACKs ${path}`, heldAcks)),
  );
}

function quantiles(labels: Labels, { p50, p99 }: { readonly p50: number; readonly p99: number }): Point[] {
  return [
    [{ ...labels, quantile: '0.5' }, p50 / 1e6],
    [{ ...labels, quantile: '0.99' }, p99 / 1e6],
  ];
}

/** As Prometheus writes what has no limit: +Inf. */
function limitBytesPerSec(bitsPerSec: number | null): number {
  return bitsPerSec === null ? Number.POSITIVE_INFINITY : fromBitsPerSec(bitsPerSec);
}
