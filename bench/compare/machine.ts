/** A full kernel in virtual time that runs a measuring script of this folder (lab/fullkernel.ts). */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileInto } from '../compiled.ts';
import { FULLKERNEL_FAILED, FULLKERNEL_LATE, underFullkernelCommand } from '../lab/fullkernel.ts';
import { finish, start } from '../lab/process.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Reads what is needed before anything has a time limit: virtual time may jump far meanwhile. Failures show
 * later, where they matter.
 */
const GUEST = `
{
  modprobe -a veth sch_netem sch_htb sch_red sch_fq_codel sch_cake nf_tables nft_queue nft_ct nfnetlink_queue
  nft 'add table inet warm { chain warm { queue flags bypass to 1
    ct mark 1 accept
  } }'
  nft delete table inet warm
  ip netns add warm; ip netns exec warm sysctl net.core.default_qdisc; ip netns delete warm
  (cd "$6"; find dist node_modules/{@hono,commander,hono,pino*,yaml} -name '*.*js*' -exec cat {} +)
  tc -s -j qdisc; ss -ltn; iperf3 -v; ping -c 1 127.0.0.1; sleep 0; "$1" "$2" --version
} >/dev/null 2>&1
SHAPER_LAB_LIMIT_MS=$5 exec "$1" "$3" "$4"
`;
/** Time limits inside, where the real ones are those of the machine. */
const INSIDE_LIMIT_MS = 1_000_000;

/** The kernel could not be started. */
export class NotHereError extends Error {}

export interface MachineTask {
  readonly tool: string;
  /** The measuring side, from compiledScript(). */
  readonly script: string;
  /** Its argument. */
  readonly task: unknown;
  /** What it measures, for messages. */
  readonly name: string;
  /** Real time for all. */
  readonly seconds: number;
  /** Ahead of other programs. */
  readonly isFirst: boolean;
  readonly onText: (text: string) => void;
}

/** Compiles `bench/compare/NAME.ts` into a folder. Returns the script. */
export async function compiledScript(folder: string, name: string): Promise<string> {
  await compileInto(folder, [join(ROOT, `bench/compare/${name}.ts`)]);
  return join(folder, `bench/compare/${name}.js`);
}

/** One machine. Returns the lines of JSON that it printed; rejects with what it said. */
export async function runMachine(machine: MachineTask): Promise<unknown[]> {
  const { tool, script, task, name, seconds, isFirst, onText } = machine;
  const program = join(ROOT, 'dist/shaper.js');
  const parameters = [process.execPath, program, script, JSON.stringify(task), String(INSIDE_LIMIT_MS), ROOT];
  const command = ['bash', '-c', GUEST, 'guest', ...parameters];
  const child = start(underFullkernelCommand(tool, command, { seconds, isVirtualTime: true, isFirst }));
  const finished = finish(child, (seconds + 20) * 1000);
  child.stdin?.end();
  child.stdout?.on('data', (text: Buffer | string) => onText(String(text)));
  const { code, stdout, stderr } = await finished;
  if (code === FULLKERNEL_LATE) throw new Error(`measuring ${name}: more than ${seconds} s`);
  // A machine that has measured something and then breaks down is a fault, perhaps of what is measured.
  if (code === FULLKERNEL_FAILED && stdout === '') throw new NotHereError(stderr);
  if (code !== 0) throw new Error(`measuring ${name}: exit ${code}\n${stderr}`);
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as unknown);
}
