/** The programs of this machine that use the line now, each with its flows of both directions. */
import type { FlowRecord } from '../../core/flows/flow-reader.ts';
import { DOWN } from '../../core/hosts/host-layout.ts';
import type { FlowProcess } from '../programs/process-facts.ts';
import { type FlowPrograms, isLocal } from '../programs/programs.ts';
import { droppedPackets, type FlowSamples, type SideOf } from './flow-samples.ts';
import { type Rates, rateSince } from './history.ts';
import type { Side } from './hosts.ts';
import type { RecentBits } from './recent-bits.ts';

export const PROGRAM_KINDS = ['local', 'forwarded', 'unknown'] as const;

export interface ProgramQuery {
  /** Default: all. */
  readonly limit?: number;
}

export interface ProgramSideReport {
  /** Sent, of flows that are known now. */
  readonly packets: number;
  readonly bytes: number;
  /** Over the last second. */
  readonly bitsPerSecond: number;
  readonly dropped: number;
  readonly rates: RecentBits;
}

export interface ProgramReport {
  /** A program of this machine; all forwarded flows; flows of this machine whose owner is not known. */
  readonly kind: (typeof PROGRAM_KINDS)[number];
  /** Empty if no process is known. */
  readonly name: string;
  readonly exe: string | null;
  readonly pids: readonly number[];
  readonly users: readonly string[];
  readonly units: readonly string[];
  readonly containers: readonly string[];
  readonly flows: number;
  readonly up: ProgramSideReport;
  readonly down: ProgramSideReport;
}

export interface ProgramsReport {
  readonly programs: readonly ProgramReport[];
  /** Programs, those beyond the limit too. */
  readonly total: number;
}

class SideSums {
  packets = 0;
  bytes = 0;
  dropped = 0;
  over1s = 0;
  over10s = 0;
  over60s = 0;

  add(record: FlowRecord, row: number, rates: Rates): void {
    const { sentPackets, sentBytes } = record;
    this.packets += sentPackets;
    this.bytes += sentBytes;
    this.dropped += droppedPackets(record);
    this.over1s += rateSince(rates.over1s, row, sentBytes);
    this.over10s += rateSince(rates.over10s, row, sentBytes);
    this.over60s += rateSince(rates.over60s, row, sentBytes);
  }

  report(): ProgramSideReport {
    const { packets, bytes, dropped, over1s, over10s, over60s } = this;
    const bits = (bytesPerSec: number): number => Math.round(8 * bytesPerSec);
    const rates = { over1s: bits(over1s), over10s: bits(over10s), over60s: bits(over60s) };
    return { packets, bytes, bitsPerSecond: rates.over1s, dropped, rates };
  }
}

class Program {
  readonly kind: ProgramReport['kind'];
  readonly #first: FlowProcess | null;
  readonly #pids = new Set<number>();
  readonly #users = new Set<string>();
  readonly #units = new Set<string>();
  readonly #containers = new Set<string>();
  readonly up = new SideSums();
  readonly down = new SideSums();
  #flows = 0;

  constructor(kind: ProgramReport['kind'], first: FlowProcess | null) {
    this.kind = kind;
    this.#first = first;
  }

  add(process: FlowProcess | null): void {
    this.#flows++;
    if (process === null) return;
    const { pid, user, unit, container } = process;
    if (pid !== null) this.#pids.add(pid);
    this.#users.add(user);
    if (unit !== null) this.#units.add(unit);
    if (container !== null) this.#containers.add(container);
  }

  get bytesPerSec(): number {
    return this.up.over1s + this.down.over1s;
  }

  report(): ProgramReport {
    return {
      kind: this.kind,
      name: this.#first?.name ?? '',
      exe: this.#first?.exe ?? null,
      pids: [...this.#pids].sort((a, b) => a - b),
      users: [...this.#users].sort(),
      units: [...this.#units].sort(),
      containers: [...this.#containers].sort(),
      flows: this.#flows,
      up: this.up.report(),
      down: this.down.report(),
    };
  }
}

/** The fastest first; those without a flow in the last second by what they have sent. */
export function programsReport(
  query: ProgramQuery,
  samples: FlowSamples,
  source: FlowPrograms,
  sideOf: SideOf,
  nowNs: number,
): ProgramsReport {
  const rates = samples.history.rates(nowNs);
  const programs = new Map<string, Program>();
  samples.update(sideOf, nowNs, (row, record) => {
    const process = source.processOf(record);
    const kind = process ? 'local' : isLocal(record) ? 'unknown' : 'forwarded';
    // Processes of one program belong together; where none can be seen, what one user sends does.
    const key = process ? (process.exe ?? process.name ?? `user ${process.user}`) : kind;
    let program = programs.get(key);
    if (!program) {
      program = new Program(kind, process);
      programs.set(key, program);
    }
    program.add(process);
    sideOfFlow(program, sideOf[record.leaf]).add(record, row, rates);
  });
  const sorted = [...programs.values()].sort(
    (a, b) => b.bytesPerSec - a.bytesPerSec || b.up.bytes + b.down.bytes - a.up.bytes - a.down.bytes,
  );
  const shown = sorted.slice(0, query.limit ?? sorted.length);
  return { programs: shown.map((program) => program.report()), total: sorted.length };
}

function sideOfFlow({ up, down }: Program, side: Side | undefined): SideSums {
  return side === DOWN ? down : up;
}
