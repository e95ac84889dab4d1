/** Classes that `shaper exec` makes for one command, inside a class that it names; they go with it. */
import type { MergePatch } from '../../config/edit/document.ts';
import { listClasses } from '../../core/classes/classes.ts';
import type { ShaperSpec } from '../../spec/spec.ts';
import { ApiError } from '../api-error.ts';
import { directionOf } from './attachment.ts';

/** Rates as in the file. */
export interface MakeRequest {
  readonly up?: string | undefined;
  readonly down?: string | undefined;
}

export interface Made {
  /** Classes that were made. */
  readonly paths: readonly string[];
  /** Those that the subject goes to. */
  readonly classes: readonly string[];
}

/** What makes classes. */
export interface ClassMaker {
  make(classes: ReadonlyMap<string, MergePatch>): Promise<unknown>;
  unmake(paths: readonly string[]): Promise<unknown>;
}

export class MadeClasses {
  readonly #maker: ClassMaker;
  readonly #spec: () => ShaperSpec;
  readonly #warn: (message: string) => void;

  constructor(maker: ClassMaker, spec: () => ShaperSpec, warn: (message: string) => void) {
    this.#maker = maker;
    this.#spec = spec;
    this.#warn = warn;
  }

  /** The classes are there. Rejects with ApiError, and then none of them is. */
  async make(id: number, classes: readonly string[], rates: MakeRequest): Promise<Made> {
    const parents = this.#parents(classes, rates);
    const known = new Set(listClasses(this.#spec()).map(({ path }) => path));
    const made = new Map<string, MergePatch>();
    const result = new Map(classes.map((path) => [directionOf(path), path]));
    for (const [parent, ceil] of parents) {
      const path = freePath(parent, id, known);
      made.set(path, { ceil, match: 'none' });
      result.set(directionOf(parent), path);
    }
    if (made.size > 0) await this.#maker.make(made);
    return { paths: [...made.keys()], classes: [...result.values()] };
  }

  async remove(paths: readonly string[]): Promise<void> {
    try {
      await this.#maker.unmake(paths);
    } catch (error) {
      // The instance stops, or somebody has removed the class around it.
      this.#warn(`${paths.join(' and ')}: not removed: ${(error as Error).message}`);
    }
  }

  /** The class around each that is made: one that is named, or the direction of a link of one that is. */
  #parents(classes: readonly string[], rates: MakeRequest): Map<string, string> {
    const parents = new Map<string, string>();
    const links = new Set(classes.map((path) => path.split('/')[0]!));
    for (const [side, rate] of Object.entries(rates) as ['up' | 'down', string | undefined][]) {
      if (rate === undefined) continue;
      const named = classes.filter((path) => path.split('/')[1] === side);
      const roots = this.#spec()
        .links.filter((link) => links.has(link.name) && link[side] !== null)
        .map((link) => `${link.name}/${side}`);
      const found = named.length > 0 ? named : roots;
      if (found.length === 0) {
        const message = `a rate for ${side}, but ${[...links].join(' and ')} has no direction ${side}`;
        throw new ApiError(400, 'wrong-value', message, `body.make.${side}`, `leave --${side} out`);
      }
      for (const path of found) parents.set(path, rate);
    }
    return parents;
  }
}

function freePath(parent: string, id: number, known: ReadonlySet<string>): string {
  for (let n = id; ; n++) if (!known.has(`${parent}/exec-${n}`)) return `${parent}/exec-${n}`;
}
