/** The commands that show who uses the line now, with their arguments and options. */
import { type Command, Option } from 'commander';
import { namedConf, socketConf } from '../conf-file.ts';
import type { CommandContext } from '../context.ts';
import type { FlowsOptions } from './flows.ts';
import type { HostsOptions } from './hosts.ts';
import type { WhyOptions } from './why.ts';

export function addViewCommands(program: Command, context: CommandContext): void {
  addFlows(program, context);
  addHosts(program, context);
  addWhy(program, context);
}

function addFlows(program: Command, { terminal, finish }: CommandContext): void {
  toInstance(program.command('flows'))
    .description('print the flows that use the line now')
    .option('--class <path>', 'flows of this class, such as wan/up/guests, and those inside it')
    .option('--host <address>', 'flows from or to this address or prefix')
    .option('--sort <by>', 'rate, bytes, backlog, dropped, rtt or age (default: rate)')
    .option('--limit <n>', 'how many (default: 20; 100 as JSON)')
    .addOption(
      new Option('--by <what>', 'flows, or the programs of this machine').choices(['flow', 'program']),
    )
    .action(async (file: string | undefined, options: FlowsOptions) => {
      const conf = socketConf(namedConf(file, options), options);
      const { flows } = await import('./flows.ts');
      finish(await flows({ ...options, conf }, terminal));
    });
}

function addHosts(program: Command, { terminal, finish }: CommandContext): void {
  toInstance(program.command('hosts'))
    .description('print the inside hosts, the fastest first')
    .option('--limit <n>', 'how many (default: all)')
    .action(async (file: string | undefined, options: HostsOptions) => {
      const conf = socketConf(namedConf(file, options), options);
      const { hosts } = await import('./hosts.ts');
      finish(await hosts({ ...options, conf }, terminal));
    });
}

function addWhy(program: Command, { terminal, finish }: CommandContext): void {
  program
    .command('why')
    .description('say what limits a flow now, and by which rule')
    .argument('<subject...>', 'an address, or PROTO SRC:PORT DST:PORT')
    .addOption(new Option('-c, --conf <file>', 'configuration file of the instance').conflicts('socket'))
    .option('--socket <path>', 'control socket of the instance')
    .option('--json', 'as JSON')
    .action(async (subject: string[], options: WhyOptions) => {
      const conf = socketConf(options.conf, options);
      const { why } = await import('./why.ts');
      finish(await why(subject.join(' '), { ...options, conf }, terminal));
    });
}

function toInstance(command: Command): Command {
  return command
    .argument('[file]', 'configuration file of the instance')
    .addOption(new Option('-c, --conf <file>', 'the file as an option').conflicts('socket'))
    .option('--socket <path>', 'control socket of the instance')
    .option('--json', 'as JSON');
}
