/** All that is known of one class, host, flow, lease or program, as lines. */
import { formatBitsPerSecShort, formatBytesShort, formatCountShort } from '../../base/units.ts';
import type { LeaseReport } from '../../control/change/reports.ts';
import type { ClassReport, PacedReport } from '../../control/status.ts';
import type { FlowReport } from '../../control/views/flows-view.ts';
import type { HostReport } from '../../control/views/hosts-view.ts';
import type { ProgramReport } from '../../control/views/programs-view.ts';
import type { FlowAnswer } from '../../control/why/report.ts';
import { valuesText } from '../change/leases.ts';
import { standingText } from '../quota/table.ts';
import { longProcessText, programName } from '../views/programs-table.ts';
import { bar } from './bar.ts';
import { fitted, type Line, span, wrap } from './cells.ts';
import { delayText, hostText, leftText, rttText, type Selected } from './lists.ts';
import { flowName } from './reports.ts';
import type { TopState } from './state.ts';

type Entry = readonly [name: string, value: string];

const NAME_CELLS = 13;

export function detailLines(state: TopState, selected: Selected | null, cells: number): Line[] {
  switch (selected?.view) {
    case 'classes':
      return classLines(state, selected.row.report, cells);
    case 'hosts':
      return hostLines(state, selected.row, cells);
    case 'flows':
      return flowLines(state, selected.row, cells);
    case 'programs':
      return programLines(selected.row, cells);
    case 'leases':
      return leaseLines(state, selected.row, cells);
    default:
      return [[span('it is gone')]];
  }
}

function title(text: string): Line {
  return [span(text, 'bold')];
}

/** Values that are too long go on below. */
function entries(pairs: readonly Entry[], cells: number): Line[] {
  return pairs.flatMap(([name, value]) =>
    wrap(value, Math.max(8, cells - NAME_CELLS)).map((text, i) => [
      span(fitted(i === 0 ? name : '', NAME_CELLS), 'dim'),
      span(text),
    ]),
  );
}

const rate = formatBitsPerSecShort;

function classLines(state: TopState, report: ClassReport, cells: number): Line[] {
  const { recent, dropped, sent, backlog, each, rateBitsPerSecond } = report;
  const { ceilBitsPerSecond, effectiveCeilBitsPerSecond: ceil, paced } = report;
  const now = recent.bitsPerSecond;
  const values = { rate: now.over1s, ceil, guaranteed: rateBitsPerSecond ?? 0 };
  const delay = recent.delayMicroseconds;
  const lines = [
    title(`class ${report.path}`),
    bar(values, Math.min(cells, 70), `${rate(now.over1s)} of ${rate(ceil)}`),
    ...entries(
      [
        ['guaranteed', rateBitsPerSecond === 0 ? 'nothing' : rate(rateBitsPerSecond)],
        [
          'ceiling',
          ceil === ceilBitsPerSecond ? rate(ceil) : `${rate(ceil)} now, of ${rate(ceilBitsPerSecond)}`,
        ],
        ['rate', `${rate(now.over1s)} in 1 s, ${rate(now.over10s)} in 10 s, ${rate(now.over60s)} in 60 s`],
        ['delay', `half within ${delayText(delay?.p50)}, 99 % within ${delayText(delay?.p99)} (10 s)`],
        [
          '',
          `half within ${delayText(report.delayMicroseconds.p50)}, 99 % within ${delayText(report.delayMicroseconds.p99)} since the start`,
        ],
        ['waiting', `${formatBytesShort(backlog.bytes)}, ${backlog.packets} packets`],
        ['sent', `${formatBytesShort(sent.bytes)}, ${formatCountShort(sent.packets)} packets`],
        [
          'dropped',
          `${formatCountShort(recent.droppedPerSecond)}/s; since the start: full queue ${dropped.tail}, early ${dropped.early}, police ${dropped.police}, aqm ${dropped.aqm}, modules ${dropped.module}`,
        ],
        ['marked', `${formatCountShort(recent.markedPerSecond)}/s; since the start ${report.marked}`],
        ['flows', String(report.flows)],
        ...(paced === null ? [] : [['paced', pacedText(paced)] as const]),
      ],
      cells,
    ),
  ];
  for (const lease of state.leases?.report?.leases ?? []) {
    if (lease.path === report.path)
      lines.push(...entries([[`lease ${lease.id}`, leaseText(lease, state)]], cells));
  }
  if (report.scheduled !== null) lines.push(...entries([['schedule', valuesText(report.scheduled)]], cells));
  if (each === null) return lines;
  lines.push([], title(`each ${each.by}: ${rate(each.rateBitsPerSecond)}`));
  if (each.fullest.length === 0) lines.push([span('nothing waits for a bucket')]);
  for (const { bucket, backlog: waiting } of each.fullest)
    lines.push([
      span(fitted(bucket, Math.max(16, cells - 24))),
      span(fitted(formatBytesShort(waiting.bytes), 10, 'right')),
    ]);
  return lines;
}

function pacedText({ connections, shareBitsPerSecond, rewritten, heldAcks }: PacedReport): string {
  const acks = `${formatCountShort(rewritten)} windows rewritten, ${formatCountShort(heldAcks)} ACKs held`;
  return `${connections} connections, ${rate(shareBitsPerSecond)} for each active one; since the start ${acks}`;
}

function leaseText(lease: LeaseReport, state: TopState): string {
  return `${valuesText(lease.set)}; ends in ${leftText(lease.until, state.wallMs)}, then ${valuesText(lease.back)} (x ends it now)`;
}

function hostLines(state: TopState, host: HostReport, cells: number): Line[] {
  const side = ({ bytes, bitsPerSecond, dropped }: HostReport['up']): string =>
    `${rate(bitsPerSecond)}, ${formatBytesShort(bytes)}, ${dropped} packets dropped`;
  return [
    title(`host ${hostText(host)}`),
    ...entries(
      [
        ['down', side(host.down)],
        ['up', side(host.up)],
        ['flows', `${host.flows} (f shows them)`],
        ['delay', waitText(host.recentDelayMilliseconds)],
        ['round trip', rttText(host.rttMilliseconds)],
        ['addresses', host.addresses.join(' ')],
        ['MAC', host.macs.length > 0 ? host.macs.join(' ') : 'not known'],
        ['last seen', host.lastSeen],
        ...host.quotas.map((standing): [string, string] => [
          standing.quota,
          standingText(standing, state.wallMs),
        ]),
      ],
      cells,
    ),
    ...whyLines(state, cells),
  ];
}

function programLines(program: ProgramReport, cells: number): Line[] {
  const { exe, pids, users, units, containers, flows } = program;
  const side = ({ rates, bytes, dropped }: ProgramReport['up']): string =>
    `${rate(rates.over1s)} in 1 s, ${rate(rates.over10s)} in 10 s; ${formatBytesShort(bytes)}, ${dropped} packets dropped`;
  const list = (texts: readonly (string | number)[]): string => texts.join(' ') || '-';
  const pairs: Entry[] = [
    ['file', exe ?? '-'],
    ['down', side(program.down)],
    ['up', side(program.up)],
    ['flows', `${flows} (f shows them)`],
    ['processes', list(pids)],
    ['users', list(users)],
    ['units', list(units)],
    ['containers', list(containers)],
  ];
  return [title(`program ${programName(program)}`), ...entries(pairs, cells)];
}

function flowLines(state: TopState, flow: FlowReport, cells: number): Line[] {
  return [
    title(`flow ${flowName(flow)}`),
    ...entries(
      [
        ['classes', flow.classes.join(' ')],
        ['program', longProcessText(flow.process) || '-'],
        ['rate', rate(flow.bitsPerSecond)],
        ['sent', `${formatBytesShort(flow.bytes)}, ${flow.packets} packets`],
        ['waiting', formatBytesShort(flow.backlogBytes)],
        ['delay', waitText(flow.recentDelayMilliseconds)],
        ['dropped', String(flow.dropped)],
        ['marked', String(flow.marked)],
        ['round trip', rttText(flow.rttMilliseconds)],
        ['retransmits', flow.retransmits === null ? '-' : String(flow.retransmits)],
        ['age', `${flow.ageSeconds.toFixed(1)} s`],
      ],
      cells,
    ),
    ...whyLines(state, cells),
  ];
}

function waitText(delay: HostReport['recentDelayMilliseconds']): string {
  return delay ? `half within ${rttText(delay.p50)}, 99 % within ${rttText(delay.p99)} (10 s)` : '-';
}

/** What limits it, in the words of the instance. */
function whyLines({ why }: TopState, cells: number): Line[] {
  if (why === null) return [];
  if (why.report === null) return [[], [span(fitted(why.error, cells), 'dim')]];
  return why.report.flows.flatMap((flow) => [[], ...whyOf(flow, cells)]);
}

function whyOf({ sentence, limitedBy, rule, owner, nextClass }: FlowAnswer, cells: number): Line[] {
  const { kind, where, detail } = limitedBy;
  const pairs: Entry[] = [['limited by', [kind, where, detail].filter(Boolean).join(' ')]];
  if (rule) pairs.push(['rule', `${rule.file}:${rule.line}`]);
  if (owner !== '') pairs.push(['owner', owner]);
  if (nextClass) pairs.push(['else', nextClass]);
  return [...wrap(sentence, cells).map((text) => [span(text, 'bold')]), ...entries(pairs, cells)];
}

function leaseLines(state: TopState, lease: LeaseReport, cells: number): Line[] {
  const pairs: Entry[] = [
    ['class', lease.path],
    ['sets', valuesText(lease.set)],
    ['since', lease.since],
    ['until', `${lease.until}, in ${leftText(lease.until, state.wallMs)}`],
    ['then', valuesText(lease.back)],
  ];
  return [title(`lease ${lease.id}`), ...entries(pairs, cells), [], [span('x ends it now')]];
}
