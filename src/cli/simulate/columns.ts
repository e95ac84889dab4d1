/** Columns of the tables of classes and of flows, on the terminal and on the page. */
import { formatBitsPerSecShort, formatMicrosecondsShort } from '../../base/units.ts';
import type { ModuleResult } from '../../sim/modules/world-modules.ts';
import type { DelayMilliseconds, SimulatedFlow } from '../../sim/report/report.ts';
import type { ClassView, RunView } from './run-view.ts';

export interface Column<Row> {
  readonly title: string;
  readonly text: (row: Row) => string;
  /** The column counts something that means trouble unless it is 0. */
  readonly isTrouble?: true;
}

const delays = <Row>(delayOf: (row: Row) => DelayMilliseconds): Column<Row>[] => [
  { title: 'delay p50', text: (row) => millisecondsText(delayOf(row).p50) },
  { title: 'p99', text: (row) => millisecondsText(delayOf(row).p99) },
  { title: 'max', text: (row) => millisecondsText(delayOf(row).max) },
];

/** The columns that have a text in any row. */
export function usedColumns<Row>(
  columns: readonly Column<Row>[],
  rows: readonly (readonly (Row | null)[])[],
): readonly Column<Row>[] {
  return columns.filter(({ text }) =>
    rows.some((pair) => pair.some((row) => row !== null && text(row) !== '')),
  );
}

export const CLASS_COLUMNS: readonly Column<ClassView>[] = [
  { title: 'throughput', text: ({ report }) => formatBitsPerSecShort(report.throughputBitsPerSecond) },
  ...delays(({ report }: ClassView) => report.delayMilliseconds),
  { title: 'tail', text: ({ drops }) => String(drops.tail), isTrouble: true },
  { title: 'early', text: ({ drops }) => String(drops.early), isTrouble: true },
  { title: 'police', text: ({ drops }) => String(drops.police), isTrouble: true },
  { title: 'aqm', text: ({ drops }) => String(drops.aqm), isTrouble: true },
  { title: 'module', text: ({ drops }) => (drops.module === 0 ? '' : String(drops.module)), isTrouble: true },
  { title: 'marked', text: ({ report }) => String(report.marked) },
];

export const MODULE_COLUMNS: readonly Column<ModuleResult>[] = [
  { title: 'packets', text: ({ packets }) => String(packets) },
  { title: 'dropped', text: ({ dropped }) => String(dropped) },
  { title: 'stolen', text: ({ stolen }) => String(stolen) },
  { title: 'held', text: ({ held }) => String(held) },
  { title: 'injected', text: ({ injected }) => String(injected) },
  { title: 'errors', text: ({ errors }) => String(errors), isTrouble: true },
  { title: 'state', text: ({ state }) => state },
];

export const FLOW_COLUMNS: readonly Column<SimulatedFlow>[] = [
  { title: 'throughput', text: (flow) => formatBitsPerSecShort(flow.throughputBitsPerSecond) },
  ...delays((flow: SimulatedFlow) => flow.delayMilliseconds),
  { title: 'dropped', text: (flow) => String(flow.dropped), isTrouble: true },
  { title: 'resent', text: (flow) => (isTcp(flow) ? String(flow.retransmits) : '') },
  { title: 'timeouts', text: (flow) => (isTcp(flow) ? String(flow.timeouts) : ''), isTrouble: true },
  { title: 'marked', text: (flow) => String(flow.marked) },
  { title: 'finished', text: ({ completions }) => (completions ? String(completions.count) : '') },
  {
    title: 'mean time',
    text: ({ completions }) => (completions ? millisecondsText(completions.meanMilliseconds) : ''),
  },
];

export function flowTitle({ name, count }: SimulatedFlow): string {
  return count > 1 ? `${name} (${count})` : name;
}

function isTcp(flow: SimulatedFlow): boolean {
  return flow.protocol === 'tcp';
}

export function millisecondsText(milliseconds: number): string {
  return formatMicrosecondsShort(1000 * milliseconds);
}

/** Packets that were dropped outside the classes: on lines, or by a full NFQUEUE. */
export function droppedOutside({ report }: RunView): number {
  const byFlows = report.flows.reduce((sum, flow) => sum + flow.dropped, 0);
  return Math.max(0, byFlows - report.totals.dropped.packets);
}
