/** Why the last change in a directory was refused: the texts of the files `error`. */

/** Directories whose last refusal is remembered; the one whose is oldest is forgotten. */
const REFUSALS_MAX = 1000;

export class Refusals {
  readonly #reasons = new Map<string, string>();

  refused(directory: string, reason: string): void {
    this.#reasons.delete(directory);
    this.#reasons.set(directory, reason);
    const [oldest] = this.#reasons.keys();
    if (this.#reasons.size > REFUSALS_MAX) this.#reasons.delete(oldest!);
  }

  done(directory: string): void {
    this.#reasons.delete(directory);
  }

  /** Empty if the last change was made. */
  text(directory: string): string {
    const reason = this.#reasons.get(directory);
    return reason === undefined ? '' : `${reason}\n`;
  }
}
