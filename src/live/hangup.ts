/**
 * SIGHUP means two things. The terminal from which a foreground instance was started has closed: it ends, or
 * nobody would ever end it. Otherwise somebody wants it to read its file again.
 */

/** The kernel tells us of the end of a terminal a little before it takes it away. */
const LOOKS = 3;
const LOOK_MS = 100;

export interface HangupOptions {
  /** We had a terminal at the start, and nobody has asked that we outlive it (nohup). */
  readonly hadTerminal: boolean;
  readonly canOpenTerminal: () => boolean;
  readonly onGone: () => void;
  /** It came before anything can be reloaded. */
  readonly onEarly: () => void;
}

export class Hangup {
  /** Reads the file again. null while the instance starts. */
  reload: (() => void) | null = null;
  private readonly options: HangupOptions;

  constructor(options: HangupOptions) {
    this.options = options;
  }

  /** A SIGHUP has come. */
  async received(): Promise<void> {
    const { hadTerminal, canOpenTerminal, onGone, onEarly } = this.options;
    for (let look = 1; hadTerminal && look <= LOOKS; look++) {
      if (!canOpenTerminal()) {
        onGone();
        return;
      }
      if (look < LOOKS) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    if (this.reload) this.reload();
    else onEarly();
  }
}
