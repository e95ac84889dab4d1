/**
 * Which class an attachment sends the packets of its subject to, in each tree. Classes come, go and are
 * renamed while attachments stand: an attachment follows its class, and ends there when the class is removed.
 *
 *   attachments, most specific first        by subject: its attachments     by attachment: rows of classes
 *   0 socket  subject 7 -> wan/up/a         7 -> 0, 2                       0 -> row 3
 *   1 process subject 5 -> wan/up/b         5 -> 1                          1 -> row 4
 */
import { NONE } from '../../base/none.ts';
import type { ClassInfo } from '../classes/classes.ts';
import type { SubjectsUpdate } from './update.ts';

type Attachment = SubjectsUpdate['attachments'][number];

/** A class to which an attachment leads. */
interface Place {
  path: string;
  /** Row of the class; NONE while no class has this path. */
  row: number;
  /** Row of its tree's root; NONE as well. */
  root: number;
}

/** What of a change of classes concerns attachments. */
export interface MovedClasses {
  readonly classes: readonly ClassInfo[];
  /** By old row: the row that the class has now; NONE for a removed class. */
  readonly newRow: ArrayLike<number>;
}

export class Attachments {
  /** By attachment, most specific first. */
  private places: readonly Place[][] = [];
  private ranks: readonly number[] = [];
  private texts: readonly string[] = [];
  /** By subject: its attachments. */
  private ofSubject = new Map<number, number[]>();
  /** Of the last find(): the attachment that decides, or NONE. */
  lastFound = NONE;

  set(attachments: readonly Attachment[], classes: readonly ClassInfo[]): void {
    const ordered = [...attachments].sort((a, b) => a.rank - b.rank);
    const rowOf = rowsByPath(classes);
    this.places = ordered.map((one) => one.classes.map((path) => placeOf(path, rowOf, classes)));
    this.ranks = ordered.map(({ rank }) => rank);
    this.texts = ordered.map(({ text = '' }) => text);
    this.ofSubject = new Map();
    for (const [a, { subject }] of ordered.entries()) {
      const own = this.ofSubject.get(subject);
      if (own === undefined) this.ofSubject.set(subject, [a]);
      else own.push(a);
    }
  }

  /** Classes have new rows. */
  regroup({ classes, newRow }: MovedClasses): void {
    const rowOf = rowsByPath(classes);
    this.places = this.places.map((places) =>
      places.flatMap((place) => {
        // A class that the attachment waits for may have come now.
        if (place.row === NONE) return [placeOf(place.path, rowOf, classes)];
        const row = newRow[place.row];
        return row === NONE ? [] : [{ path: classes[row].path, row, root: classes[row].root }];
      }),
    );
  }

  /**
   * Row of the class in the tree of `root` that the most specific attachment of these subjects gives; `root`
   * without one. The first `count` of `found` are meant.
   */
  find(root: number, found: ArrayLike<number>, count: number): number {
    let best = NONE;
    let row = root;
    for (let i = 0; i < count; i++) {
      const own = this.ofSubject.get(found[i]);
      if (own === undefined) continue;
      for (const a of own) {
        // They are in order: a later one of this subject is less specific still.
        if (best !== NONE && a >= best) break;
        const there = this.rowIn(a, root);
        if (there === NONE) continue;
        best = a;
        row = there;
      }
    }
    this.lastFound = best;
    return row;
  }

  text(attachment: number): string {
    return this.texts[attachment];
  }

  rank(attachment: number): number {
    return this.ranks[attachment];
  }

  private rowIn(attachment: number, root: number): number {
    for (const place of this.places[attachment]) if (place.root === root) return place.row;
    return NONE;
  }
}

function rowsByPath(classes: readonly ClassInfo[]): ReadonlyMap<string, number> {
  return new Map(classes.map(({ path }, row) => [path, row]));
}

function placeOf(path: string, rowOf: ReadonlyMap<string, number>, classes: readonly ClassInfo[]): Place {
  const row = rowOf.get(path) ?? NONE;
  return { path, row, root: row === NONE ? NONE : classes[row].root };
}
