/** The commands of quotas and of the past of hosts, with their arguments and options. */
import { type Command, Option } from 'commander';
import type { ChangeOptions } from '../change/socket.ts';
import type { CommandContext } from '../context.ts';
import type { ExportOptions } from '../history/export.ts';
import type { HistoryOptions } from '../history/history.ts';
import type { GrantOptions } from './quota.ts';

const HOST = 'its name, id, MAC or any of its addresses';

export function addQuotaCommands(program: Command, context: CommandContext): void {
  addQuota(program, context);
  addHistory(program, context);
}

function toInstance(command: Command): Command {
  return command
    .addOption(new Option('-c, --conf <file>', 'configuration file of the instance').conflicts('socket'))
    .option('--socket <path>', 'control socket of the instance');
}

/** The command around another has options of the same names, and takes some of them first. */
function allOptions<Options extends object>(command: Command): Options {
  return command.optsWithGlobals<Options & Record<string, unknown>>();
}

function addQuota(program: Command, { terminal, finish }: CommandContext): void {
  const group = toInstance(program.command('quota'))
    .description('print how hosts stand with their quotas; grant an exception, or begin anew')
    .argument('[host]', `one host alone: ${HOST}`)
    .option('--json', 'as JSON')
    .action(async (host: string | undefined, options: ChangeOptions) => {
      const { quota } = await import('./quota.ts');
      finish(await quota(host, options, terminal));
    });
  toInstance(group.command('grant'))
    .description('let a host have more than its limits')
    .argument('<host>', HOST)
    .argument('<bytes>', 'by how much the limits are higher: 5GB')
    .option('--quota <name>', 'of this quota alone (default: all)')
    .option('--for <time>', 'for how long: 1d (default: 4h in a window of 4h, and so on)')
    .option('--json', 'as JSON')
    .action(async (host: string, bytes: string, _: object, command: Command) => {
      const { grant } = await import('./quota.ts');
      finish(await grant(host, bytes, allOptions<GrantOptions>(command), terminal));
    });
  toInstance(group.command('reset'))
    .description('forget what a host has used of its quotas; its history stays')
    .argument('<host>', HOST)
    .option('--json', 'as JSON')
    .action(async (host: string, _: object, command: Command) => {
      const { reset } = await import('./quota.ts');
      finish(await reset(host, allOptions<ChangeOptions>(command), terminal));
    });
}

function addHistory(program: Command, { terminal, finish }: CommandContext): void {
  const group = toInstance(program.command('history'))
    .description('plot what a host sent and received in the past')
    .argument('<host>', `${HOST}; house: all hosts together`)
    .option('--last <time>', 'how much of the past: 4h, 7d, 30d (default: 7d)')
    .option('--step <time>', 'the span of a point: 5m, 1h, 1d (default: the finest that is kept for so long)')
    .option('--json', 'as JSON')
    .addOption(new Option('--csv', 'as comma-separated values').conflicts('json'))
    .addOption(
      new Option(
        '--html <file>',
        'write a page with the last day, week and month, after what --last asks for',
      ).conflicts([...['json', 'csv']]),
    )
    .action(async (host: string, options: HistoryOptions) => {
      const { history } = await import('../history/history.ts');
      finish(await history(host, options, terminal));
    });
  group
    .command('export')
    .description('write the history of every host as a round-robin database, by rrdtool')
    .addOption(new Option('-c, --conf <file>', 'configuration that names the file of history'))
    .addOption(new Option('--file <file>', 'the file of history itself').conflicts('conf'))
    .requiredOption('--rrd <dir>', 'folder of the databases, one file a host')
    .action(async (_: object, command: Command) => {
      const { exportHistory } = await import('../history/export.ts');
      finish(await exportHistory(allOptions<ExportOptions>(command), terminal));
    });
}
