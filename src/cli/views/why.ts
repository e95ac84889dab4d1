/** `shaper why`: says what limits a flow now, and by which rule. */
import { EXIT_FINE } from '../../base/errors.ts';
import { joinColumns, padColumns } from '../../base/text-columns.ts';
import { formatBitsPerSecShort, formatBytesShort } from '../../base/units.ts';
import { call } from '../../client/client.ts';
import type { FlowAnswer, WhyReport } from '../../control/why/report.ts';
import type { ConfOptions } from '../conf-file.ts';
import { withQuery } from '../query.ts';
import { readSocketPath } from '../read-config.ts';
import type { Terminal } from '../terminal.ts';

export interface WhyOptions extends ConfOptions {
  readonly json?: boolean;
}

export async function why(subject: string, options: WhyOptions, terminal: Terminal): Promise<number> {
  const url = withQuery('/v1/why', { subject });
  const report = await call<WhyReport>(readSocketPath(options, terminal), 'GET', url);
  terminal.out(options.json ? `${JSON.stringify(report, null, 2)}\n` : whyText(report));
  return EXIT_FINE;
}

export function whyText({ flows, total }: WhyReport): string {
  const live = flows.filter(({ live: isLive }) => isLive).length;
  const rest = total > live ? [`${total - live} more flows of it are not shown.\n`] : [];
  return [...flows.map(flowText), ...rest].join('\n');
}

function flowText(answer: FlowAnswer): string {
  return `${answer.flow}\n  ${answer.sentence}\n${joinColumns(padColumns(lines(answer), () => true))}\n`;
}

function lines(answer: FlowAnswer): string[][] {
  const { classes, rule, nextClass, limitedBy, waitMilliseconds, dropped, bitsPerSecond, buckets } = answer;
  const place = rule === null ? '' : ` (${rule.file}:${rule.line})`;
  const facts = [
    ['  class', `${classes.join(', then ') || 'none'}${place}`],
    ['  next class', nextClass ?? 'none'],
  ];
  if (answer.owner !== '') facts.push(['  owner', answer.owner]);
  if (limitedBy.detail !== '') facts.push(['  limit', limitedBy.detail]);
  if (!answer.live) return facts;
  const drops = Object.entries(dropped).filter(([, count]) => count > 0);
  return [
    ...facts,
    ['  sends', formatBitsPerSecShort(bitsPerSecond)],
    ['  wait', `half of the packets ${waitMilliseconds.p50} ms, 99 % ${waitMilliseconds.p99} ms`],
    ['  dropped', drops.map(([reason, count]) => `${reason} ${count}`).join(', ') || 'none'],
    ...buckets.map(({ kind, where, bitsPerSecond: rate, burstBytes, tokensBytes }) => [
      `  ${kind}`,
      `${where}: ${formatBitsPerSecShort(rate)}, ${tokens(tokensBytes)} of ${formatBytesShort(burstBytes)} tokens`,
    ]),
  ];
}

function tokens(bytes: number): string {
  return bytes < 0 ? `-${formatBytesShort(-bytes)}` : formatBytesShort(bytes);
}
