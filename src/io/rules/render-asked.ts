/** The chains behind the NFQUEUEs. They do what verdicts ask for (spec/mark-codes.ts). */
import {
  CONNECTION_FAST_ORIGINAL,
  CONNECTION_FAST_REPLY,
  CONNECTION_PACED,
  decidingBits,
  MARK_ASKS,
  MARK_CE,
  MARK_DSCP_BITS,
  MARK_FAST,
  MARK_PACED,
  MARK_SLOW,
  markBits,
} from '../../spec/mark-codes.ts';
import { planFetches, planSteers } from '../../spec/queue-plan.ts';
import { foreignBits, hex } from './mark.ts';
import { INPUT_ASKED_PRIORITY, POSTROUTING_ASKED_PRIORITY, type RulesRequest } from './render-nft.ts';

/** The bits of a connection mark, among our eight, that say which direction of the connection is fast. */
export const CONNECTION_DIRECTIONS = [
  { name: 'original', bit: CONNECTION_FAST_ORIGINAL },
  { name: 'reply', bit: CONNECTION_FAST_REPLY },
] as const;

/** One look-up finds the chain that writes the code point. Its rule for each family leaves ECN alone. */
function dscpLines({ plan, nfqueue }: Pick<RulesRequest, 'plan' | 'nfqueue'>, table: string): string[] {
  if (plan.dscps.length === 0) return [];
  const bits = (code: number): string => hex(markBits(nfqueue.markMask, code));
  const jumps = plan.dscps.map((point, i) => `${bits(i + 1)} : jump dscp_${point}`);
  return [
    ...plan.dscps.flatMap((point) => [
      `add chain ${table} dscp_${point}`,
      `add rule ${table} dscp_${point} ip dscp set ${point}`,
      `add rule ${table} dscp_${point} ip6 dscp set ${point}`,
    ]),
    `add rule ${table} asked meta mark & ${bits(MARK_DSCP_BITS)} vmap { ${jumps.join(', ')} }`,
  ];
}

/** Chains behind the NFQUEUEs that do what the verdict asks for, then clear our bits. */
export function askedLines({ plan, nfqueue }: RulesRequest, table: string): string[] {
  const { markMask } = nfqueue;
  const asks = (code: number): string => {
    const [deciding, bits] = [decidingBits(code), code].map((one) => hex(markBits(markMask, one)));
    return `meta mark & ${deciding} == ${bits}`;
  };
  const lines = [
    '# What the verdict asks for.',
    `add chain ${table} asked`,
    ...dscpLines({ plan, nfqueue }, table),
  ];
  if (plan.ecn) {
    lines.push(
      `add rule ${table} asked ${asks(MARK_CE)} ip ecn { ect0, ect1 } ip ecn set ce`,
      `add rule ${table} asked ${asks(MARK_CE)} ip6 ecn { ect0, ect1 } ip6 ecn set ce`,
    );
  }
  const isBridge = table.startsWith('bridge ');
  const steers = planSteers(plan) && !isBridge;
  for (const { name, bit } of steers ? CONNECTION_DIRECTIONS : []) {
    const fast = markBits(markMask, bit);
    const way = `ct direction ${name} ct mark set ct mark`;
    lines.push(
      `add rule ${table} asked ${asks(MARK_FAST)} ${way} | ${hex(fast)}`,
      `add rule ${table} asked ${asks(MARK_SLOW)} ${way} & ${hex(~fast)}`,
    );
  }
  if (planFetches(plan) && !isBridge) {
    const paced = hex(markBits(markMask, CONNECTION_PACED));
    lines.push(`add rule ${table} asked ${asks(MARK_PACED)} ct mark set ct mark | ${paced}`);
  }
  lines.push(
    '# Behind the queues. Local packets come with our bits, so that they are not routed again; others if asked.',
  );
  for (const [hook, priority] of [
    ['postrouting', POSTROUTING_ASKED_PRIORITY],
    ['input', INPUT_ASKED_PRIORITY],
  ] as const) {
    const chain = `${table} answered_${hook}`;
    const ours = `meta mark & ${hex(markMask)} != 0`;
    lines.push(
      `add chain ${chain} { type filter hook ${hook} priority ${priority}; policy accept; }`,
      `add rule ${chain} ${asks(MARK_ASKS)} jump asked`,
      `add rule ${chain} ${ours} meta mark set meta mark & ${hex(foreignBits(markMask))}`,
    );
  }
  return lines;
}
