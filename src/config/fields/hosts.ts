/** Fields of inside hosts and of their history. Part of the table in sections.ts. */
import { formatTime, parseTime } from '../../base/units.ts';
import type { KeepSpec } from '../../spec/hosts.ts';
import { HISTORY as DEFAULTS } from './defaults.ts';
import { NO_HISTORY_KEYS, NO_HOSTS_KEYS } from './elsewhere.ts';
import { absolutePath } from './host-names.ts';
import { boolean, choice, FieldError, list, node, type Section, type TextForm, word } from './kinds.ts';
import { device } from './names.ts';
import { time } from './quantities.ts';

export const HOSTS = {
  lan: list(
    {
      takes: 'device, or list',
      default: "every device that is not a link's",
      change: 'reload',
      help: 'Devices behind which the inside hosts are. Packets of other devices make no host. Where it names the device of a link, the inside of that link is exchanged: the destination in up, the source in down.',
    },
    device,
  ),
  identify: choice({
    choices: ['mac', 'address', 'port'],
    default: 'mac',
    change: 'reload',
    help: 'By what packets belong to one host. mac: the device, with all its addresses. address: each address by itself. port: the port of a bridge, or the VLAN device, whatever is behind it.',
  }),
  names: node(
    {
      takes: 'map of name to MAC or address',
      default: '{}',
      change: 'reload',
      help: 'Names of hosts, for `match`, `quotas` and all that is shown. They go before names of leases.',
    },
    { type: 'object', additionalProperties: { type: 'string' } },
  ),
  leases: list(
    {
      takes: 'absolute path, or list',
      default: 'none',
      change: 'reload',
      help: 'Files with DHCP leases of dnsmasq, ISC dhcpd or Kea: names and MACs.',
    },
    absolutePath,
  ),
  reverseDns: boolean({
    default: 'false',
    change: 'reload',
    help: 'Ask the resolver for names of hosts that have no other, beside the packets. These names are only shown.',
  }),
  ...NO_HOSTS_KEYS,
} satisfies Section;

const SECOND = 1e9;
const MINUTE = 60 * SECOND;

/** In the place of a file: nothing is stored. */
export const NO_FILE = 'none';

/** `5m for 2d`. */
const keep: TextForm<KeepSpec> = {
  read(text) {
    const [, step, span] = /^(.+?)\s+for\s+(.+)$/.exec(text.trim()) ?? [];
    if (step === undefined || span === undefined)
      throw new FieldError(`'${text}' does not say how long a step is kept; write 5m for 2d`);
    return { stepNs: parseTime(step), forNs: parseTime(span) };
  },
  write: ({ stepNs, forNs }) => `${formatTime(stepNs)} for ${formatTime(forNs)}`,
};

export const HISTORY = {
  file: word(
    {
      takes: 'absolute path, or none',
      default: DEFAULTS.file,
      change: 'restart',
      help: 'Where the counts of hosts are stored, so that windows of quotas and graphs go on after a restart. none: nowhere. Without quotas and without `history` nothing is stored.',
    },
    {
      read: (text: string): string | null => (text === NO_FILE ? null : absolutePath.read(text)),
      write: (path: string | null) => path ?? NO_FILE,
    },
  ),
  flush: time({
    min: SECOND,
    max: 10 * MINUTE,
    default: '10s',
    change: 'reload',
    help: 'How often counts are stored. So much at most is lost if the machine loses its power.',
  }),
  keep: list(
    {
      takes: 'STEP for TIME, or list',
      default: DEFAULTS.keep.map(keep.write).join(', '),
      change: 'reload',
      help: 'How long history is kept, and in steps of which length, the finest first. Each step is a multiple of the one before.',
    },
    keep,
  ),
  ...NO_HISTORY_KEYS,
} satisfies Section;
