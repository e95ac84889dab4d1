/**
 * Fields of the instance as a whole: the traffic of its host, its kernel queues,
 * its control socket, its log. Part of the table in sections.ts.
 */
import { CLASS_NFQUEUES_MAX, NFQUEUE_NUMBER_MAX, QUEUE_LENGTH_MAX } from '../../limits.ts';
import { NFQUEUE as DEFAULTS, EXEMPT as EXEMPT_DEFAULTS, INSTANCE } from './defaults.ts';
import { NO_CONTROL_KEYS, NO_LOCAL_KEYS, NO_LOG_KEYS, NO_NFQUEUE_KEYS } from './elsewhere.ts';
import { boolean, choice, FieldError, list, node, ref, type Section, word } from './kinds.ts';
import { eightBitsOrAuto, listeningPorts } from './names.ts';
import { integer, share } from './quantities.ts';

/** sockaddr_un.sun_path holds 108 bytes with the closing zero. */
const SOCKET_PATH_BYTES_MAX = 107;

/** No colon and no line end, by which /etc/group is divided; no hyphen first (groupadd(8)). */
const GROUP_NAME = /^[A-Za-z0-9_.][A-Za-z0-9_.-]{0,31}\$?$/;

/** In the place of a folder: classes are not shown as files. */
const NO_FILES = 'none';

export const LOCAL = {
  exempt: node(
    {
      takes: 'map',
      default: '{}',
      change: 'reload',
      help: 'Packets that are charged and wait like all others but are not dropped, so that a person can log in when a link is full.',
    },
    ref('exempt'),
  ),
  ...NO_LOCAL_KEYS,
} satisfies Section;

export const EXEMPT = {
  ports: list(
    {
      takes: 'port, range 5060-5090, or list',
      mayBeEmpty: true,
      change: 'reload',
      default: EXEMPT_DEFAULTS.ports.map(listeningPorts.write).join(', '),
      help: 'TCP to and from these ports of this host is not dropped while it is within `share`. `[]`: nothing is exempt.',
    },
    listeningPorts,
  ),
  share: share({
    change: 'reload',
    default: '5%',
    help: "The part of a direction's rate that is exempt, at least 8kbit and at most half of a slow direction. Packets beyond it are packets like any other.",
  }),
} satisfies Section;

export const NFQUEUE = {
  first: integer({
    min: 0,
    max: NFQUEUE_NUMBER_MAX,
    default: String(DEFAULTS.first),
    help: 'First queue number. Instances side by side need different numbers.',
    change: 'restart',
  }),
  count: integer({
    min: 1,
    max: CLASS_NFQUEUES_MAX,
    default: String(DEFAULTS.count),
    help: 'How many queue numbers the instance uses, from first on.',
    change: 'reload',
  }),
  length: integer({
    min: 1,
    max: QUEUE_LENGTH_MAX,
    default: String(DEFAULTS.length),
    help: 'How many packets may wait for a verdict, per queue number.',
    change: 'reload',
  }),
  bypass: boolean({
    default: String(DEFAULTS.bypass),
    help: 'Packets pass unshaped while no shaper runs. With false the kernel drops them.',
    change: 'reload',
  }),
  gso: choice({
    choices: ['auto', 'true', 'false'],
    default: DEFAULTS.gso,
    help: 'Take superpackets of up to 64 KB whole, which is cheaper but comes in bursts. auto: for classes that are fast enough.',
    change: 'reload',
  }),
  backend: choice({
    choices: ['auto', 'nft', 'iptables'],
    default: DEFAULTS.backend,
    help: 'How rules are installed: with the queue statement of nft, or with NFQUEUE of iptables-nft. auto: nft where it works.',
    change: 'restart',
  }),
  mark: word(
    {
      takes: 'auto or a mask of 8 neighbouring bits',
      default: 'auto',
      help: 'The bits of packet and connection marks that the shaper may use. It preserves all other bits. auto: at the start, eight that no other program uses, from 0xff000000 down.',
      change: 'restart',
    },
    eightBitsOrAuto,
  ),
  ...NO_NFQUEUE_KEYS,
} satisfies Section;

export const CONTROL = {
  socket: word(
    {
      takes: 'absolute path',
      default: INSTANCE.socketPath,
      help: 'Unix socket over which `shaper status` and `shaper stop` reach the instance.',
      change: 'restart',
    },
    {
      read(path) {
        if (!path.startsWith('/')) throw new FieldError(`'${path}' is not an absolute path`);
        if (new TextEncoder().encode(path).length > SOCKET_PATH_BYTES_MAX) {
          throw new FieldError(
            `the path is longer than the ${SOCKET_PATH_BYTES_MAX} bytes that a Unix socket allows`,
          );
        }
        return path;
      },
      write: (path: string) => path,
    },
  ),
  group: word(
    {
      takes: 'name of a group',
      default: 'none',
      help: 'Members of this group may use the socket as well, and so do all that the commands can do. The group stands in /etc/group.',
      change: 'restart',
    },
    {
      read(name) {
        if (!GROUP_NAME.test(name)) throw new FieldError(`'${name}' is no name of a group`);
        return name;
      },
      write: (name: string) => name,
    },
  ),
  ...NO_CONTROL_KEYS,
} satisfies Section;

export const FILES = word(
  {
    takes: `absolute path of a folder, or ${NO_FILES}`,
    default: NO_FILES,
    help: 'Classes are shown as files in this folder, by a process of its own that needs CAP_SYS_ADMIN. The folder is made if it is missing; nothing may be in it.',
    change: 'reload',
  },
  {
    read(path) {
      if (path === NO_FILES) return null;
      if (!path.startsWith('/'))
        throw new FieldError(`'${path}' is neither an absolute path nor ${NO_FILES}`);
      if (/^\/+$/.test(path)) throw new FieldError('the root of all folders cannot be the one');
      return path;
    },
    write: (path: string | null) => path ?? NO_FILES,
  },
);

export const LOG = {
  level: choice({
    choices: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    default: INSTANCE.logLevel,
    help: 'The least severe messages that are logged.',
    change: 'reload',
  }),
  ...NO_LOG_KEYS,
} satisfies Section;
