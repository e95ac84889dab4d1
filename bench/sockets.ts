/**
 * npm run bench -- sockets: what a new flow of this machine costs the packet thread. `question`: the
 * question to the kernel alone, and with the search for the process among 10, 100 and 1000 of its files.
 * `packets`: the whole program while a process opens 1000 flows a second, attached and not, in turns; as
 * root. `--quick` is for tests: it measures little and prints one line of JSON.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { openSocketKernel } from '../src/io/sockets/kernel.ts';
import { LocalSockets } from '../src/io/sockets/owners.ts';
import { processOf } from '../src/io/sockets/processes.ts';
import { atMost, type Goal, printGoals, writeResults } from './goals.ts';
import { measureFlows, type PacketCost } from './sockets-packets.ts';
import { median } from './statistics.ts';
import { renderTable } from './table.ts';
import { readWords } from './words.ts';

const { quick, parts } = readWords({ parts: ['question', 'packets'] });
const FILES = quick ? [10] : [10, 100, 1000];
const ROUNDS = quick ? 5 : 200;
const QUESTIONS = quick ? 100 : 20_000;
/** Sockets that are open before the first of them is asked for. */
const AT_ONCE = 20;
const GOAL_US = 30;

/** Inside a process that opens its sockets one after the other, or several and then asks. */
type Habit = 'reused number' | 'growing numbers';

interface QuestionCost {
  readonly what: string;
  readonly files: number;
  readonly medianUs: number;
  readonly p90Us: number;
  /** Descriptors that were looked at, for each flow. */
  readonly looked: number;
}

async function openSocket(port: number): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

/** Asks for the socket of this machine's end, as the core does, and for its process. Returns microseconds. */
function ask(owners: LocalSockets, localPort: number, remotePort: number): number {
  const { question, answer } = owners;
  Object.assign(question, { protocol: 17, family: 4, ifIndex: 1, localPort, remotePort });
  question.local0 = question.remote0 = 0x7f000001;
  const beginMs = performance.now();
  const isFound = owners.ask();
  const set = owners.setOfInode(answer.inode, answer.uid);
  const tookUs = (performance.now() - beginMs) * 1000;
  if (!isFound || set !== 1) throw new Error('the socket was not found');
  return tookUs;
}

function track(owners: LocalSockets): void {
  const kernel = openSocketKernel();
  owners.track({
    pids: Int32Array.of(process.pid),
    startTicks: Float64Array.of(processOf(kernel, process.pid)!.startTicks),
    setOfPid: Int32Array.of(1),
    inheritedSet: Int32Array.of(1),
    exes: [],
    lastPid: kernel.native.newestPid(),
  });
  kernel.native.close();
}

const p90 = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(0.9 * values.length)]!;

/** The same question again and again: the inode is known. */
async function measureQuestion(): Promise<QuestionCost> {
  const owners = new LocalSockets();
  track(owners);
  const socket = await openSocket(9);
  const took = Array.from({ length: QUESTIONS }, () => ask(owners, socket.address().port, 9));
  socket.close();
  owners.close();
  return { what: 'question alone', files: 0, medianUs: median(took), p90Us: p90(took), looked: 0 };
}

async function measureSearch(files: number, habit: Habit): Promise<QuestionCost> {
  const owners = new LocalSockets();
  const held: Socket[] = [];
  for (let i = 0; i < files; i++) held.push(await openSocket(9));
  track(owners);
  const took: number[] = [];
  const count = habit === 'reused number' ? 1 : AT_ONCE;
  for (let round = 0; round < ROUNDS; round++) {
    const sockets: Socket[] = [];
    for (let i = 0; i < count; i++) sockets.push(await openSocket(9));
    for (const socket of sockets) took.push(ask(owners, socket.address().port, 9));
    await Promise.all(sockets.map((socket) => once(socket.close(), 'close')));
  }
  const looked = owners.descriptors.looked / took.length;
  owners.close();
  for (const socket of held) socket.close();
  return { what: habit, files, medianUs: median(took), p90Us: p90(took), looked };
}

async function measureQuestions(): Promise<QuestionCost[]> {
  const costs = [await measureQuestion()];
  for (const files of FILES)
    for (const habit of ['reused number', 'growing numbers'] as const)
      costs.push(await measureSearch(files, habit));
  return costs;
}

function printQuestions(costs: readonly QuestionCost[]): void {
  const rows = costs.map(({ what, files, medianUs, p90Us, looked }) => [
    ...[what, String(files), medianUs.toFixed(1), p90Us.toFixed(1), looked.toFixed(1)],
  ]);
  const head = ['a new flow', 'files of the process', 'us, median', '90 %', 'files looked at'];
  console.log(`\n${renderTable(head, rows, true)}`);
}

function printPackets(cost: PacketCost): void {
  const rows = [
    ['nobody attached', cost.alone.median.toFixed(1)],
    ['the process attached', cost.attached.median.toFixed(1)],
    ['difference, median of pairs', cost.differenceUs.toFixed(1)],
  ];
  console.log(
    `\n${renderTable(['whole program, 1000 flows/s', 'us of the packet thread/flow'], rows, true)}`,
  );
}

async function main(): Promise<void> {
  const questions = parts.includes('question') ? await measureQuestions() : [];
  const isRoot = process.getuid?.() === 0;
  const packets = parts.includes('packets') && isRoot ? await measureFlows(quick) : null;
  const goals: Goal[] = questions.map(({ what, files, medianUs }) =>
    atMost(`us for a new flow: ${what}${files > 0 ? `, ${files} files` : ''}`, medianUs, GOAL_US),
  );
  if (packets) goals.push(atMost('us for a new flow, whole program', packets.differenceUs, GOAL_US));
  const result = { questions, packets, goals };
  if (quick) {
    console.log(JSON.stringify(result));
    return;
  }
  printQuestions(questions);
  if (packets) printPackets(packets);
  printGoals(goals);
  writeResults('sockets', result);
  process.exitCode = goals.every(({ isMet }) => isMet) ? 0 : 1;
}

await main();
