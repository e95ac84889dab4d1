/** Runs code of users so that it cannot stay for ever. The live one is native, the virtual one calls. */
export interface ModuleGuard {
  /**
   * Calls `run`. Returns false if `run` was ended from outside after 100 ms of processor time: no `finally`
   * of it ran then. Throws what `run` throws.
   */
  run(run: () => void): boolean;
  /** Processor time of this thread in nanoseconds; 0 in virtual time. */
  cpuNs(): number;
  /** One number, written before code of a module runs: whose it is. Who watches from outside reads it. */
  readonly owner: Uint32Array;
  /** The number of the module with that label. */
  numberOf(label: string): number;
}

/** For worlds in which code of users is trusted to return. */
export const PLAIN_GUARD: ModuleGuard = {
  run(run) {
    run();
    return true;
  },
  cpuNs: () => 0,
  owner: new Uint32Array(1),
  numberOf: () => 0,
};
