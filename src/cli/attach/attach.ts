/** `shaper attach`, `detach` and `attached`. */
import { EXIT_FINE } from '../../base/errors.ts';
import { printable } from '../../base/printable.ts';
import { joinColumns, padColumns } from '../../base/text-columns.ts';
import { call } from '../../client/client.ts';
import type { AttachmentReport } from '../../control/subjects/attachment.ts';
import type { AttachAnswer, AttachmentsReport } from '../../control/subjects/subject-service.ts';
import { printJson } from '../change/print.ts';
import { type ChangeOptions, socketOf } from '../change/socket.ts';
import { withQuery } from '../query.ts';
import type { Terminal } from '../terminal.ts';

export async function attach(
  subject: string,
  classes: readonly string[],
  options: ChangeOptions,
  terminal: Terminal,
): Promise<number> {
  const answer = await call(socketOf(options), 'POST', '/v1/attachments', { subject, classes });
  if (options.json) printJson(answer, terminal);
  else printAttached(answer as unknown as AttachAnswer, terminal);
  return EXIT_FINE;
}

export async function detach(
  subject: string,
  from: string | undefined,
  options: ChangeOptions,
  terminal: Terminal,
): Promise<number> {
  const path = withQuery('/v1/attachments', { subject, from });
  const answer = await call(socketOf(options), 'DELETE', path);
  if (options.json) printJson(answer, terminal);
  else {
    const { attachment } = answer as unknown as AttachAnswer;
    const left = from ?? attachment.classes.join(' and ');
    terminal.out(`${printable(`${nameOf(attachment)}: detached from ${left}`)}\n`);
  }
  return EXIT_FINE;
}

export async function attached(options: ChangeOptions, terminal: Terminal): Promise<number> {
  const answer = await call(socketOf(options), 'GET', '/v1/attachments');
  if (options.json) printJson(answer, terminal);
  else terminal.out(attachedTable(answer as unknown as AttachmentsReport));
  return EXIT_FINE;
}

function printAttached({ attachment, notes }: AttachAnswer, terminal: Terminal): void {
  const { classes, processes, sockets, state } = attachment;
  const size = state === 'waiting' ? 'nothing of it runs now' : sizeText(processes, sockets);
  terminal.out(`${printable(`${nameOf(attachment)} -> ${classes.join(' and ')} (${size})`)}\n`);
  for (const note of notes) terminal.err(`${printable(note)}\n`);
}

/** One line each: what, how much of it, where it goes. */
export function attachedTable({ attachments, unknownFlows }: AttachmentsReport): string {
  const unknown =
    unknownFlows === 0 ? '' : `of ${unknownFlows} local flows the kernel could not tell whose they are\n`;
  if (attachments.length === 0) return `nothing is attached\n${unknown}`;
  const rows = [
    ['id', 'subject', 'processes', 'sockets', 'state', 'classes'],
    ...attachments.map((one) => [
      String(one.id),
      printable(nameOf(one)),
      String(one.processes),
      String(one.sockets),
      one.state,
      one.classes.join(' '),
    ]),
  ];
  const isLeft = (column: number): boolean => column === 1 || column > 3;
  return `${joinColumns(padColumns(rows, isLeft))}\n${unknown}`;
}

/** `pid:1234 rsync`; the text alone where nothing more is known. */
function nameOf({ subject, text }: AttachmentReport): string {
  return text === '' ? subject : `${subject} ${text}`;
}

function sizeText(processes: number, sockets: number): string {
  return `${processes} ${processes === 1 ? 'process' : 'processes'}, ${sockets} ${sockets === 1 ? 'socket' : 'sockets'}`;
}
