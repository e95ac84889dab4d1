/** Fields of quotas, their windows and what follows. Part of the table in sections.ts. */
import { EXEC_WORDS, type ExecWord } from '../../spec/hosts.ts';
import { prefix } from './addresses.ts';
import { QUOTA as DEFAULTS } from './defaults.ts';
import { NO_ACTION_KEYS, NO_QUOTA_HOSTS_KEYS, NO_QUOTA_KEYS, NO_WINDOW_KEYS } from './elsewhere.ts';
import { mac, prefixOrName } from './host-names.ts';
import { boolean, FieldError, list, node, ref, type Section, TEXT_SCHEMA, word } from './kinds.ts';
import { ACTION_MODULE } from './modules.ts';
import { bytes, rate, share, time } from './quantities.ts';

const SECOND = 1e9;
const YEAR = 365 * 86_400 * SECOND;
const TB = 1e12;

const change = 'reload';

const PLACEHOLDER = /\{(\w+)\}/g;

const oneOrMore = (...forms: Record<string, unknown>[]) => ({
  oneOf: [...forms, { type: 'array', items: forms.length === 1 ? forms[0] : { oneOf: forms }, minItems: 1 }],
});

export const QUOTA = {
  hosts: node(
    {
      takes: 'name, { src, host, mac }, or list',
      default: 'every inside host',
      change,
      help: 'Whose traffic the quota counts, each host by itself.',
    },
    oneOrMore(ref('quotaHosts'), TEXT_SCHEMA),
  ),
  windows: node(
    {
      takes: 'window, or list of up to 8',
      default: 'required',
      change,
      help: 'Sliding windows and their limits. A host is over while it is over in one of them.',
    },
    oneOrMore(ref('window')),
  ),
  warn: share({
    default: 'never',
    change,
    help: 'From this share of a limit on a host counts as warned, which is shown and told as an event. Actions outside are told only of what is over.',
  }),
  slope: share({
    default: 'no slope',
    change,
    help: 'From this share of a limit on the rate of the host falls steadily, to that of `throttle` at the limit.',
  }),
  release: share({
    default: '100%',
    change,
    help: 'A host that was over is free again when its sum has fallen to this share of the limit.',
  }),
  // biome-ignore lint/suspicious/noThenProperty: the contract calls the key so, and nobody awaits the table
  then: node(
    {
      takes: 'map, block, page, or list',
      default: 'nothing: the quota counts, warns and is shown',
      change,
      help: 'What happens to a host that is over. If several hold, the strictest does; of one quota with page and block, the page.',
    },
    oneOrMore(ref('action'), { enum: ['block', 'page'] }),
  ),
  ...NO_QUOTA_KEYS,
} satisfies Section;

export const QUOTA_HOSTS = {
  src: list(
    { takes: 'address, prefix, or list', default: 'any', change, help: 'Address of the host.' },
    prefix,
  ),
  host: list(
    { takes: 'address, prefix, name, or list', default: 'any', change, help: 'Address or name of the host.' },
    prefixOrName,
  ),
  mac: list({ takes: 'MAC, or list', default: 'any', change, help: 'MAC of the host.' }, mac),
  ...NO_QUOTA_HOSTS_KEYS,
} satisfies Section;

const limit = (help: string) => bytes({ min: 1, max: 1000 * TB, default: 'no limit', change, help });

export const WINDOW = {
  over: time({
    min: SECOND,
    max: YEAR,
    default: 'required',
    change,
    help: 'Length of the window: what counts at any time is what passed in the last so many hours or days.',
  }),
  up: limit('The most bytes that the host sends.'),
  down: limit('The most bytes that the host gets.'),
  total: limit('The most bytes in both directions together.'),
  ...NO_WINDOW_KEYS,
} satisfies Section;

const SERVER = /^smtps?:\/\/(\[[\da-f:.]+\]|[\w.-]+)(:\d{1,5})?\/?$/i;

export const ACTION = {
  throttle: node(
    {
      takes: 'rate or { up, down }',
      default: 'none',
      change,
      help: 'The rate of the host while it is over. A direction without a rate is not throttled.',
    },
    { oneOf: [TEXT_SCHEMA, ref('throttle')] },
  ),
  block: boolean({
    default: 'false',
    change,
    help: 'Drop all packets of the host. In a list the bare word is enough.',
  }),
  page: node(
    {
      takes: 'true, false, or map',
      default: 'false',
      change,
      help: 'Show the host a page that says why, and until when, instead of the web, and refuse all else at once. In a list the bare word is enough.',
    },
    { oneOf: [{ type: 'boolean' }, ref('page')] },
  ),
  exec: list(
    {
      takes: 'program with arguments, as list',
      default: 'none',
      change,
      help: 'A program to run once for each host that gets over a limit, by its absolute path and without a shell. `{host}`, `{name}`, `{quota}`, `{state}`, `{over}`, `{direction}`, `{used}`, `{limit}` and `{ends}` in arguments stand for values.',
    },
    {
      read(text: string) {
        for (const [braces, name] of text.matchAll(PLACEHOLDER))
          if (!EXEC_WORDS.includes(name as ExecWord))
            throw new FieldError(
              `'${braces}' stands for nothing; write one of ${EXEC_WORDS.map((one) => `{${one}}`).join(', ')}`,
            );
        return text;
      },
      write: (text: string) => text,
    },
  ),
  webhook: word(
    {
      takes: 'URL of http or https',
      default: 'nobody is told',
      change,
      help: 'Where to POST the same as JSON.',
    },
    {
      read(url: string) {
        if (!/^https?:\/\/[^\s/?#]+\S*$/i.test(url))
          throw new FieldError(`'${url}' is not a URL; write https://HOST/PATH or http://HOST/PATH`);
        return url;
      },
      write: (url: string) => url,
    },
  ),
  mail: node({ takes: 'map', default: 'none', change, help: 'To whom to write the same.' }, ref('mail')),
  module: ACTION_MODULE,
  ...NO_ACTION_KEYS,
} satisfies Section;

/** `page` as one word. */
export const PAGE_WORD = boolean({ default: 'false', help: 'A page with every default, or none.' });

export const THROTTLE = {
  up: rate({ default: 'not throttled', change, help: 'The rate of what the host sends.' }),
  down: rate({ default: 'not throttled', change, help: 'The rate of what the host gets.' }),
} satisfies Section;

/** `throttle` as one rate. */
export const THROTTLE_WORD = THROTTLE.up;

const path = (help: string, standard: string) =>
  word(
    { takes: 'path', default: standard, change, help },
    { read: (text: string) => text, write: (text: string) => text },
  );

export const PAGE = {
  allow: list(
    {
      takes: 'address, prefix, name, or list',
      default: 'none',
      change,
      help: 'What the host reaches all the same, beside DNS and DHCP. Names are looked up every minute, and an address that a name had stays allowed for an hour.',
    },
    prefixOrName,
  ),
  cert: path(
    'Certificate in PEM, with its chain, for the captive-portal API of RFC 8908. It needs `key`.',
    'none',
  ),
  key: path('Private key of `cert`, in PEM.', 'none'),
  text: path('HTML for the body of the page.', 'our own'),
  style: path('Style sheet of the page.', 'our own'),
} satisfies Section;

const MAIL_ADDRESS = /^[^\s@<>,;]+@[^\s@<>,;]+$/;

const mailAddress = {
  read(text: string): string {
    if (!MAIL_ADDRESS.test(text)) throw new FieldError(`'${text}' is not one mail address; write NAME@HOST`);
    return text;
  },
  write: (text: string) => text,
};

export const MAIL = {
  to: word({ takes: 'mail address', default: 'required', change, help: 'Who gets the mail.' }, mailAddress),
  from: word({ takes: 'mail address', default: DEFAULTS.from, change, help: 'Who sends it.' }, mailAddress),
  server: word(
    {
      takes: 'smtp://HOST or smtps://HOST',
      default: DEFAULTS.server,
      change,
      help: 'The mail server, with a port if it is not 25, or 465 of smtps. Nobody logs in to it, so it has to take mail of this machine.',
    },
    {
      read(text: string) {
        if (/^smtps?:\/\/[^/]*@/i.test(text))
          throw new FieldError(
            'nobody logs in here: name a server that takes mail of this host, without a user',
          );
        if (!SERVER.test(text))
          throw new FieldError(
            `'${text}' is not a mail server; write smtp://HOST, smtp://HOST:25 or smtps://HOST`,
          );
        return text;
      },
      write: (text: string) => text,
    },
  ),
} satisfies Section;
