/** Takes back what was set up, last first, also if the start failed half way. */
export class Unwinder {
  readonly #steps: { readonly what: string; readonly undo: () => void | Promise<void> }[] = [];
  /** What of the end is under way, for people. */
  step = 'start';

  add(what: string, undo: () => void | Promise<void>): void {
    this.#steps.push({ what, undo });
  }

  /**
   * Runs every step once, also after one that fails. Resolves with false if one failed; `onFailure` is told.
   */
  async unwind(onFailure: (what: string, error: unknown) => void): Promise<boolean> {
    let isClean = true;
    for (let step = this.#steps.pop(); step; step = this.#steps.pop()) {
      this.step = step.what;
      try {
        await step.undo();
      } catch (error) {
        isClean = false;
        onFailure(step.what, error);
      }
    }
    this.step = 'last words';
    return isClean;
  }
}
