/**
 * Runs the rules module in the network namespace it was started in. One JSON request per line on standard
 * input: {"call": name, "args": […]}; one JSON line each for answers ({"result"} or {"error"}) and for events
 * ({"event"}).
 */
import { createInterface } from 'node:readline';
import { type NfqueuePort, openNfqueue } from '../../src/io/nfqueue/nfqueue.ts';
import {
  claimRules,
  cleanLeftovers,
  findRivals,
  type InstalledRules,
  installRules,
  probeBackend,
  RulesError,
  type RulesRequest,
} from '../../src/io/rules/index.ts';
import { NF_ACCEPT, VERDICT_SET_MARK } from '../../src/packet/batch.ts';
import { markBits } from '../../src/spec/mark-codes.ts';

const print = (line: object): boolean => process.stdout.write(`${JSON.stringify(line)}\n`);
const log = { warn: (message: string, fields?: object) => void print({ event: 'warn', message, ...fields }) };
let installed: InstalledRules | undefined;
let port: NfqueuePort | undefined;
/** By queue index. */
const packets = [0, 0, 0, 0];
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
  const [firstQueue, count] = [100, packets.length];
  const options = { firstQueue, count, lengthPackets: 1024 };
  const opened = openNfqueue({
    ...options,
    gso: packets.map(() => false),
    copyBytes: packets.map(() => 128),
  });
  opened.onReady(() => {
    const rows = opened.drain();
    const { nfqueue, packetId, mark } = opened.batch.arrivals;
    const arrived = Array.from({ length: rows }, (_, row): [number, number, number] => {
      packets[nfqueue[row]!]! += 1;
      return [nfqueue[row]!, packetId[row]!, mark[row]!];
    });
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
