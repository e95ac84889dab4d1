/** The classes by which the instance runs, by path, with what people know of them: their lines. */
import { NONE } from '../../base/none.ts';
import type { LoadedConfig } from '../../config/config.ts';
import type { ConfigDocument, Line } from '../../config/edit/document.ts';
import { type ClassInfo, listClasses } from '../../core/classes/classes.ts';

export class KnownClasses {
  readonly list: readonly ClassInfo[];
  private readonly byPath: ReadonlyMap<string, ClassInfo>;
  private readonly config: LoadedConfig;
  private readonly document: ConfigDocument;

  constructor(config: LoadedConfig, document: ConfigDocument) {
    this.config = config;
    this.document = document;
    this.list = listClasses(config.spec);
    this.byPath = new Map(this.list.map((info) => [info.path, info]));
  }

  get(path: string): ClassInfo | undefined {
    return this.byPath.get(path);
  }

  parent({ parent }: ClassInfo): ClassInfo | null {
    return parent === NONE ? null : this.list[parent]!;
  }

  /** The class and all around it, the root last. */
  wayUp(leaf: ClassInfo): ClassInfo[] {
    const way: ClassInfo[] = [];
    for (let info: ClassInfo | null = leaf; info !== null; info = this.parent(info)) way.push(info);
    return way;
  }

  /** The class whose ceiling this is: one that is neither written nor moved is that of the class around. */
  ownerOfCeil(info: ClassInfo): ClassInfo {
    const around = this.parent(info);
    const isWritten = this.config.written.get(info.path)?.ceil !== undefined;
    if (
      around === null ||
      isWritten ||
      info.spec.adjust ||
      around.spec.ceilBytesPerSec !== info.spec.ceilBytesPerSec
    )
      return info;
    return this.ownerOfCeil(around);
  }

  /** The line of the class, or of the nearest class around it that the file has. */
  lineOf(info: ClassInfo): Line | null {
    for (const { path } of this.wayUp(info)) {
      const line = this.document.lineOf(path);
      if (line !== null) return line;
    }
    return null;
  }
}
