/** The clocks of the change service, and a way to wait. Tests bring their own. */
export interface Clock {
  /** Goes on evenly, also when somebody sets the time of day. */
  monotonicMs(): number;
  /** The time of day, in milliseconds since 1970. */
  wallMs(): number;
  /** Calls `action` after `ms`. Returns the function that forgets it. */
  after(ms: number, action: () => void): () => void;
}

export const REAL_CLOCK: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  after: (ms, action) => {
    const timer = setTimeout(action, ms);
    return () => clearTimeout(timer);
  },
};
