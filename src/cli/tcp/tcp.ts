/** `shaper tcp`: the picture of a TCP connection, or of all connections of a class. */
import { EXIT_FINE, EXIT_USAGE, OperatingError } from '../../base/errors.ts';
import { TCP_SECONDS_MAX } from '../../limits.ts';
import { readVersion } from '../../live/version.ts';
import type { ConfOptions } from '../conf-file.ts';
import { explain } from '../errors.ts';
import { tryPage, writePage } from '../page/write.ts';
import { readSocketPath } from '../read-config.ts';
import type { Terminal } from '../terminal.ts';
import { gather } from './gather.ts';
import { picturePage } from './page.ts';
import type { Picture } from './picture.ts';
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
  if (html !== undefined) tryPage(html);
  const { picture, failure } = await gather(socketPath, subject, seconds, terminal);
  terminal.out(json ? `${JSON.stringify(jsonOf(picture), null, 1)}\n` : pictureText(picture, terminal));
  const exitCode = failure === null ? EXIT_FINE : explain(failure, terminal);
  if (html !== undefined) {
    writePage(html, picturePage(picture, { version: readVersion() }), 'w');
    terminal.err(`shaper: wrote ${html}\n`);
  }
  return exitCode;
}

function readSeconds(text: string): string {
  const seconds = /^\d+$/.test(text) ? Number(text) : 0;
  if (seconds >= 1 && seconds <= TCP_SECONDS_MAX) return String(seconds);
  throw new OperatingError(
    EXIT_USAGE,
    `--seconds takes a whole number from 1 to ${TCP_SECONDS_MAX}, not '${text}'`,
  );
}

/** As on the stream, with an object for each segment. */
function jsonOf({ subject, startedAt, seconds, flows, segments, end }: Picture): object {
  const { total, connections, shareBitsPerSecond, limitedBy, ended, line } = end;
  return {
    subject,
    startedAt,
    seconds,
    line,
    total,
    shareBitsPerSecond,
    limitedBy,
    ended,
    connections,
    flows,
    segments,
  };
}
