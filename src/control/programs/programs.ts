/**
 * Whose the flows of this machine are, for people. The control thread lists the sockets of the kernel and
 * looks at processes, at most once a second and only while somebody asks. Packets do not notice.
 */
import { isSystemError } from '../../base/system-error.ts';
import type { FlowRecord } from '../../core/flows/flow-reader.ts';
import { openSocketKernel, type SocketKernel } from '../../io/sockets/kernel.ts';
import { NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT } from '../../packet/batch.ts';
import { type Machine, thisMachine } from '../subjects/machine.ts';
import { InodeHolders } from './inode-holders.ts';
import { type FlowProcess, ProcessFacts } from './process-facts.ts';
import { SocketIndex } from './socket-index.ts';

/** Tells whose flows are. */
export interface FlowPrograms {
  /** Call it before questions that come together. */
  refresh(): Promise<void>;
  /** null: the flow is forwarded, or there is no such socket. */
  processOf(record: FlowRecord): FlowProcess | null;
}

export interface ProgramsOptions {
  readonly machine: Pick<Machine, 'accounts' | 'containers' | 'processes'>;
  /** Throws system errors where the kernel tells nothing of sockets. */
  readonly openKernel: () => SocketKernel;
  readonly nowMs: () => number;
}

const REFRESH_MS = 1000;
/** Flows whose process is remembered, so that the last packets of a closed socket still have one. */
const FLOWS_REMEMBERED = 65536;

const pause = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export function isLocal({ hook }: FlowRecord): boolean {
  return hook === NF_INET_LOCAL_IN || hook === NF_INET_LOCAL_OUT;
}

export class Programs implements FlowPrograms {
  readonly #options: ProgramsOptions;
  readonly #index = new SocketIndex();
  readonly #holders = new InodeHolders();
  readonly #facts: ProcessFacts;
  /** By row of the flow. */
  #remembered = new Map<number, { readonly generation: number; readonly process: FlowProcess }>();
  #kernel: SocketKernel | null = null;
  #refreshing: Promise<void> | null = null;
  #sinceMs = Number.NEGATIVE_INFINITY;

  constructor(options: Partial<ProgramsOptions> = {}) {
    const {
      machine = thisMachine(),
      openKernel = openSocketKernel,
      nowMs = () => performance.now(),
    } = options;
    this.#options = { machine, openKernel, nowMs };
    this.#facts = new ProcessFacts({ ...machine, nowMs });
  }

  async refresh(): Promise<void> {
    const { nowMs } = this.#options;
    if (this.#refreshing === null && nowMs() - this.#sinceMs < REFRESH_MS) return;
    this.#refreshing ??= this.#look().finally(() => {
      this.#sinceMs = nowMs();
      this.#refreshing = null;
    });
    await this.#refreshing;
  }

  processOf(record: FlowRecord): FlowProcess | null {
    if (!isLocal(record)) return null;
    const known = this.#remembered.get(record.f);
    if (known?.generation === record.generation) return known.process;
    const process = this.#find(record);
    if (process === null) return null;
    if (this.#remembered.size >= FLOWS_REMEMBERED) this.#remembered = new Map();
    this.#remembered.set(record.f, { generation: record.generation, process });
    return process;
  }

  async #look(): Promise<void> {
    const { machine } = this.#options;
    this.#kernel ??= this.#openKernel();
    if (this.#kernel === null) return;
    await this.#index.refresh(this.#kernel, pause);
    await this.#holders.refresh(this.#kernel, this.#index.inodes(), () => machine.processes.pids(), pause);
    this.#facts.begin();
  }

  #openKernel(): SocketKernel | null {
    try {
      return this.#options.openKernel();
    } catch (error) {
      // Without sock_diag in the kernel no flow has an owner.
      if (!isSystemError(error)) throw error;
      return null;
    }
  }

  #find({ hook, protocol, family, src, dst, sport, dport }: FlowRecord): FlowProcess | null {
    const isOut = hook === NF_INET_LOCAL_OUT;
    const socket = this.#index.find({
      ...{ protocol, family },
      ...{ local: isOut ? src : dst, localPort: isOut ? sport : dport },
      ...{ remote: isOut ? dst : src, remotePort: isOut ? dport : sport },
    });
    return socket && this.#facts.of(this.#holders.pidOf(socket.inode), socket.uid);
  }
}
