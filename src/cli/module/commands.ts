/** `shaper module …`, with its arguments and options. */
import { type Command, Option } from 'commander';
import type { ModuleSwitch } from '../../control/modules.ts';
import type { ChangeOptions } from '../change/socket.ts';
import type { CommandContext } from '../context.ts';
import type { ListOptions, LoadOptions } from './module.ts';

const NAME = ['<name>', 'its label, as shaper module list prints it'] as const;

export function addModuleCommands(program: Command, context: CommandContext): void {
  const group = program
    .command('module')
    .description("users' own code on packets: list, load, switch and unload modules while packets flow");
  addList(group, context);
  addLoad(group, context);
  addStat(group, context);
  addSwitch(group, context, 'unload', 'take a module out; packets that it holds are accepted');
  addSwitch(group, context, 'on', 'switch a module on, also one that was ejected');
  addSwitch(group, context, 'off', 'switch a module off: its packets stay in the kernel');
  addSwitch(group, context, 'reload', 'read the file of a module again, and run that');
}

function toInstance(command: Command): Command {
  return command
    .addOption(new Option('-c, --conf <file>', 'the configuration file of the instance').conflicts('socket'))
    .option('--socket <path>', 'control socket of the instance')
    .option('--json', 'as JSON');
}

function addList(group: Command, { terminal, finish }: CommandContext): void {
  toInstance(group.command('list'))
    .description('print all modules with their counters')
    .option('--options', 'with the options of each, and what they mean')
    .action(async (options: ListOptions) => {
      const { list } = await import('./module.ts');
      finish(await list(options, terminal));
    });
}

function addLoad(group: Command, { terminal, finish }: CommandContext): void {
  toInstance(group.command('load'))
    .description('load a module and switch it on')
    .argument('<file>', 'a file (.ts or .js), or the name of a built-in module or a package')
    .argument('[assignments...]', 'its options: threshold=20')
    .option('--priority <n>', 'packets pass the lowest first (default: 100)')
    .addOption(new Option('--run <where>', 'which of its forms').choices(['user', 'kernel']))
    .action(async (file: string, assignments: string[], options: LoadOptions) => {
      const { load } = await import('./module.ts');
      finish(await load(file, assignments, options, terminal));
    });
}

function addStat(group: Command, { terminal, finish }: CommandContext): void {
  toInstance(group.command('stat'))
    .description('print the counters and options of one module')
    .argument(...NAME)
    .action(async (name: string, options: ChangeOptions) => {
      const { stat } = await import('./module.ts');
      finish(await stat(name, options, terminal));
    });
}

function addSwitch(
  group: Command,
  { terminal, finish }: CommandContext,
  action: ModuleSwitch,
  description: string,
): void {
  toInstance(group.command(action))
    .description(description)
    .argument(...NAME)
    .action(async (name: string, options: ChangeOptions) => {
      const { turn } = await import('./module.ts');
      finish(await turn(action, name, options, terminal));
    });
}
