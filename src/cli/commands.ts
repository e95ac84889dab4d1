/**
 * The commands with their arguments and options. A command loads its
 * parts when it runs, so that `status` needs no packet machinery.
 */
import { type Command, Option } from 'commander';
import type { SimulateOptions } from './simulate.ts';
import type { Terminal } from './terminal.ts';

/** What a command may use: the terminal, and the place for its exit code. */
export interface CommandContext {
  readonly terminal: Terminal;
  readonly finish: (exitCode: number) => void;
}

const CONF = ['--conf <file>', 'configuration file (YAML)'] as const;
/** Options that would do nothing beside --list. */
const BESIDE_LIST = ['scenario', 'pcap', 'compare', 'seed', 'json', 'html'];

export function addCommands(program: Command, context: CommandContext): void {
  for (const add of [addRun, addCheck, addRules, addStatus, addSimulate, addClean]) add(program, context);
}

function addRun(program: Command, { terminal, finish }: CommandContext): void {
  program
    .command('run')
    .description('shape until SIGTERM or SIGINT (the word run may be left out)')
    .requiredOption(...CONF)
    .action(async (options: { conf: string }) => {
      const { run } = await import('./run.ts');
      finish(await run(options.conf, terminal));
    });
}

function addCheck(program: Command, { terminal, finish }: CommandContext): void {
  program
    .command('check')
    .description('check a configuration file; print its problems or its meaning')
    .argument('<file>', 'configuration file (YAML)')
    .action(async (file: string) => {
      const { check } = await import('./check.ts');
      finish(check(file, terminal));
    });
}

function addRules(program: Command, { terminal, finish }: CommandContext): void {
  const backend = 'back end of the rules (default: nfqueue.backend; nft where that is auto)';
  program
    .command('rules')
    .description('print the rules that run would install on a kernel that supports all of them')
    .requiredOption(...CONF)
    .addOption(new Option('--backend <name>', backend).choices(['nft', 'iptables']))
    .action(async (options: { conf: string; backend?: 'nft' | 'iptables' }) => {
      const { rules } = await import('./rules.ts');
      finish(rules(options, terminal));
    });
}

function addStatus(program: Command, { terminal, finish }: CommandContext): void {
  program
    .command('status')
    .description('print the counters of a running instance')
    .option('--json', 'as JSON')
    .addOption(new Option(...CONF).conflicts('socket'))
    .option('--socket <path>', 'control socket of the instance')
    .action(async (options: { json?: boolean; conf?: string; socket?: string }) => {
      const { status } = await import('./status.ts');
      finish(await status(options, terminal));
    });
}

function addSimulate(program: Command, { terminal, finish }: CommandContext): void {
  program
    .command('simulate')
    .description('run the same engine in virtual time: what will these limits do?')
    .option(...CONF)
    .option('--scenario <name>', 'built-in scenario')
    .addOption(new Option('--pcap <file>', 'replay a capture instead').conflicts('scenario'))
    .option('--compare <file>', 'second configuration, run under the same traffic')
    .option('--seed <n>', 'seeds all chance', '1')
    .option('--json', 'as JSON')
    .option('--html <file>', 'write a page with pictures')
    .addOption(new Option('--list', 'print the scenarios, one per line').conflicts(BESIDE_LIST))
    .action(async (options: SimulateOptions) => {
      const { simulate } = await import('./simulate.ts');
      finish(await simulate(options, terminal));
    });
}

function addClean(program: Command, { terminal, finish }: CommandContext): void {
  program
    .command('clean')
    .description('remove what a killed instance left')
    .addOption(
      new Option('--conf <file>', 'the file of that instance, for its control socket').conflicts('socket'),
    )
    .option('--socket <path>', 'the control socket of that instance')
    .action(async (options: { conf?: string; socket?: string }) => {
      const { clean } = await import('./clean.ts');
      finish(await clean(options, terminal));
    });
}
