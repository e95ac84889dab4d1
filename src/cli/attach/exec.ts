/**
 * `shaper exec`: starts a command in a class. This process attaches its control group or, without one,
 * itself, and starts the command then, so the command's first packet is in the class. It waits for the
 * command and ends as that ends.
 */
import { EXIT_USAGE, OperatingError } from '../../base/errors.ts';
import { printable } from '../../base/printable.ts';
import { type Answer, ClientError, call } from '../../client/client.ts';
import type { AttachAnswer } from '../../control/subjects/subject-service.ts';
import { socketOf } from '../change/socket.ts';
import type { ConfOptions } from '../conf-file.ts';
import type { Terminal } from '../terminal.ts';
import { endAs, runCommand } from './child.ts';
import { enterOwnGroup } from './own-group.ts';

export interface ExecOptions extends ConfOptions {
  readonly up?: string;
  readonly down?: string;
}

export async function exec(
  classes: readonly string[],
  /** null: there is no `--`. */
  command: readonly string[] | null,
  options: ExecOptions,
  terminal: Terminal,
): Promise<number> {
  if (command === null || command.length === 0) {
    const hint = 'shaper exec CLASS... [--up RATE] [--down RATE] -- COMMAND [ARGUMENT...]';
    throw new OperatingError(EXIT_USAGE, 'the command is expected after --', hint);
  }
  const socketPath = socketOf(options);
  const place = await attachSelf(socketPath, classes, options);
  for (const note of place.notes) terminal.err(`${printable(note)}\n`);
  const ended = await runCommand(command, terminal);
  await place.leave();
  return 'signal' in ended ? endAs(ended.signal, terminal) : ended.code;
}

/** The instance does not find the control group that we have made. */
const NOT_THERE = ['no-such-subject', 'no-cgroup2'];

interface Place {
  readonly notes: readonly string[];
  leave(): Promise<void>;
}

async function attachSelf(
  socketPath: string,
  classes: readonly string[],
  { up, down }: ExecOptions,
): Promise<Place> {
  const post = (subject: string, ownsGroup: boolean): Promise<Answer> =>
    call(socketPath, 'POST', '/v1/attachments', { subject, classes, make: { up, down }, ownsGroup });
  const group = enterOwnGroup();
  if (group !== null) {
    try {
      const answer = (await post(`cgroup:${group.path}`, true)) as unknown as AttachAnswer;
      return {
        notes: answer.notes,
        leave: async () => {
          // While something that the command has started is in the group, the instance keeps class and group.
          if (group.leave()) await detach(socketPath, answer.attachment.id);
        },
      };
    } catch (error) {
      group.leave();
      if (!(error instanceof ClientError && NOT_THERE.includes(error.reason))) throw error;
      // The instance sees other control groups than we do: by the process then.
    }
  }
  const answer = (await post(`pid:${process.pid}`, false)) as unknown as AttachAnswer;
  // What the command has started may go on: the instance sees the end of the last process.
  return { notes: answer.notes, leave: async () => undefined };
}

async function detach(socketPath: string, id: number): Promise<void> {
  try {
    await call(socketPath, 'DELETE', `/v1/attachments/${id}`);
  } catch (error) {
    // The instance has ended, or has seen the end of the group before us.
    if (!(error instanceof ClientError)) throw error;
  }
}
