/**
 * Reads what other programs do with packet marks, connection marks and NFQUEUEs, out of the text in which
 * nft, iptables-save, ip and tc list their rules. It understands the forms that these tools print. A rule
 * that it does not understand counts as one that touches nothing.
 */
import { comparedBits } from '../../spec/mark-choice.ts';
import { IPTABLES_TABLE, taggedInstance } from './render-iptables.ts';
import { firstQueueOfTable } from './render-nft.ts';

const ALL_BITS = 0xffffffff;

/**
 * A rule of somebody else that touches marks or NFQUEUEs, or ends a chain before ours. Bits are unsigned
 * 32-bit numbers.
 */
export interface ForeignRule {
  /** Where it stands, for a message. */
  readonly where: string;
  readonly text: string;
  /** Hook and priority of its base chain. Empty and NaN in other chains, and where they do not matter. */
  readonly hook: string;
  readonly priority: number;
  /** Bits of the packet mark that it compares, or writes of its own accord. */
  readonly packetBits: number;
  /** Bits of the packet mark that are lost with it. */
  readonly erases: number;
  /** Bits that it copies from the connection mark to the packet mark. */
  readonly restores: number;
  /** Bits that it copies from the packet mark to the connection mark. */
  readonly saves: number;
  /** Bits of the connection mark that it compares, or writes of its own accord. */
  readonly connectionBits: number;
  /** First and last number of the NFQUEUEs that it sends packets to. */
  readonly nfqueues: readonly [number, number] | null;
  /** Where our last rule for packets of this host stands (iptables), it accepts packets before that. */
  readonly endsOutput: boolean;
}

type Touch = Omit<ForeignRule, 'where' | 'text' | 'hook' | 'priority'>;

const NOTHING: Touch = {
  ...{
    packetBits: 0,
    erases: 0,
    restores: 0,
    saves: 0,
    connectionBits: 0,
    nfqueues: null,
    endsOutput: false,
  },
};

function join(a: Touch, b: Partial<Touch>): Touch {
  return {
    packetBits: (a.packetBits | (b.packetBits ?? 0)) >>> 0,
    erases: (a.erases | (b.erases ?? 0)) >>> 0,
    restores: (a.restores | (b.restores ?? 0)) >>> 0,
    saves: (a.saves | (b.saves ?? 0)) >>> 0,
    connectionBits: (a.connectionBits | (b.connectionBits ?? 0)) >>> 0,
    nfqueues: b.nfqueues ?? a.nfqueues,
    endsOutput: b.endsOutput ?? a.endsOutput,
  };
}

function touchesAnything(touch: Touch): boolean {
  const { packetBits, erases, restores, saves, connectionBits, nfqueues, endsOutput } = touch;
  return (packetBits | erases | restores | saves | connectionBits) !== 0 || nfqueues !== null || endsOutput;
}

const NUMBER = /^(?:0x[\da-f]+|\d+)$/i;

/** A new mark, as nft prints it: `mark and 0xffffff00 xor 0x64`, `ct mark & 0xff`, `0x64`. */
interface NewMark {
  readonly source: 'packet' | 'connection' | 'constant';
  /** Bits that stay as the source has them. */
  readonly keeps: number;
  /** Bits that constants set. */
  readonly sets: number;
  /** Bits of the connection mark that are added to a packet mark. */
  readonly added: number;
}

function readNewMark(words: readonly string[]): NewMark {
  let source: NewMark['source'] = 'constant';
  let [keeps, sets, added] = [0, 0, 0];
  let operation = '';
  let isConnection = false;
  let [isFirst, isAdding] = [true, false];
  for (const word of words) {
    if (word === 'meta' || word === '(' || word === ')') continue;
    if (word === 'ct') isConnection = true;
    else if (/^(and|&|or|\||xor|\^)$/.test(word)) operation = word;
    else if (word === 'mark') {
      if (isFirst) [source, keeps] = [isConnection ? 'connection' : 'packet', ALL_BITS];
      else if (isConnection) [added, isAdding] = [ALL_BITS, true];
      [isConnection, isFirst] = [false, false];
    } else if (!NUMBER.test(word) && operation === '' && isFirst) {
      // A map or a hash. Every number of it may become the mark.
      const numbers = words.filter((one) => NUMBER.test(one.replace(/,$/, '')));
      return {
        source,
        keeps: 0,
        sets: numbers.reduce((all, one) => all | Number(one.replace(/,$/, '')), 0),
        added: 0,
      };
    } else if (NUMBER.test(word)) {
      const number = Number(word);
      if (isFirst) sets = number;
      else if (operation === 'and' || operation === '&') {
        if (isAdding) added &= number;
        else [keeps, sets] = [keeps & number, sets & number];
      } else if (operation === 'or' || operation === '|') [keeps, sets] = [keeps & ~number, sets | number];
      else sets |= number;
      isFirst = false;
    } else break;
  }
  return { source, keeps: keeps >>> 0, sets: sets >>> 0, added: added >>> 0 };
}

/** All bits copied means that nobody chose them. */
function chosen(copied: number): number {
  return copied === ALL_BITS ? 0 : copied;
}

function writesPacketMark({ source, keeps, sets, added }: NewMark): Partial<Touch> {
  if (source === 'constant') return { packetBits: sets, erases: ALL_BITS, restores: added };
  if (source === 'packet') {
    return { packetBits: ~keeps | sets, erases: ~keeps & ~added, restores: added };
  }
  return { packetBits: chosen(keeps) | sets, erases: ALL_BITS, restores: keeps };
}

function writesConnectionMark({ source, keeps, sets }: NewMark): Partial<Touch> {
  if (source === 'packet') return { saves: keeps, connectionBits: chosen(keeps) | sets };
  return { connectionBits: source === 'connection' ? ~keeps | sets : sets };
}

const NFT_SET =
  /(?:\b(ct) mark|(?:meta )?\bmark) set (.*?)(?= (?:counter|accept|drop|return|continue|jump|goto|queue|comment|log|limit|(?:meta|ct) \w+ set)\b|$)/g;
const NFT_COMPARED =
  /(?:\b(ct) |\bmeta |^)mark (?:(?:and|&) (0x[\da-f]+|\d+)|(?:!= |== )?(0x[\da-f]+\b|\d+\b)(?:\/(\d+))?|(?:!= |vmap )?\{([^}]*)\})/g;
const NFT_QUEUE = /\bqueue\b(?: flags [\w,]+)?(?: (?:num|to) (\d+)(?:-(\d+))?)?/;

/** What a rule does, in the words of nft. */
export function readNftRule(text: string): Touch {
  let touch = NOTHING;
  const rest = text.replace(/ comment ".*"/, '').replace(NFT_SET, (_, connection, value) => {
    const mark = readNewMark(String(value).split(/\s+/));
    touch = join(touch, connection ? writesConnectionMark(mark) : writesPacketMark(mark));
    return '';
  });
  for (const [, connection, mask, value, prefix, list] of rest.matchAll(NFT_COMPARED)) {
    const numbers = list?.match(/\b(?:0x[\da-f]+|\d+)\b(?=\s*(?:[,:}-]|$))/g) ?? [];
    // nft 1.0.6 prints a mask of the highest bits as the length of a prefix.
    const one = prefix === undefined ? Number(mask ?? value ?? 0) : ~(ALL_BITS >>> Number(prefix));
    const bits = numbers.reduce((all, number) => all | Number(number), one);
    touch = join(touch, connection ? { connectionBits: bits } : { packetBits: bits });
  }
  const queue = NFT_QUEUE.exec(rest);
  if (!queue) return touch;
  const from = Number(queue[1] ?? 0);
  return join(touch, { nfqueues: [from, Number(queue[2] ?? from)] });
}

const PRIORITIES: Readonly<Record<string, number>> = {
  ...{ raw: -300, mangle: -150, dstnat: -100, filter: 0, security: 50, srcnat: 100 },
};

/** `filter + 10`, `-150`, `mangle`. */
function readPriority(text: string): number {
  const [, name, sign, number] = /^([a-z]+)?(?: ?([+-]) ?)?(\d+)?$/.exec(text.trim()) ?? [];
  const base = name === undefined ? 0 : (PRIORITIES[name] ?? Number.NaN);
  return base + (sign === '-' ? -1 : 1) * Number(number ?? 0);
}

/** A listing of tables by nft. Instances' own tables, and tables for which `skips` holds, are left out. */
export function readNftRules(
  listing: string,
  skips: (table: string) => boolean = () => false,
): ForeignRule[] {
  const rules: ForeignRule[] = [];
  let table: string | null = null;
  let [chain, hook, priority] = ['', '', Number.NaN];
  for (const line of listing.split('\n')) {
    const text = line.trim();
    const header = /^table ((\w+) (\S+)) \{$/.exec(text);
    if (header) {
      const isOurs = firstQueueOfTable(header[3] ?? '') !== null;
      table = isOurs || skips(header[1] ?? '') ? null : (header[1] ?? '');
      continue;
    }
    if (table === null) continue;
    const block = /^(chain|set|map|flowtable|counter|limit|quota) (\S+) \{$/.exec(text);
    if (block) {
      [chain, hook, priority] = [block[1] === 'chain' ? (block[2] ?? '') : '', '', Number.NaN];
      continue;
    }
    const base = /^type \w+ hook (\w+) (?:device \S+ )?priority ([^;]+);/.exec(text);
    if (base) [hook, priority] = [base[1] ?? '', readPriority(base[2] ?? '')];
    else if (chain !== '') {
      const touch = readNftRule(text);
      if (touchesAnything(touch)) {
        rules.push({ where: `nft table ${table}, chain ${chain}`, text, hook, priority, ...touch });
      }
    }
  }
  return rules;
}

/** `0x64/0xff` or `0x64`. */
function readMasked(text: string): { value: number; mask: number } {
  const [value, mask] = text.split('/').map(Number);
  return { value: value ?? 0, mask: mask ?? ALL_BITS };
}

const compared = (text: string): number => {
  const { value, mask } = readMasked(text);
  return comparedBits(value, mask);
};

/** What a rule does, in the words of iptables-save. */
export function readIptablesRule(text: string): Touch {
  let touch = NOTHING;
  const each = (pattern: RegExp, read: (argument: string) => Partial<Touch>): void => {
    for (const [, argument] of text.matchAll(pattern)) touch = join(touch, read(argument ?? ''));
  };
  each(/-m mark (?:! )?--mark (\S+)/g, (mark) => ({ packetBits: compared(mark) }));
  each(/-m connmark (?:! )?--mark (\S+)/g, (mark) => ({ connectionBits: compared(mark) }));
  each(/-j MARK --set-x?mark (\S+)/g, (mark) => {
    return { packetBits: compared(mark), erases: readMasked(mark).mask };
  });
  each(/-j TPROXY .*--tproxy-mark (\S+)/g, (mark) => {
    return { packetBits: compared(mark), erases: readMasked(mark).mask };
  });
  each(/-j CONNMARK --set-x?mark (\S+)/g, (mark) => ({ connectionBits: compared(mark) }));
  const copy = /-j CONNMARK --(save|restore)-mark(?: --(?:nf)?mask (\S+))?(?: --ctmask (\S+))?/.exec(text);
  if (copy) {
    const bits = Number(copy[2] ?? ALL_BITS) & Number(copy[3] ?? copy[2] ?? ALL_BITS);
    const nfMask = Number(copy[2] ?? ALL_BITS);
    if (copy[1] === 'save') touch = join(touch, { saves: bits, connectionBits: chosen(bits >>> 0) });
    else touch = join(touch, { restores: bits, erases: nfMask, packetBits: chosen(bits >>> 0) });
  }
  if (!/-j NFQUEUE\b/.test(text)) return touch;
  const queue = /--queue-(?:num|balance) (\d+)(?::(\d+))?/.exec(text);
  const from = Number(queue?.[1] ?? 0);
  return join(touch, { nfqueues: [from, Number(queue?.[2] ?? from)] });
}

/** Chains that it jumps to are not followed. */
const ENDS_OUTPUT = /^-A OUTPUT .*-j ACCEPT\b/;

/** Output of iptables-save. `tool` is its name in messages. Rules with our tag are left out. */
export function readIptablesRules(tool: string, saved: string): ForeignRule[] {
  const rules: ForeignRule[] = [];
  let table = '';
  for (const text of saved.split('\n')) {
    if (text.startsWith('*')) table = text.slice(1);
    if (!text.startsWith('-A ') || taggedInstance(text) !== null) continue;
    const endsOutput = table === IPTABLES_TABLE && ENDS_OUTPUT.test(text);
    const touch = join(readIptablesRule(text), { endsOutput });
    const where = `${tool} -t ${table}`;
    if (touchesAnything(touch)) rules.push({ where, text, hook: '', priority: Number.NaN, ...touch });
  }
  return rules;
}

/** Output of `ip rule show` or of `tc filter show`. */
export function readMarkUsers(where: string, listing: string): ForeignRule[] {
  return listing.split('\n').flatMap((line) => {
    const mark = /\bfwmark (\S+)/.exec(line) ?? /\bfw\b.* handle (0x\S+)/.exec(line);
    if (!mark) return [];
    const touch = { ...NOTHING, packetBits: compared(mark[1] ?? '') };
    return [{ where, text: line.trim(), hook: '', priority: Number.NaN, ...touch }];
  });
}

const TRACKS =
  /\bct (?:state|status|mark|direction|original|reply|zone|helper|label|count|id|expiration)\b|\b(?:masquerade|snat|dnat|redirect)\b|"(?:conntrack|state|connmark|connlimit|connbytes|MASQUERADE|SNAT|DNAT|REDIRECT|CONNMARK|CT)"|-m (?:conntrack|state|connmark)\b|-j (?:MASQUERADE|SNAT|DNAT|REDIRECT|CONNMARK)\b/;

/** Whether rules of this listing track connections, in the words of nft or iptables. */
export function tracksConnections(listing: string): boolean {
  return listing.split('\n').some((line) => !line.includes('table ') && TRACKS.test(line));
}
