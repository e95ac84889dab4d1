/**
 * What has happened lately, for those who watch: a bounded ring of events with growing ids. Ids go on after a
 * restart of the instance, because they begin with its start: who asks for events after an id of an earlier
 * run gets all that are kept.
 */
import { EVENTS_KEPT } from '../limits.ts';

/** Each type has data of its own; docs/live.md lists the keys. */
export type EventType =
  | 'change'
  | 'attachment'
  | 'lease'
  | 'reload'
  | 'drops'
  | 'device'
  | 'quota'
  | 'module'
  | 'overload'
  | 'pace-off'
  | 'spoof';

/** `gap`: events that somebody asked for are kept no longer. Only who asked is told. */
export type ToldType = EventType | 'gap';

export interface ControlEvent {
  /** A growing whole number. */
  readonly id: number;
  readonly type: ToldType;
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly data: object;
}

export type Emit = (type: EventType, data: object) => void;

export class Events {
  private readonly ring: ControlEvent[] = [];
  private readonly listeners = new Set<(event: ControlEvent) => void>();
  private readonly wallMs: () => number;
  /** Ids of this run are greater. */
  private readonly idBefore: number;
  /** The last one that is no longer kept. */
  private forgottenId: number;
  private lastId: number;

  constructor(wallMs: () => number) {
    this.wallMs = wallMs;
    // Milliseconds leave room for a thousand events in each without an id that an earlier run has given.
    this.idBefore = wallMs() * 1000;
    this.forgottenId = this.idBefore;
    this.lastId = this.idBefore;
  }

  readonly emit: Emit = (type, data) => {
    const event = { id: ++this.lastId, type, atMs: this.wallMs(), data };
    this.ring.push(event);
    if (this.ring.length > EVENTS_KEPT) this.forgottenId = this.ring.shift()!.id;
    for (const listener of this.listeners) listener(event);
  };

  /**
   * Calls `listener` with every event from now on and, if `afterId` is given, first with the kept ones after
   * it. If some after it are kept no longer, an event `gap` says so. After 0 come all that are kept. Returns
   * the function that ends it.
   */
  subscribe(listener: (event: ControlEvent) => void, afterId: number | null = null): () => void {
    if (afterId !== null) {
      if (afterId > 0 && afterId < this.forgottenId) listener(this.gap(afterId));
      for (const event of this.ring) if (event.id > afterId) listener(event);
    }
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  private gap(after: number): ControlEvent {
    const reason = after < this.idBefore ? 'restart' : 'forgotten';
    return { id: this.forgottenId, type: 'gap', atMs: this.wallMs(), data: { after, reason } };
  }
}
