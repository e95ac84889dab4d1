/**
 * Runs the rules module in the network namespace it was started in. One JSON request per line on standard
 * input: {"call": name, "args": […]}; one JSON line each for answers ({"result"} or {"error"}) and for events
 * ({"event"}).
 */
import { createInterface } from 'node:readline';
import { openRawSender } from '../../src/io/modules/raw-sender.ts';
import { type NfqueuePort, openNfqueue } from '../../src/io/nfqueue/nfqueue.ts';
import {
  checkKernelRules,
  claimRules,
  cleanLeftovers,
  findRivals,
  type InstalledRules,
  installRules,
  probeBackend,
  RulesError,
  type RulesRequest,
  readKernelCounts,
} from '../../src/io/rules/index.ts';
import { COPY_BYTES_MAX } from '../../src/limits.ts';
import { NF_ACCEPT, VERDICT_SET_MARK } from '../../src/packet/batch.ts';
import { markBits } from '../../src/spec/mark-codes.ts';
import { type ModuleAnswer, ModulePackets } from './module-packets.ts';

const print = (line: object): boolean => process.stdout.write(`${JSON.stringify(line)}\n`);
const log = { warn: (message: string, fields?: object) => void print({ event: 'warn', message, ...fields }) };
let installed: InstalledRules | undefined;
let port: NfqueuePort | undefined;
/** By queue index. */
const packets = [0, 0, 0, 0];
/** Of the NFQUEUE behind these. */
const modules = new ModulePackets(packets.length);
let askedCode = 0;
/** Rows of arrivals that are to wait: queue index, id, mark. null: none waits. */
let waiting: [number, number, number][] | null = null;

function accept(to: NfqueuePort, rows: readonly [number, number, number][], markMask: number): void {
  const { verdicts } = to.batch;
  for (const [row, [nfqueue, packetId, mark]] of rows.entries()) {
    verdicts.packetId[row] = packetId;
    verdicts.nfqueue[row] = nfqueue;
    verdicts.verdict[row] = NF_ACCEPT | VERDICT_SET_MARK;
    verdicts.mark[row] = ((mark & ~markMask) | markBits(markMask, askedCode)) >>> 0;
    verdicts.payloadBytes[row] = 0;
  }
  if (rows.length > 0) to.send(rows.length);
}

/** Accepts everything with the code last asked for in its mark; other bits stay. */
function listen(markMask: number): void {
  // The driver may have served another scenario.
  packets.fill(0);
  askedCode = 0;
  waiting = null;
  modules.forget();
  const opened = openNfqueue({
    ...{ firstQueue: 100, count: packets.length + 1, lengthPackets: 1024 },
    gso: [...packets.map(() => false), false],
    copyBytes: [...packets.map(() => 128), COPY_BYTES_MAX],
  });
  opened.onReady(() => {
    const rows = opened.drain();
    const { nfqueue, packetId, mark } = opened.batch.arrivals;
    modules.answer(opened, rows, markMask);
    const arrived = Array.from({ length: rows }, (_, row) => row).flatMap(
      (row): [number, number, number][] => {
        if (nfqueue[row] === packets.length) return [];
        packets[nfqueue[row]!]! += 1;
        return [[nfqueue[row]!, packetId[row]!, mark[row]!]];
      },
    );
    if (waiting) waiting.push(...arrived);
    else accept(opened, arrived, markMask);
    opened.arm(Number.POSITIVE_INFINITY);
  });
  port = opened;
}

const calls: Record<string, (...args: never[]) => Promise<unknown>> = {
  probe: probeBackend,
  conflicts: async (...[request]: [RulesRequest]) =>
    (await findRivals(request, false)).flatMap(({ reasons }) => reasons),
  clean: cleanLeftovers,
  install: async (...[request, backend]: [RulesRequest, 'nft' | 'iptables']) => {
    installed = await installRules(await claimRules(request), request, backend, log);
    installed.onLost((reason) => void print({ event: 'lost', message: reason }));
  },
  listen: async (...[markMask]: [number]) => listen(markMask),
  askFor: async (...[code]: [number]) => {
    askedCode = code;
  },
  /** Packets by queue index since the last call. */
  queued: async () => packets.map((_, queue) => packets.splice(queue, 1, 0)[0]),
  /** What becomes of packets that come up to modules from now on, and those of which hooks came since. */
  answer: async (...[answer]: [ModuleAnswer]) => {
    modules.how = answer;
  },
  cameUp: async () => modules.cameUp(),
  kernelCounts: async (...[names]: [string[]]) => Object.fromEntries(await readKernelCounts(100, names)),
  /** As a module sends it. */
  inject: async (...[base64]: [string]) => {
    const sender = openRawSender();
    const isSent = sender.send(Buffer.from(base64, 'base64'));
    sender.close();
    return isSent;
  },
  check: async (...[request]: [RulesRequest]) => checkKernelRules(request.plan),
  /** Packets that come from now on wait. */
  hold: async () => {
    waiting = [];
  },
  waiting: async () => waiting?.length ?? 0,
  /** Accepts what waits, and what comes. */
  release: async (...[markMask]: [number]) => {
    if (port && waiting) accept(port, waiting, markMask);
    waiting = null;
  },
  /** Verdicts that the kernel has refused so far, because it no longer had the packet. */
  refused: async () => {
    port?.drain();
    return port?.counters().verdictErrors;
  },
  change: async (...[request]: [RulesRequest]) => (await installed?.change(request))?.finish(),
  changeAndBack: async (...[request]: [RulesRequest]) => (await installed?.change(request))?.undo(),
  closePort: async () => port?.close(),
  setStopped: async (...[addresses]: [string[]]) => installed?.setStopped(addresses),
  setAllowed: async (...[addresses]: [string[]]) => installed?.setAllowed(addresses),
  stopMatching: async () => installed?.stopMatching(),
  remove: async () => installed?.remove(),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { call, args } = JSON.parse(line) as { call: string; args: never[] };
  try {
    print({ result: (await calls[call]?.(...args)) ?? null });
  } catch (error) {
    if (!(error instanceof RulesError)) throw error;
    print({ error: { code: error.code, message: error.message, hint: error.hint } });
  }
}
