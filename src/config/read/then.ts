/** What follows when a host is over a quota. */
import { isScalar, type Node } from 'yaml';
import type { MailSpec, OutsideActionSpec, PageSpec, QuotaSpec, ThrottleSpec } from '../../spec/hosts.ts';
import { QUOTA as DEFAULTS } from '../fields/defaults.ts';
import type { PrefixOrName } from '../fields/host-names.ts';
import { FieldError, type Section } from '../fields/kinds.ts';
import { PAGE_WORD, THROTTLE_WORD } from '../fields/quotas.ts';
import { SECTIONS } from '../fields/sections.ts';
import { offsetOf, scalarText } from '../yaml/nodes.ts';
import type { Located, Values, YamlReader } from '../yaml/reader.ts';
import { prefixOf } from './match.ts';

export type Then = Pick<QuotaSpec, 'throttle' | 'isBlocking' | 'page' | 'outside' | 'modules'>;

export const NO_THEN: Then = { throttle: null, isBlocking: false, page: null, outside: [], modules: [] };

type ThenValues = Values<typeof SECTIONS.action>;

/** What a map or a list of maps and bare words says, and the places of its throttle and modules. */
export interface ReadThen extends Then {
  readonly throttleAt: Located<Node> | null;
  readonly modulesAt: readonly Located<string>[];
}

export function readThen(reader: YamlReader, at: Located<Node>): ReadThen {
  const read = {
    ...NO_THEN,
    outside: [] as OutsideActionSpec[],
    modules: [] as string[],
    modulesAt: [] as Located<string>[],
    throttleAt: null as Located<Node> | null,
  };
  const seen = new Set<string>();
  for (const item of reader.items(at.value)) {
    const isWord = isScalar(item);
    const values = isWord ? readWord(reader, item) : reader.section(item, SECTIONS.action, 'then');
    for (const key of ['throttle', 'block', 'page'] as const) {
      const one = values[key];
      if (one && seen.has(key)) reader.problems.error(one.offset, `${key}: a quota has it once`);
      if (one) seen.add(key);
    }
    if (values.throttle) {
      read.throttle = readThrottle(reader, values.throttle);
      read.throttleAt = values.throttle;
    }
    if (values.block) read.isBlocking = values.block.value;
    if (values.page) read.page = readPage(reader, values.page.value);
    const outside = readOutside(reader, values);
    if (outside) read.outside.push(outside);
    if (values.module) addModule(reader, read, values.module);
    if (!isWord && reader.map(item, 'then')?.items.length === 0)
      reader.problems.error(
        offsetOf(item),
        `then: this says nothing; it takes: ${SECTIONS.quota.then.takes}`,
      );
  }
  return read;
}

/** `block` and `page` stand for themselves. */
function readWord(reader: YamlReader, item: Node): ThenValues {
  const offset = offsetOf(item);
  const word = reader.scalar(readBareWord, item, 'then')?.value;
  if (word === 'block') return { block: { value: true, offset } };
  return word === 'page' ? { page: { value: item, offset } } : {};
}

function readBareWord(text: string): string {
  if (text === 'block' || text === 'page') return text;
  if (isActionWithValue(text)) throw new FieldError(`'${text}' needs a value: { ${text}: … }`);
  throw new FieldError(`'${text}' is neither block nor page, the words that stand alone`);
}

function isActionWithValue(text: string): boolean {
  const field = (SECTIONS.action as Section)[text];
  return Object.hasOwn(SECTIONS.action, text) && field?.shape !== 'refused';
}

function readThrottle(reader: YamlReader, at: Located<Node>): ThrottleSpec | null {
  if (isScalar(at.value)) {
    const rate = reader.scalar(THROTTLE_WORD.read, at.value, 'throttle');
    return rate && { upBytesPerSec: rate.value, downBytesPerSec: rate.value };
  }
  const { up, down }: Values<typeof SECTIONS.throttle> = reader.section(
    at.value,
    SECTIONS.throttle,
    'throttle',
  );
  const isSaid = (['up', 'down'] as const).some((key) => reader.hasKey(at.value, key));
  if (!isSaid)
    reader.problems.error(at.offset, 'throttle says no rate: { up: RATE, down: RATE }, or one for both');
  const unlimited = Number.POSITIVE_INFINITY;
  return { upBytesPerSec: up?.value ?? unlimited, downBytesPerSec: down?.value ?? unlimited };
}

const PAGE: PageSpec = { allow: [], certFile: null, keyFile: null, textFile: null, styleFile: null };

function readPage(reader: YamlReader, at: Node): PageSpec | null {
  if (scalarText(at) === 'page') return PAGE;
  if (isScalar(at)) return reader.scalar(PAGE_WORD.read, at, 'page')?.value ? PAGE : null;
  const { allow, cert, key, text, style }: Values<typeof SECTIONS.page> = reader.section(
    at,
    SECTIONS.page,
    'page',
  );
  for (const [one, other, name] of [
    [cert, 'key', 'cert'],
    [key, 'cert', 'key'],
  ] as const)
    if (one && !reader.hasKey(at, other))
      reader.problems.error(one.offset, `${name} is of use with ${other} only`);
  return {
    allow: allow?.value.map((one) => allowed(reader, one)) ?? [],
    certFile: cert?.value ?? null,
    keyFile: key?.value ?? null,
    textFile: text?.value ?? null,
    styleFile: style?.value ?? null,
  };
}

function allowed(reader: YamlReader, { value, offset }: Located<PrefixOrName>): PageSpec['allow'][number] {
  return 'name' in value ? value.name : prefixOf(reader, { value, offset });
}

function readOutside(reader: YamlReader, { exec, webhook, mail }: ThenValues): OutsideActionSpec | null {
  if (!exec && !webhook && !mail) return null;
  const [program] = exec?.value ?? [];
  if (program && !program.value.startsWith('/'))
    reader.problems.error(program.offset, `exec: '${program.value}' is not the absolute path of a program`);
  if (webhook && !URL.canParse(webhook.value))
    reader.problems.warn(webhook.offset, `webhook: nobody can be reached at '${webhook.value}'`);
  return {
    exec: exec?.value.map(({ value }) => value) ?? null,
    webhook: webhook?.value ?? null,
    mail: mail ? readMail(reader, mail) : null,
  };
}

function readMail(reader: YamlReader, at: Located<Node>): MailSpec | null {
  const { to, from, server }: Values<typeof SECTIONS.mail> = reader.section(at.value, SECTIONS.mail, 'mail');
  if (!to && !reader.hasKey(at.value, 'to')) reader.problems.error(at.offset, 'mail needs to: who gets it');
  return {
    to: to?.value ?? '',
    from: from?.value ?? DEFAULTS.from,
    server: server?.value ?? DEFAULTS.server,
  };
}

function addModule(
  reader: YamlReader,
  read: { readonly modules: string[]; readonly modulesAt: Located<string>[] },
  at: Located<string>,
): void {
  if (read.modules.includes(at.value))
    reader.problems.error(at.offset, `module: '${at.value}' is here twice`);
  read.modules.push(at.value);
  read.modulesAt.push(at);
}
