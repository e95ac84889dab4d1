/**
 * Distinct sets of subjects, numbered as they become known. The same subjects have the same number in every
 * update, while those of SubjectsUpdate.sets may differ from one to the next.
 */
export class KnownSets {
  private readonly numbers = new Map<string, number>();
  private lists: (readonly number[])[] = [];

  /** Number of the set of these subjects. */
  numberOf(subjects: readonly number[]): number {
    const sorted = [...new Set(subjects)].sort((a, b) => a - b);
    const text = sorted.join();
    const known = this.numbers.get(text);
    if (known !== undefined) return known;
    this.numbers.set(text, this.lists.length);
    this.lists.push(sorted);
    return this.lists.length - 1;
  }

  subjectsOf(set: number): readonly number[] {
    return this.lists[set];
  }

  /** Subjects have other numbers from now on. */
  clear(): void {
    this.numbers.clear();
    this.lists = [];
  }
}
