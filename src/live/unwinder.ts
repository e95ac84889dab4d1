/** Takes back what was set up, last first, also when setting up failed half way. */
export class Unwinder {
  readonly #steps: { readonly what: string; readonly undo: () => void | Promise<void> }[] = [];

  add(what: string, undo: () => void | Promise<void>): void {
    this.#steps.push({ what, undo });
  }

  /** Runs every step; one that fails is told to `onFailure` and does not keep the others from running. True: all went. */
  async unwind(onFailure: (what: string, error: unknown) => void): Promise<boolean> {
    let isClean = true;
    for (let step = this.#steps.pop(); step; step = this.#steps.pop()) {
      try {
        await step.undo();
      } catch (error) {
        isClean = false;
        onFailure(step.what, error);
      }
    }
    return isClean;
  }
}
