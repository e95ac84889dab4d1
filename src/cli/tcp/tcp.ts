/** `shaper tcp`: the picture of a TCP connection, or of all connections of a class. */
import { EXIT_FAILED, EXIT_FINE, EXIT_USAGE, OperatingError } from '../../base/errors.ts';
import { follow } from '../../control/follow.ts';
import type { TcpEvent } from '../../control/tcp/report.ts';
import { TCP_SECONDS_MAX } from '../../limits.ts';
import { readVersion } from '../../live/version.ts';
import type { ConfOptions } from '../conf-file.ts';
import { writePage } from '../page/write.ts';
import { readSocketPath } from '../read-config.ts';
import type { Terminal } from '../terminal.ts';
import { withQuery } from '../views/query.ts';
import { picturePage } from './page.ts';
import { Gathering, type Picture } from './picture.ts';
import { pictureText } from './text.ts';

export interface TcpOptions extends ConfOptions {
  readonly seconds: string;
  readonly json?: boolean;
  readonly html?: string;
}

export async function tcp(subject: string, options: TcpOptions, terminal: Terminal): Promise<number> {
  const { html, json } = options;
  const seconds = readSeconds(options.seconds);
  const socketPath = readSocketPath(options, terminal);
  // A page that cannot be written is an error before the seconds pass, not after them.
  if (html !== undefined) writePage(html, '', 'a');
  const picture = await gather(socketPath, subject, seconds, terminal);
  if (html !== undefined) {
    writePage(html, picturePage(picture, { version: readVersion() }), 'w');
    terminal.err(`shaper: wrote ${html}\n`);
  }
  terminal.out(json ? `${JSON.stringify(jsonOf(picture), null, 1)}\n` : pictureText(picture, terminal));
  return EXIT_FINE;
}

function readSeconds(text: string): string {
  const seconds = /^\d+$/.test(text) ? Number(text) : 0;
  if (seconds >= 1 && seconds <= TCP_SECONDS_MAX) return String(seconds);
  throw new OperatingError(
    EXIT_USAGE,
    `--seconds takes a whole number from 1 to ${TCP_SECONDS_MAX}, not '${text}'`,
  );
}

async function gather(
  socketPath: string,
  subject: string,
  seconds: string,
  { isErrInteractive, err }: Terminal,
): Promise<Picture> {
  const gathering = new Gathering();
  const path = withQuery('/v1/tcp', { subject, seconds });
  await follow(socketPath, path, undefined, (json) => {
    const event = JSON.parse(json) as TcpEvent;
    gathering.take(event);
    if (isErrInteractive && event.type === 'state')
      err(`\r${event.atSeconds.toFixed(0)} of ${seconds} s, ${event.total.segments} segments`);
  });
  if (isErrInteractive && gathering.state !== null) err('\r\x1b[K');
  const picture = gathering.picture();
  if (picture !== null) return picture;
  throw new OperatingError(EXIT_FAILED, 'the instance ended, or cut the stream, before all was told');
}

/** As on the stream, with an object for each segment. */
function jsonOf({ subject, startedAt, seconds, flows, segments, end }: Picture): object {
  const { total, connections, shareBitsPerSecond, limitedBy, line } = end;
  return {
    subject,
    startedAt,
    seconds,
    line,
    total,
    shareBitsPerSecond,
    limitedBy,
    connections,
    flows,
    segments,
  };
}
