/** The commands that change a running instance, with their arguments and options. */
import { type Command, Option } from 'commander';
import { namedConf } from '../conf-file.ts';
import type { CommandContext } from '../context.ts';
import type { ReloadOptions } from './reload.ts';
import type { ChangeOptions } from './socket.ts';
import type { WatchOptions } from './watch.ts';

const PATH = ['<path>', 'class, such as wan/up/guests; or direction, such as wan/up'] as const;
const OWN_FILE = ['[file]', 'configuration file of the instance'] as const;
const BEFORE = ['--before <name>', 'the neighbour in front of which it is tried (default: last)'] as const;

export function addChangeCommands(program: Command, context: CommandContext): void {
  for (const add of [
    addSet,
    addClass,
    addReload,
    addConfirm,
    addRevert,
    addDiff,
    addSave,
    addLeases,
    addWatch,
  ])
    add(program, context);
}

/** The options by which every command finds its instance. */
function toInstance(command: Command): Command {
  return command
    .addOption(new Option('-c, --conf <file>', 'the configuration file of the instance').conflicts('socket'))
    .option('--socket <path>', 'control socket of the instance')
    .option('--json', 'as JSON');
}

function addSet(program: Command, { terminal, finish }: CommandContext): void {
  toInstance(program.command('set'))
    .description('change a class while packets flow')
    .argument(...PATH)
    .argument('<assignments...>', 'ceil=5mbit, each.rate=1mbit; police=null removes')
    .option('--for <time>', 'go back by itself after this time: 30m, 4h')
    .action(async (path: string, assignments: string[], options: ChangeOptions & { for?: string }) => {
      const { set } = await import('./classes.ts');
      finish(await set(path, assignments, options, terminal));
    });
}

function addClass(program: Command, { terminal, finish }: CommandContext): void {
  const group = program.command('class').description('add, remove or move a class while packets flow');
  toInstance(group.command('add'))
    .description('add a class')
    .argument(...PATH)
    .argument('<assignments...>', "ceil=5mbit 'match={ dport: 873 }'")
    .option(...BEFORE)
    .action(async (path: string, assignments: string[], options: ChangeOptions) => {
      const { addClass: run } = await import('./classes.ts');
      finish(await run(path, assignments, options, terminal));
    });
  toInstance(group.command('remove'))
    .description('remove a class with all classes inside it')
    .argument(...PATH)
    .action(async (path: string, options: ChangeOptions) => {
      const { removeClass } = await import('./classes.ts');
      finish(await removeClass(path, options, terminal));
    });
  toInstance(group.command('move'))
    .description('move or rename a class with all classes inside it')
    .argument(...PATH)
    .argument('<newpath>', 'its new path in the same direction')
    .option(...BEFORE)
    .action(async (path: string, newPath: string, options: ChangeOptions) => {
      const { moveClass } = await import('./classes.ts');
      finish(await moveClass(path, newPath, options, terminal));
    });
}

function addReload(program: Command, { terminal, finish }: CommandContext): void {
  toInstance(program.command('reload'))
    .description('apply a configuration file as one transaction')
    .argument('[file]', 'the file (default: the one by which the instance runs)')
    .option('--confirm <time>', 'go back by itself after this time, unless shaper confirm comes')
    .addOption(new Option('--dry-run', 'say what would change, and change nothing').conflicts('confirm'))
    .action(async (file: string | undefined, options: ReloadOptions) => {
      const { reload } = await import('./reload.ts');
      finish(await reload(file, options, terminal));
    });
}

function addConfirm(program: Command, { terminal, finish }: CommandContext): void {
  toInstance(program.command('confirm'))
    .description('keep a reload that waits to be confirmed')
    .argument(...OWN_FILE)
    .action(async (file: string | undefined, options: ChangeOptions) => {
      const { confirm } = await import('./reload.ts');
      finish(await confirm({ ...options, conf: namedConf(file, options) }, terminal));
    });
}

function addRevert(program: Command, { terminal, finish }: CommandContext): void {
  toInstance(program.command('revert'))
    .description('go back to the last confirmed configuration, or to the one before the last reload')
    .argument(...OWN_FILE)
    .action(async (file: string | undefined, options: ChangeOptions) => {
      const { revert } = await import('./reload.ts');
      finish(await revert({ ...options, conf: namedConf(file, options) }, terminal));
    });
}

function addDiff(program: Command, { terminal, finish }: CommandContext): void {
  toInstance(program.command('diff'))
    .description('print how the running configuration differs from its file')
    .argument(...OWN_FILE)
    .action(async (file: string | undefined, options: ChangeOptions) => {
      const { diff } = await import('./reload.ts');
      finish(await diff({ ...options, conf: namedConf(file, options) }, terminal));
    });
}

function addSave(program: Command, { terminal, finish }: CommandContext): void {
  toInstance(program.command('save'))
    .description('write the running configuration to a file')
    .argument('[file]', 'the file (default: the one by which the instance runs)')
    .action(async (file: string | undefined, options: ChangeOptions) => {
      const { save } = await import('./save.ts');
      finish(await save(file, options, terminal));
    });
}

function addLeases(program: Command, { terminal, finish }: CommandContext): void {
  toInstance(program.command('leases'))
    .description('list changes with an end, and the schedules that hold now')
    .argument(...OWN_FILE)
    .action(async (file: string | undefined, options: ChangeOptions) => {
      const { leases } = await import('./leases.ts');
      finish(await leases({ ...options, conf: namedConf(file, options) }, terminal));
    });
  const group = program.command('lease').description('end a change before its time');
  toInstance(group.command('end'))
    .description('end a lease now')
    .argument('<id>', 'its number, as shaper leases prints it')
    .action(async (id: string, options: ChangeOptions) => {
      const { endLease } = await import('./leases.ts');
      finish(await endLease(id, options, terminal));
    });
}

function addWatch(program: Command, { terminal, finish }: CommandContext): void {
  toInstance(program.command('watch'))
    .description('print what happens, one JSON object a line, until the instance ends')
    .argument(...OWN_FILE)
    .option('--since <id>', 'first print what is kept since this event; 0 for all')
    .option('--retry', 'wait for the next instance when this one has ended')
    .action(async (file: string | undefined, options: WatchOptions) => {
      const { watch } = await import('./watch.ts');
      finish(await watch({ ...options, conf: namedConf(file, options) }, terminal));
    });
}
