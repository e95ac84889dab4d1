/**
 * What is attached to classes: the face of attachments to commands. It keeps them while processes begin and
 * end, and while classes move and go.
 */

import { isSystemError, reasonOf } from '../../base/system-error.ts';
import { listClasses } from '../../core/classes/classes.ts';
import type { SubjectsUpdate } from '../../core/subjects/update.ts';
import { ATTACHMENTS_MAX } from '../../limits.ts';
import type { Renamed } from '../../spec/edit.ts';
import type { ShaperSpec } from '../../spec/spec.ts';
import { ApiError } from '../api-error.ts';
import type { Clock } from '../change/clock.ts';
import { pathAfter } from '../change/moves.ts';
import type { Emit } from '../events.ts';
import { type Attachment, type AttachmentReport, classesByDirection, directionOf } from './attachment.ts';
import { Counter } from './counts.ts';
import type { Machine } from './machine.ts';
import type { Made, MadeClasses, MakeRequest } from './made-classes.ts';
import { Registry } from './registry.ts';
import { resolveSubject, type Target } from './resolve.ts';
import { parseSubject, type Subject, subjectText } from './subject.ts';

export interface SubjectServiceOptions {
  readonly machine: Machine;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly send: (update: SubjectsUpdate) => void;
  /** By what the instance runs now. */
  readonly spec: () => ShaperSpec;
  readonly made: MadeClasses;
  readonly warn: (message: string) => void;
}

export interface AttachRequest {
  readonly subject: string;
  readonly classes: readonly string[];
  /** Classes that are made inside those, and end with the subject. */
  readonly make?: MakeRequest | undefined;
  /** The control group was made for this attachment: it goes when nothing is in it any more. */
  readonly ownsGroup?: boolean | undefined;
}

export interface AttachAnswer {
  readonly attachment: AttachmentReport;
  /** What one should know besides, as sentences. */
  readonly notes: readonly string[];
}

/** Which attachment ends: by its id or its subject, in all directions or some. */
export interface DetachRequest {
  readonly id?: number | undefined;
  readonly subject?: string | undefined;
  /** A class or a direction; all without it. */
  readonly from?: string | undefined;
}

export interface AttachmentsReport {
  readonly attachments: readonly AttachmentReport[];
  /** Local flows of which the kernel could not tell to whom they belong. */
  readonly unknownFlows: number;
}

/** How long a process that began outside of what the packet thread sees at once may be unknown. */
const LOOK_MS = 500;
const SOON_MS = 1;
/** For so many looks, a minute, a group is tried to be removed; the next start tries it again. */
const GROUP_TRIES = 120;
const SUBJECT = 'body.subject';
const CLASSES = 'body.classes';

export class SubjectService {
  readonly #options: SubjectServiceOptions;
  readonly #registry: Registry;
  readonly #counter: Counter;
  #forgetTimer: (() => void) | null = null;
  #forgetSoon: (() => void) | null = null;
  #isClosed = false;
  /** The log has been told that processes cannot be read. */
  #hasFailed = false;

  constructor(options: SubjectServiceOptions) {
    this.#options = options;
    this.#registry = new Registry({ ...options, onEnd: this.#ended, onGroup: this.#lookSoon });
    this.#counter = new Counter(options.machine, this.#registry);
  }

  /** Throws ApiError; then nothing has changed. */
  async attach(request: AttachRequest): Promise<AttachAnswer> {
    const { machine, made } = this.#options;
    const subject = this.#parse(request.subject, SUBJECT);
    this.#checkClasses(request.classes);
    // What has ended meanwhile is no attachment of a process that has its number now.
    this.#registry.look();
    const target = resolveSubject(subject, machine, SUBJECT);
    const id = this.#registry.nextId();
    const making = request.make === undefined ? null : await made.make(id, request.classes, request.make);
    try {
      return this.#add(id, subject, target, request, making);
    } catch (error) {
      if (making !== null) await made.remove(making.paths);
      throw error;
    }
  }

  detach({ id, subject, from }: DetachRequest): AttachAnswer {
    this.#registry.look();
    const attachment = id === undefined ? this.#named(subject ?? '') : this.#registry.get(id);
    if (attachment === undefined)
      throw new ApiError(
        404,
        'not-attached',
        `there is no attachment ${id}`,
        'id',
        'shaper attached lists them',
      );
    const { classes, text } = attachment;
    if (from !== undefined && ![...classes].flat().includes(from)) {
      const hint = `it is attached to ${[...classes.values()].join(' and ')}`;
      throw new ApiError(404, 'not-attached', `${text} is not attached to ${from}`, 'query.from', hint);
    }
    const report = this.#counter.report(attachment);
    if (from === undefined) classes.clear();
    else classes.delete(directionOf(from));
    if (classes.size === 0) this.#remove(attachment, 'somebody detached it');
    else this.#emit('changed', attachment);
    this.#changed();
    return { attachment: report, notes: [] };
  }

  list(): readonly AttachmentReport[] {
    this.#registry.look();
    return this.#counter.reports(this.#registry.all);
  }

  /** Another configuration holds: classes have moved or gone. */
  follow(spec: ShaperSpec, renamed: Renamed): void {
    const known = new Set(listClasses(spec).map(({ path }) => path));
    for (const attachment of [...this.#registry.all]) {
      attachment.made = attachment.made.map((path) => pathAfter(path, renamed));
      const lost: string[] = [];
      let isMoved = false;
      for (const [direction, before] of attachment.classes) {
        const path = pathAfter(before, renamed);
        isMoved ||= path !== before;
        if (known.has(path)) attachment.classes.set(direction, path);
        else {
          attachment.classes.delete(direction);
          lost.push(before);
        }
      }
      if (attachment.classes.size === 0) this.#remove(attachment, `${lost.join(' and ')} was removed`);
      else if (lost.length > 0 || isMoved) this.#emit('changed', attachment);
    }
    this.#registry.follow(spec);
    this.#changed();
  }

  close(): void {
    this.#isClosed = true;
    this.#forgetTimer?.();
    this.#forgetSoon?.();
    this.#registry.close();
  }

  #parse(text: string, where: string): Subject {
    const subject = parseSubject(text, where);
    const { cgroups } = this.#options.machine;
    return subject.kind === 'cgroup' && cgroups !== null
      ? { ...subject, path: cgroups.withoutMount(subject.path) }
      : subject;
  }

  #checkClasses(paths: readonly string[]): Map<string, string> {
    return classesByDirection(paths, this.#options.spec(), CLASSES);
  }

  #add(
    newId: number,
    subject: Subject,
    target: Target,
    { classes, ownsGroup = false }: AttachRequest,
    making: Made | null,
  ): AttachAnswer {
    const byDirection = this.#checkClasses(making?.classes ?? classes);
    const key = keyOf(subject, target);
    const known = [...this.#registry.all].find((one) => one.key === key);
    if (known === undefined && [...this.#registry.all].length >= ATTACHMENTS_MAX) {
      const message = `${ATTACHMENTS_MAX} subjects are attached already`;
      throw new ApiError(409, 'too-many', message, SUBJECT, 'shaper detach SUBJECT ends an attachment');
    }
    const attachment: Attachment = known ?? {
      ...{ id: newId, subject, text: subjectText(subject), key, target, classes: new Map(), made: [] },
      ...{ ownsGroup, sinceMs: this.#options.clock.wallMs() },
    };
    const notes = [...byDirection].flatMap(([direction, path]) => {
      const before = attachment.classes.get(direction);
      attachment.classes.set(direction, path);
      return before === undefined || before === path
        ? []
        : [`${attachment.text} leaves ${before} for ${path}`];
    });
    attachment.made = [...attachment.made, ...(making?.paths ?? [])];
    this.#registry.add(attachment);
    this.#emit(known === undefined ? 'began' : 'changed', attachment);
    this.#changed();
    return { attachment: this.#counter.report(attachment), notes };
  }

  /** The attachment of a subject that somebody writes. Throws ApiError. */
  #named(text: string): Attachment {
    const subject = this.#parse(text, 'query.subject');
    const all = [...this.#registry.all];
    const written = subjectText(subject);
    const found = all.find((one) => one.text === written || one.key === keyOf(subject, this.#user(subject)));
    if (found !== undefined) return found;
    const hint = all.length === 0 ? 'nothing is attached' : 'shaper attached lists what is';
    throw new ApiError(404, 'not-attached', `${written} is not attached`, 'query.subject', hint);
  }

  /** A user may be attached by another name than that by which it is detached. */
  #user(subject: Subject): Target | null {
    const uid = subject.kind === 'user' ? this.#options.machine.accounts.uidOf(subject.name) : null;
    return uid === null ? null : { kind: 'user', uid };
  }

  readonly #ended = (attachment: Attachment, reason: string): void => this.#remove(attachment, reason);

  #remove(attachment: Attachment, reason: string): void {
    const { made } = this.#options;
    this.#registry.remove(attachment.id);
    this.#emit('ended', attachment, reason);
    if (attachment.made.length > 0) void made.remove(attachment.made);
    if (attachment.ownsGroup && attachment.subject.kind === 'cgroup')
      this.#removeGroup(attachment.subject.path, GROUP_TRIES);
  }

  /** The kernel keeps a group until the parent of its last process has asked how that has ended. */
  #removeGroup(path: string, tries: number): void {
    const { machine, clock } = this.#options;
    if (this.#isClosed || tries === 0 || (machine.cgroups?.remove(path) ?? true)) return;
    clock.after(LOOK_MS, () => this.#removeGroup(path, tries - 1));
  }

  #emit(action: 'began' | 'changed' | 'ended', { id, text, classes }: Attachment, reason?: string): void {
    const about = { attachment: id, subject: text, classes: [...classes.values()] };
    this.#options.emit('attachment', { action, ...about, ...(reason !== undefined && { reason }) });
  }

  /** Tells the packet thread, and looks again from time to time as long as there is something to see. */
  #changed(): void {
    this.#registry.look();
    this.#watch();
  }

  /** Several groups that come together are one change. */
  readonly #lookSoon = (): void => {
    if (this.#forgetSoon !== null || this.#isClosed) return;
    this.#forgetSoon = this.#options.clock.after(SOON_MS, () => {
      this.#forgetSoon = null;
      this.#lookAgain();
    });
  };

  /** Without files that may be opened nobody knows which processes have ended: all stays as it was. */
  #lookAgain(): void {
    try {
      this.#registry.look();
      this.#hasFailed = false;
    } catch (error) {
      if (!isSystemError(error)) throw error;
      if (!this.#hasFailed) this.#options.warn(`processes cannot be read: ${reasonOf(error)}`);
      this.#hasFailed = true;
    }
  }

  #watch(): void {
    if (this.#forgetTimer !== null || this.#isClosed || !this.#registry.isWatching) return;
    this.#forgetTimer = this.#options.clock.after(LOOK_MS, () => {
      this.#forgetTimer = null;
      this.#lookAgain();
      this.#watch();
    });
  }
}

function keyOf(subject: Subject, target: Target | null): string {
  return target?.kind === 'user' ? `user:${target.uid}` : subjectText(subject);
}
