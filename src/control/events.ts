/**
 * What has happened lately, for those who watch: a bounded ring of events with growing ids. Ids go on after a
 * restart of the instance, because they begin with its start: who asks for events after an id of an earlier
 * run gets all that are kept.
 */
import { EVENTS_KEPT } from '../limits.ts';

/** Each type has data of its own; docs/live.md lists the keys. */
export type EventType = 'change' | 'lease' | 'reload' | 'drops' | 'device' | 'quota' | 'module' | 'overload';

export interface ControlEvent {
  /** A growing whole number. */
  readonly id: number;
  readonly type: EventType;
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly data: object;
}

export type Emit = (type: EventType, data: object) => void;

export class Events {
  private readonly ring: ControlEvent[] = [];
  private readonly listeners = new Set<(event: ControlEvent) => void>();
  private readonly wallMs: () => number;
  private lastId: number;

  constructor(wallMs: () => number) {
    this.wallMs = wallMs;
    // Milliseconds leave room for a thousand events in each without an id that an earlier run has given.
    this.lastId = wallMs() * 1000;
  }

  readonly emit: Emit = (type, data) => {
    const event = { id: ++this.lastId, type, atMs: this.wallMs(), data };
    this.ring.push(event);
    if (this.ring.length > EVENTS_KEPT) this.ring.shift();
    for (const listener of this.listeners) listener(event);
  };

  /**
   * Calls `listener` with every event from now on and, if `afterId` is given, first with the kept ones after
   * it. Returns the function that ends it.
   */
  subscribe(listener: (event: ControlEvent) => void, afterId: number | null = null): () => void {
    if (afterId !== null) for (const event of this.ring) if (event.id > afterId) listener(event);
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }
}
