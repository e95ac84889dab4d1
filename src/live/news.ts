/** What the packet thread tells those who watch. Before the control thread listens nobody watches. */
import type { EventType } from '../control/events.ts';

type Listener = (type: EventType, data: object) => void;

export class News {
  private listener: Listener = () => undefined;

  tell(type: EventType, data: object): void {
    this.listener(type, data);
  }

  listen(listener: Listener): void {
    this.listener = listener;
  }
}
