/** The commands that attach programs, users and sockets to classes, with their arguments and options. */
import { type Command, Option } from 'commander';
import type { ChangeOptions } from '../change/socket.ts';
import { namedConf } from '../conf-file.ts';
import type { CommandContext } from '../context.ts';
import type { ExecOptions } from './exec.ts';

const FORMS = `
SUBJECT is one of
  pid:N            a process and all that it starts
  pgid:N           a process group
  socket:PID/FD    one open socket of a process
  NAME             every process of the program NAME
  exe:PATH         every process of the program with this path
  user:NAME        a user
  cgroup:PATH      a control group, such as cgroup:/system.slice
  unit:NAME        a unit of systemd
  container:NAME   a container of docker or podman, by its name or id
`;

const CLASSES = ['<class...>', 'such as wan/up/bulk; one for each direction'] as const;

export function addAttachCommands(program: Command, context: CommandContext): void {
  for (const add of [addAttach, addDetach, addAttached, addExec]) add(program, context);
}

function toInstance(command: Command): Command {
  return command
    .addOption(new Option('-c, --conf <file>', 'the configuration file of the instance').conflicts('socket'))
    .option('--socket <path>', 'control socket of the instance');
}

function addAttach(program: Command, { terminal, finish }: CommandContext): void {
  toInstance(program.command('attach'))
    .description('send the packets of a program, a user or a socket to a class')
    .argument('<subject>', 'such as pid:1234, user:alice, unit:nginx; see below')
    .argument(...CLASSES)
    .option('--json', 'as JSON')
    .addHelpText('after', FORMS)
    .action(async (subject: string, classes: string[], options: ChangeOptions) => {
      const { attach } = await import('./attach.ts');
      finish(await attach(subject, classes, options, terminal));
    });
}

function addDetach(program: Command, { terminal, finish }: CommandContext): void {
  toInstance(program.command('detach'))
    .description('end an attachment, in all directions or in one')
    .argument('<subject>', 'as shaper attached prints it')
    .argument('[class]', 'a class or a direction that it leaves (default: all)')
    .option('--json', 'as JSON')
    .action(async (subject: string, from: string | undefined, options: ChangeOptions) => {
      const { detach } = await import('./attach.ts');
      finish(await detach(subject, from, options, terminal));
    });
}

function addAttached(program: Command, { terminal, finish }: CommandContext): void {
  toInstance(program.command('attached'))
    .description('list what is attached to which class')
    .argument('[file]', 'configuration file of the instance')
    .option('--json', 'as JSON')
    .action(async (file: string | undefined, options: ChangeOptions) => {
      const { attached } = await import('./attach.ts');
      finish(await attached({ ...options, conf: namedConf(file, options) }, terminal));
    });
}

function addExec(program: Command, { terminal, finish, afterDashes }: CommandContext): void {
  toInstance(program.command('exec'))
    .description('start a command in a class: shaper exec wan/up/bulk -- rsync FROM TO')
    .usage('CLASS... [options] -- COMMAND [ARGUMENT...]')
    .argument(...CLASSES)
    .option('--up <rate>', 'make a class for the command, with this ceil for packets that leave')
    .option('--down <rate>', 'the same for packets that come')
    .action(async (classes: string[], options: ExecOptions) => {
      const { exec } = await import('./exec.ts');
      finish(await exec(classes, afterDashes, options, terminal));
    });
}
