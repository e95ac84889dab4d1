/** Fields of what binds an instance to its machine. Part of the table in fields.ts. */
import { QUEUE_LENGTH_MAX, QUEUES_MAX } from '../../limits.ts';
import { boolean, choice, FieldError, integer, type Section, word } from './kinds.ts';

/** The default of `control.socket`. */
export const SOCKET_PATH = '/run/shaper/shaper.sock';
/** sockaddr_un.sun_path holds 108 bytes with the closing zero. */
const SOCKET_PATH_BYTES_MAX = 107;

export const NFQUEUE = {
  first: integer({
    min: 0,
    max: 65535,
    default: '100',
    help: 'First queue number. Instances side by side need different ones.',
  }),
  count: integer({
    min: 1,
    max: QUEUES_MAX,
    default: '4',
    help: 'Queue numbers used, from first on.',
  }),
  length: integer({
    min: 1,
    max: QUEUE_LENGTH_MAX,
    default: '32768',
    help: 'Packets that may wait for an answer, per queue number.',
  }),
  bypass: boolean({
    default: 'true',
    help: 'Packets pass unshaped while no shaper answers; false drops them.',
  }),
  gso: choice({
    choices: ['auto', 'true', 'false'],
    default: 'auto',
    help: 'Take superpackets of up to 64 KB whole: cheaper, but in bursts. auto: for classes that are fast enough.',
  }),
  backend: choice({
    choices: ['auto', 'nft', 'iptables'],
    default: 'auto',
    help: 'How rules are installed: the nft queue statement, or NFQUEUE of iptables-nft. auto: what works.',
  }),
  mark: word(
    {
      takes: 'mask of 8 neighbouring bits',
      default: '0xff000000',
      help: 'Bits of packet and connection marks that the shaper may use; all others are left alone.',
    },
    (mask) => {
      const isMask = /^(0x[\da-f]{1,8}|\d{1,10})$/i.test(mask);
      const shift = isMask ? 31 - Math.clz32(Number(mask) & -Number(mask)) : -1;
      if (!isMask || shift < 0 || shift > 24 || Number(mask) !== 0xff * 2 ** shift) {
        throw new FieldError(
          `'${mask}' is no mask of eight neighbouring bits, like 0xff000000 or 0x00ff0000`,
        );
      }
      return mask;
    },
  ),
} satisfies Section;

export const CONTROL = {
  socket: word(
    {
      takes: 'absolute path',
      default: SOCKET_PATH,
      help: 'Unix socket that `shaper status` talks to.',
    },
    (path) => {
      if (!path.startsWith('/')) throw new FieldError(`'${path}' is no absolute path`);
      if (new TextEncoder().encode(path).length > SOCKET_PATH_BYTES_MAX) {
        throw new FieldError(
          `the path is longer than the ${SOCKET_PATH_BYTES_MAX} bytes a Unix socket allows`,
        );
      }
      return path;
    },
  ),
} satisfies Section;

export const LOG = {
  level: choice({
    choices: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    default: 'info',
    help: 'Least severe messages that are logged.',
  }),
} satisfies Section;
