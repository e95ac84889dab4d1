/** The command line: which command, which options, which exit code. */
import { Command, CommanderError, Option } from 'commander';
import { EXIT_FINE, EXIT_USAGE } from '../base/errors.ts';
import { readVersion } from '../live/version.ts';
import { explain } from './errors.ts';
import type { SimulateOptions } from './simulate.ts';
import type { Terminal } from './terminal.ts';

const CONF = ['--conf <file>', 'configuration file (YAML)'] as const;
const RULES_BACKEND = 'of this back end (default: nfqueue.backend, for auto nft)';
/** Of a simulation whose user does not choose one. */
const SEED_DEFAULT = '1';
/** Options that would do nothing beside --list. */
const BESIDE_LIST = ['scenario', 'pcap', 'compare', 'seed', 'json', 'html'];
const EXAMPLES = `
Examples:
  shaper --conf shaper.yaml          run in the foreground until SIGTERM or SIGINT
  shaper check shaper.yaml           is the file right? every problem with its place
  shaper status                      what the running instance counted
  shaper simulate --conf shaper.yaml --scenario call-beside-uploads
                                     what would these limits do?

Exit codes: 0 fine, 1 ended by a fault, 2 wrong usage or invalid configuration, 3 not possible here (with what to do).
`;

/** Runs the command in `args` (without node and script) and gives the exit code. Throws only faults of the program. */
export async function main(args: readonly string[], terminal: Terminal): Promise<number> {
  let exitCode: number = EXIT_FINE;
  const finish = (code: number): void => {
    exitCode = code;
  };
  try {
    await buildProgram(terminal, finish).parseAsync(withDefaultCommand(args), { from: 'user' });
    return exitCode;
  } catch (error) {
    // commander has printed its message already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_FINE : EXIT_USAGE;
    return explain(error, terminal);
  }
}

/** `shaper --conf FILE` is `shaper run --conf FILE`. */
function withDefaultCommand(args: readonly string[]): string[] {
  const [first] = args;
  const isOwnOption = first === undefined || ['--help', '-h', '--version', '-V'].includes(first);
  return !isOwnOption && first.startsWith('-') ? ['run', ...args] : [...args];
}

/** Commands load their parts when they run: `status` needs no packet machinery. */
function buildProgram(terminal: Terminal, finish: (code: number) => void): Command {
  const program = new Command('shaper')
    .description('Shapes traffic in user space: packets from NFQUEUE, limits from one YAML file.')
    .usage('--conf FILE | COMMAND [options]')
    .version(readVersion(), '-V, --version', 'print the version')
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.err })
    .addHelpText('after', EXAMPLES)
    .showHelpAfterError('(shaper --help lists commands and options)')
    .exitOverride();
  program
    .command('run')
    .description('shape until SIGTERM or SIGINT (the command word may be left out)')
    .requiredOption(...CONF)
    .action(async (options: { conf: string }) => {
      const { run } = await import('./run.ts');
      finish(await run(options.conf, terminal));
    });
  program
    .command('check')
    .description('validate a configuration file')
    .argument('<file>', 'configuration file (YAML)')
    .action(async (file: string) => {
      const { check } = await import('./check.ts');
      finish(check(file, terminal));
    });
  program
    .command('rules')
    .description('print the rules that run would install where the kernel can do all they ask for')
    .requiredOption(...CONF)
    .addOption(new Option('--backend <name>', RULES_BACKEND).choices(['nft', 'iptables']))
    .action(async (options: { conf: string; backend?: 'nft' | 'iptables' }) => {
      const { rules } = await import('./rules.ts');
      finish(rules(options, terminal));
    });
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
  addSimulate(program, terminal, finish);
  program
    .command('clean')
    .description('remove what a killed instance left')
    .addOption(new Option('--conf <file>', 'its control socket, too').conflicts('socket'))
    .option('--socket <path>', 'its control socket, where it is not the default one')
    .action(async (options: { conf?: string; socket?: string }) => {
      const { clean } = await import('./clean.ts');
      finish(await clean(options, terminal));
    });
  return program;
}

function addSimulate(program: Command, terminal: Terminal, finish: (code: number) => void): void {
  program
    .command('simulate')
    .description('the same engine in virtual time: what will these parameters do?')
    .option(...CONF)
    .option('--scenario <name>', 'built-in scenario')
    .addOption(new Option('--pcap <file>', 'replay a capture instead').conflicts('scenario'))
    .option('--compare <file>', 'a second configuration, under the same traffic')
    .option('--seed <n>', 'of everything random', SEED_DEFAULT)
    .option('--json', 'as JSON')
    .option('--html <file>', 'write a page with pictures')
    .addOption(new Option('--list', 'print the scenarios, one per line').conflicts(BESIDE_LIST))
    .action(async (options: SimulateOptions) => {
      const { simulate } = await import('./simulate.ts');
      finish(await simulate(options, terminal));
    });
}
