/**
 * The commands with their arguments and options. A command loads its
 * parts when it runs, so that `status` needs no packet machinery.
 */
import { type Command, Option } from 'commander';
import { TCP_SECONDS_MAX } from '../limits.ts';
import { addAttachCommands } from './attach/commands.ts';
import { addChangeCommands } from './change/commands.ts';
import { type ConfOptions, DEFAULT_CONF, namedConf, requiredConf, socketConf } from './conf-file.ts';
import type { CommandContext } from './context.ts';
import { addModuleCommands } from './module/commands.ts';
import { addQuotaCommands } from './quota/commands.ts';
import type { SimulateOptions } from './simulate.ts';
import type { TcpOptions } from './tcp/tcp.ts';
import type { TopOptions } from './top/top.ts';
import { addViewCommands } from './views/commands.ts';

const FILE = ['[file]', `configuration file (YAML; default: ${DEFAULT_CONF})`] as const;
const CONF = ['-c, --conf <file>', 'the file as an option'] as const;
/** Options that would do nothing beside --list. */
const BESIDE_LIST = [
  'scenario',
  'pcap',
  'history',
  'module',
  'compare',
  'seed',
  'json',
  'html',
  'quotaSpeed',
  'duration',
];
/** Options of packets, of which a replay of history has none. */
const BESIDE_HISTORY = ['scenario', 'pcap', 'module', 'compare', 'html', 'quotaSpeed', 'duration'];

export function addCommands(program: Command, context: CommandContext): void {
  for (const add of [
    addRun,
    addCheck,
    addRules,
    addStatus,
    addTop,
    addStop,
    addSimulate,
    addFiles,
    addExplain,
    addClean,
  ])
    add(program, context);
  addChangeCommands(program, context);
  addAttachCommands(program, context);
  addViewCommands(program, context);
  addQuotaCommands(program, context);
  addModuleCommands(program, context);
  addTcp(program, context);
}

function addRun(program: Command, { terminal, finish }: CommandContext): void {
  program
    .command('run')
    .description('shape until SIGTERM, SIGINT or shaper stop (the word run may be left out)')
    .argument(...FILE)
    .option(...CONF)
    .action(async (file: string | undefined, options: ConfOptions) => {
      const conf = requiredConf(namedConf(file, options));
      const { run } = await import('./run.ts');
      finish(await run(conf, terminal));
    });
}

function addCheck(program: Command, { terminal, finish }: CommandContext): void {
  program
    .command('check')
    .description('check a configuration file; print its problems or its meaning')
    .argument(...FILE)
    .option(...CONF)
    .action(async (file: string | undefined, options: ConfOptions) => {
      const conf = requiredConf(namedConf(file, options));
      const { check } = await import('./check.ts');
      finish(await check(conf, terminal));
    });
}

function addRules(program: Command, { terminal, finish }: CommandContext): void {
  const backend = 'back end of the rules (default: nfqueue.backend; nft where that is auto)';
  program
    .command('rules')
    .description('print the rules that run would install on a kernel that supports all of them')
    .argument(...FILE)
    .option(...CONF)
    .addOption(new Option('--backend <name>', backend).choices(['nft', 'iptables']))
    .action(async (file: string | undefined, options: ConfOptions & { backend?: 'nft' | 'iptables' }) => {
      const conf = requiredConf(namedConf(file, options));
      const { rules } = await import('./rules.ts');
      finish(await rules({ conf, backend: options.backend }, terminal));
    });
}

function addStatus(program: Command, { terminal, finish }: CommandContext): void {
  program
    .command('status')
    .description('print the counters of a running instance')
    .argument(...FILE)
    .addOption(new Option(...CONF).conflicts('socket'))
    .option('--socket <path>', 'control socket of the instance')
    .option('--json', 'as JSON')
    .action(async (file: string | undefined, options: ConfOptions & { json?: boolean }) => {
      const conf = socketConf(namedConf(file, options), options);
      const { status } = await import('./status.ts');
      finish(await status({ ...options, conf }, terminal));
    });
}

function addTop(program: Command, { terminal, finish }: CommandContext): void {
  program
    .command('top')
    .description('watch a running instance on a full screen, and change its limits by keys')
    .argument(...FILE)
    .addOption(new Option(...CONF).conflicts('socket'))
    .option('--socket <path>', 'control socket of the instance')
    .addOption(
      new Option('--by <what>', 'what it lists at first').choices(['class', 'host', 'flow', 'program']),
    )
    .action(async (file: string | undefined, options: TopOptions) => {
      const conf = socketConf(namedConf(file, options), options);
      const { top } = await import('./top/top.ts');
      finish(await top({ ...options, conf }, terminal));
    });
}

function addTcp(program: Command, { terminal, finish }: CommandContext): void {
  program
    .command('tcp')
    .description('show the segments of a TCP connection, or of all of a class, as they pass')
    .argument('<subject...>', 'a class such as wan/up, an address, or tcp SRC:PORT DST:PORT')
    .addOption(new Option('-c, --conf <file>', 'configuration file of the instance').conflicts('socket'))
    .option('--socket <path>', 'control socket of the instance')
    .option('--seconds <n>', `for how long, 1 to ${TCP_SECONDS_MAX}`, '10')
    .option('--json', 'as JSON')
    .option('--html <file>', 'write a page with pictures')
    .action(async (subject: string[], options: TcpOptions) => {
      const conf = socketConf(options.conf, options);
      const { tcp } = await import('./tcp/tcp.ts');
      finish(await tcp(subject.join(' '), { ...options, conf }, terminal));
    });
}

function addStop(program: Command, { terminal, finish }: CommandContext): void {
  program
    .command('stop')
    .description('stop a running instance in an orderly way, as SIGTERM does')
    .argument(...FILE)
    .addOption(new Option(...CONF).conflicts('socket'))
    .option('--socket <path>', 'control socket of the instance')
    .action(async (file: string | undefined, options: ConfOptions) => {
      const conf = socketConf(namedConf(file, options), options);
      const { stop } = await import('./stop.ts');
      finish(await stop({ ...options, conf }, terminal));
    });
}

function addSimulate(program: Command, { terminal, finish }: CommandContext): void {
  program
    .command('simulate')
    .description('run the same engine in virtual time: what will these limits do?')
    .argument(...FILE)
    .option(...CONF)
    .option('--scenario <name>', 'built-in scenario')
    .addOption(new Option('--pcap <file>', 'replay a capture instead').conflicts('scenario'))
    .addOption(
      new Option('--history <file>', 'replay recorded history against the quotas, without packets').conflicts(
        BESIDE_HISTORY,
      ),
    )
    .addOption(new Option('--duration <time>', 'how long the scenario lasts, such as 5m').conflicts('pcap'))
    .option('--quota-speed <n>', 'divide windows and limits of quotas: 1440 makes a day a minute', '1')
    .option('--module <words...>', 'a module with its options, FILE KEY=VALUE …; once more for each')
    .option('--compare <file>', 'second configuration, run under the same traffic')
    .option('--seed <n>', 'seeds all chance', '1')
    .option('--json', 'as JSON')
    .option('--html <file>', 'write a page with pictures')
    .addOption(new Option('--list', 'print the scenarios, one per line').conflicts(BESIDE_LIST))
    .action(async (file: string | undefined, options: SimulateOptions) => {
      // The list does not depend on a file, but a file that is named is checked all the same.
      const named = namedConf(file, options);
      const conf = options.list ? named : requiredConf(named);
      const { history, json } = options;
      if (history !== undefined) {
        const { simulateHistory } = await import('./simulate/history.ts');
        finish(simulateHistory({ conf: requiredConf(named), history, ...(json && { json }) }, terminal));
        return;
      }
      const { simulate } = await import('./simulate.ts');
      finish(await simulate({ ...options, conf }, terminal));
    });
}

function addFiles(program: Command, { terminal, finish }: CommandContext): void {
  program
    .command('files')
    .description('show the classes of a running instance as files in a folder, until SIGTERM or SIGINT')
    .argument('<folder>', 'made if it is missing; nothing may be in it')
    .addOption(new Option('-c, --conf <file>', 'configuration file of the instance').conflicts('socket'))
    .option('--socket <path>', 'control socket of the instance')
    .action(async (folder: string, options: ConfOptions) => {
      const conf = socketConf(options.conf, options);
      const { files } = await import('./files.ts');
      finish(await files(folder, { ...options, conf }, terminal));
    });
}

function addExplain(program: Command, { terminal, finish }: CommandContext): void {
  program
    .command('explain')
    .description('say what a key of the configuration means, takes and defaults to, or what a module is')
    .argument('<key>', 'such as ceil, each.rate, queue.aqm.red.max; or qosmod, ./mine.ts')
    .option('--json', 'as JSON')
    .action(async (key: string, options: { json?: boolean }) => {
      const { explain } = await import('./explain.ts');
      finish(await explain(key, options, terminal));
    });
}

function addClean(program: Command, { terminal, finish }: CommandContext): void {
  program
    .command('clean')
    .description('remove what a killed instance left')
    .argument(...FILE)
    .addOption(new Option(...CONF).conflicts('socket'))
    .option('--socket <path>', 'the control socket of that instance')
    .action(async (file: string | undefined, options: ConfOptions) => {
      const conf = socketConf(namedConf(file, options), options);
      const { clean } = await import('./clean.ts');
      finish(await clean({ ...options, conf }, terminal));
    });
}
