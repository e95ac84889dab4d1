/** Modules that do not know yet how hosts stand with the quotas that name them. */
import { equal } from '../../base/equal.ts';
import type { ShaperSpec } from '../../spec/spec.ts';

export class UntoldModules {
  /** Labels; null: no module knows. */
  readonly #labels = new Set<string | null>();

  began(label: string): void {
    this.#labels.add(label);
  }

  /** None knows any more. */
  allBegan(): void {
    this.#labels.add(null);
  }

  /** Another specification holds. */
  follow(before: ShaperSpec, after: ShaperSpec): void {
    if (!equal(namedModules(before), namedModules(after))) this.allBegan();
  }

  /** Who is to be told now, once: null stands for all modules. */
  take(spec: ShaperSpec): readonly (string | null)[] {
    if (this.#labels.size === 0) return [];
    const labels = this.#labels.has(null) ? [null] : [...this.#labels];
    this.#labels.clear();
    return namedModules(spec).length === 0 ? [] : labels;
  }
}

/** Which quotas name which modules. */
function namedModules({
  quotas,
}: ShaperSpec): { readonly name: string; readonly modules: readonly string[] }[] {
  return quotas.flatMap(({ name, modules }) => (modules.length === 0 ? [] : [{ name, modules }]));
}
