/** Quotas, as they are written in a configuration. */
import type {
  MailSpec,
  OutsideActionSpec,
  PageSpec,
  QuotaHostsSpec,
  QuotaSpec,
  ThrottleSpec,
  WindowSpec,
} from '../../spec/hosts.ts';
import type { MatcherSpec } from '../../spec/spec.ts';
import { QUOTA as DEFAULTS } from '../fields/defaults.ts';
import { PAGE_WORD, THROTTLE_WORD } from '../fields/quotas.ts';
import { SECTIONS } from '../fields/sections.ts';
import { type Block, type BlockValue, type Detail, oneOrList, writeSection } from './block.ts';
import { prefixItems } from './match.ts';

export function writeQuota(quota: QuotaSpec, detail: Detail): Block {
  const actions = writeThen(quota, detail);
  return writeSection(
    SECTIONS.quota,
    {
      hosts: writeQuotaHosts(quota.hosts, detail),
      windows: oneOrList(quota.windows.map(writeWindow)),
      warn: quota.warnShare ?? undefined,
      slope: quota.slopeShare ?? undefined,
      release: quota.releaseShare,
      // biome-ignore lint/suspicious/noThenProperty: the contract calls the key so, and nobody awaits a block
      then: actions.length > 0 ? oneOrList(actions) : undefined,
    },
    { release: DEFAULTS.releaseShare },
    detail,
  );
}

/** undefined for every host. */
function writeQuotaHosts({ names, match }: QuotaHostsSpec, detail: Detail): BlockValue | undefined {
  if (match === null) return names ?? undefined;
  const matchers = match.map((matcher) => writeHostMatcher(matcher, detail));
  // Names stand beside matchers in one list.
  return names === null ? oneOrList(matchers) : [{ host: names }, ...matchers];
}

function writeHostMatcher({ src, host, mac }: MatcherSpec, detail: Detail): Block {
  const values = { src: src && prefixItems(src), host: host && prefixItems(host), mac };
  return writeSection(SECTIONS.quotaHosts, values, {}, detail);
}

/** undefined for a sum without a limit. */
function limitOf(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}

function writeWindow({ overNs, upBytes, downBytes, totalBytes }: WindowSpec): Block {
  return writeSection(
    SECTIONS.window,
    { over: overNs, up: limitOf(upBytes), down: limitOf(downBytes), total: limitOf(totalBytes) },
    {},
    'all',
  );
}

/** A map for what is done here, then one for each time that others are told. */
function writeThen({ throttle, isBlocking, page, outside, modules }: QuotaSpec, detail: Detail): Block[] {
  const none = {
    throttle: undefined,
    block: undefined,
    page: undefined,
    exec: undefined,
    webhook: undefined,
    module: undefined,
  };
  const own = {
    ...none,
    throttle: throttle ? writeThrottle(throttle) : undefined,
    block: isBlocking ? true : undefined,
    page: page ? writePage(page) : undefined,
    mail: undefined,
  };
  const told = outside.map((one: OutsideActionSpec) => ({
    ...none,
    exec: one.exec ?? undefined,
    webhook: one.webhook ?? undefined,
    mail: one.mail ? writeMail(one.mail, detail) : undefined,
  }));
  const asked = modules.map((module) => ({ ...none, module, mail: undefined }));
  const blocks = [own, ...told, ...asked].map((values) => writeSection(SECTIONS.action, values, {}, detail));
  return blocks.filter((block) => Object.keys(block).length > 0);
}

function writeThrottle({ upBytesPerSec, downBytesPerSec }: ThrottleSpec): BlockValue {
  if (upBytesPerSec === downBytesPerSec) return THROTTLE_WORD.write(upBytesPerSec);
  const values = { up: limitOf(upBytesPerSec), down: limitOf(downBytesPerSec) };
  return writeSection(SECTIONS.throttle, values, {}, 'all');
}

/** One word where nothing is said of the page. */
function writePage({ allow, certFile, keyFile, textFile, styleFile }: PageSpec): BlockValue {
  const values = {
    allow:
      allow.length > 0
        ? allow.map((one) => (typeof one === 'string' ? { name: one } : { prefix: one, corrected: null }))
        : undefined,
    cert: certFile ?? undefined,
    key: keyFile ?? undefined,
    text: textFile ?? undefined,
    style: styleFile ?? undefined,
  };
  const block = writeSection(SECTIONS.page, values, {}, 'all');
  return Object.keys(block).length > 0 ? block : PAGE_WORD.write(true);
}

function writeMail({ to, from, server }: MailSpec, detail: Detail): Block {
  const defaults = { from: DEFAULTS.from, server: DEFAULTS.server };
  return writeSection(SECTIONS.mail, { to, from, server }, defaults, detail);
}
