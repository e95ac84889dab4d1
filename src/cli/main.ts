/** The command line: from arguments to an exit code. commands.ts has the commands. */
import { existsSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { EXIT_FINE, EXIT_USAGE } from '../base/errors.ts';
import { readVersion } from '../live/version.ts';
import { addCommands } from './commands.ts';
import { DEFAULT_CONF } from './conf-file.ts';
import { explain } from './errors.ts';
import type { Terminal } from './terminal.ts';

/** What the program takes without a command. */
const OWN_WORDS = ['--help', '-h', 'help', '--version', '-V'];
/** A file follows them. */
const CONF_OPTIONS: readonly unknown[] = ['-c', '--conf'];

const EXAMPLES = `
Examples:
  shaper run shaper.yaml             shape in the foreground until SIGTERM, SIGINT or shaper stop
  shaper check shaper.yaml           is the file right? every problem with its place
  shaper status                      counters of the running instance
  shaper set wan/up/guests ceil=5mbit --for 30m
                                     another limit for half an hour, while packets flow
  shaper reload                      the changed file, as a whole or not at all
  shaper simulate shaper.yaml --scenario call-beside-uploads
                                     what would these limits do?

Every command takes its file as argument or as --conf FILE (-c FILE); without either it is
${DEFAULT_CONF}.

Exit codes: 0 fine, 1 ended by a fault or could not be done, 2 wrong usage, invalid configuration or refused,
3 not possible here (with what to do).
`;

/**
 * Runs the command in `args`, which come without node and script,
 * and returns the exit code. Throws only faults of the program.
 */
export async function main(args: readonly string[], terminal: Terminal): Promise<number> {
  let exitCode: number = EXIT_FINE;
  const program = createProgram(terminal);
  const { own, afterDashes } = splitExec(args);
  addCommands(program, {
    ...{ terminal, afterDashes },
    finish: (code) => {
      exitCode = code;
    },
  });
  try {
    await program.parseAsync(withDefaultCommand(program, own), { from: 'user' });
    return exitCode;
  } catch (error) {
    // commander has printed its message already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_FINE : EXIT_USAGE;
    return explain(error, terminal);
  }
}

function createProgram(terminal: Terminal): Command {
  return new Command('shaper')
    .description('Shapes traffic in user space: packets from NFQUEUE, limits from one YAML file.')
    .usage('COMMAND [FILE] [options] | FILE | --conf FILE')
    .version(readVersion(), '-V, --version', 'print the version')
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.err })
    .addHelpText('after', EXAMPLES)
    .showHelpAfterError('(shaper --help lists commands and options)')
    .exitOverride();
}

/** The words of another command are none of ours. */
function splitExec(args: readonly string[]): {
  readonly own: readonly string[];
  readonly afterDashes: readonly string[] | null;
} {
  const at = args[0] === 'exec' ? args.indexOf('--') : -1;
  if (at < 0) return { own: args, afterDashes: null };
  return { own: args.slice(0, at), afterDashes: args.slice(at + 1) };
}

/** `shaper FILE` and `shaper --conf FILE` are `shaper run` with the same arguments. */
function withDefaultCommand(program: Command, args: readonly string[]): string[] {
  const [first] = args;
  if (first === undefined || OWN_WORDS.includes(first)) return [...args];
  const isName = (word: string): boolean => program.commands.some((command) => command.name() === word);
  const isCommand = isName(first);
  const isLate = (word: string, i: number): boolean => isName(word) && !CONF_OPTIONS.includes(args[i - 1]);
  const late = first.startsWith('-') ? args.find(isLate) : undefined;
  if (late !== undefined)
    program.error(`error: the command comes first: shaper ${late} ${without(args, late)}`);
  return first.startsWith('-') || (!isCommand && isFile(first)) ? ['run', ...args] : [...args];
}

function without(args: readonly string[], word: string): string {
  return args.filter((arg) => arg !== word).join(' ');
}

/** Whether a word that is no command means a file. A mistyped command has neither a dot nor a slash. */
function isFile(word: string): boolean {
  return /[./]/.test(word) || existsSync(word);
}
