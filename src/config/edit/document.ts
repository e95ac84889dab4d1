/**
 * The configuration of a running instance as a document that can be edited. Every edit gives a new document,
 * and the old one stays as it is. Comments stay with the entries that stay.
 */
import { Document } from 'yaml';
import type { AccountNames } from '../../spec/accounts.ts';
import type { DeviceGraph } from '../../spec/device-graph.ts';
import type { Renamed } from '../../spec/edit.ts';
import { ConfigError, type ConfigProblem, type LoadedConfig, readConfig } from '../config.ts';
import { addClass, moveClass, patchClass, removeClass } from '../tree/classes.ts';
import { settleComments } from '../tree/comments.ts';
import { Draft } from '../tree/draft.ts';
import { ConfigEditError } from '../tree/error.ts';
import { type ListedModule, setModules } from '../tree/modules.ts';
import { checkPatch } from '../tree/patch-keys.ts';
import { Places } from '../tree/places.ts';
import { numberOfClass, whereOf } from '../tree/where.ts';
import { parseYaml, type YamlSource } from '../yaml/source.ts';
import type { MergePatch } from '../yaml/values.ts';

export { ConfigEditError, type EditErrorCode, type EditProblem } from '../tree/error.ts';
export type { MergePatch, Value } from '../yaml/values.ts';
export { parseAssignments } from './assignments.ts';
export { type ConfigChange, configChanges } from './changes.ts';

/** What the document and all that are edited from it have in common. */
interface Origin {
  readonly text: string;
  readonly document: Document;
  readonly places: Places;
}

interface LoadOptions {
  readonly skipSchedules?: boolean;
  /** Of the machine that shapes; null if they are not known. */
  readonly accounts?: AccountNames | null;
}

export interface Line {
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

export class ConfigDocument {
  /** The file that it came from. */
  readonly file: string;
  /** New path to old path of a class that the edit moved which made this document. */
  readonly renamed: Renamed;
  readonly #origin: Origin;
  readonly #source: YamlSource;

  private constructor(origin: Origin, source: YamlSource, renamed: Renamed = new Map()) {
    this.file = source.file;
    this.renamed = renamed;
    this.#origin = origin;
    this.#source = source;
  }

  /** Problems of the text are told by load(). */
  static parse(text: string, file: string): ConfigDocument {
    const { source, document } = parseYaml(text, file);
    return new ConfigDocument({ text, document, places: new Places(text.length) }, source);
  }

  /** Whether it is as it was parsed. */
  get isOriginal(): boolean {
    return this.#source.contents === this.#origin.document.contents;
  }

  /** YAML that reads as the same configuration. */
  text(): string {
    const { text, document } = this.#origin;
    if (this.isOriginal) return text;
    const written = new Document(null);
    written.commentBefore = document.commentBefore;
    written.comment = document.comment;
    written.directives = document.directives;
    written.contents = this.#source.contents;
    return written.toString({ lineWidth: 0 });
  }

  /**
   * Reads the whole. Throws ConfigError, which tells lines of the file, if the document is as it was parsed;
   * else ConfigEditError, which tells paths and keys. With `skipSchedules` nobody tries what schedules will
   * set: for a document that has the values of the entries that hold now.
   */
  load(
    devices: DeviceGraph | null = null,
    { skipSchedules = false, accounts = null }: LoadOptions = {},
  ): LoadedConfig {
    try {
      return readConfig(this.#source, devices, accounts, skipSchedules);
    } catch (error) {
      if (this.isOriginal || !(error instanceof ConfigError)) throw error;
      const problems = error.problems.map((problem) => ({
        where: this.whereOf(problem),
        message: problem.message,
      }));
      throw new ConfigEditError('invalid', problems);
    }
  }

  /**
   * Changes a class, or a direction, such as wan/up. Classes inside it are changed by their own paths. Throws
   * ConfigEditError, like all edits, for all that can be said without reading the whole.
   */
  patchClass(path: string, patch: MergePatch): ConfigDocument {
    checkPatch(path, patch);
    return this.#edited((draft) => patchClass(draft, path, patch));
  }

  /** Adds a class in front of its neighbour `before`, or as the last one before `default`. */
  addClass(path: string, values: MergePatch, before?: string): ConfigDocument {
    checkPatch(path, values);
    return this.#edited((draft) => addClass(draft, path, values, before));
  }

  /** Removes a class with all classes inside it. */
  removeClass(path: string): ConfigDocument {
    return this.#edited((draft) => removeClass(draft, path));
  }

  /** Moves or renames a class, with all classes inside it, within its direction. */
  moveClass(path: string, newPath: string, before?: string): ConfigDocument {
    const renamed = newPath === path ? undefined : new Map([[newPath, path]]);
    return this.#edited((draft) => moveClass(draft, path, newPath, before), renamed);
  }

  /** The list of modules is this one. */
  withModules(listed: readonly ListedModule[]): ConfigDocument {
    return this.#edited((draft) => setModules(draft, listed));
  }

  /** Path and key of a problem of this document, such as `wan/up/guests queue.limit`. */
  whereOf(problem: ConfigProblem): string {
    return whereOf(this.#source, problem);
  }

  /** The line at which a class or direction begins; null if it is not written in the file. */
  lineOf(path: string): Line | null {
    const number = numberOfClass(this.#source, path);
    const offset = number === null ? null : this.#origin.places.originOf(number);
    return offset === null ? null : { file: this.file, line: this.#source.lines.linePos(offset).line };
  }

  #edited(edit: (draft: Draft) => void, renamed?: Renamed): ConfigDocument {
    const { document, text, places } = this.#origin;
    // The first edit does it for all that come of it.
    if (this.isOriginal) settleComments(document.contents, text);
    const draft = new Draft(this.#source, places);
    edit(draft);
    return new ConfigDocument(this.#origin, draft.result(), renamed);
  }
}
