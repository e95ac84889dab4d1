/**
 * Connections that are open at once. Full, the oldest one goes: an answer takes milliseconds, so whoever is
 * still there is slow or means harm.
 */

const CONNECTIONS_MAX = 256;
const OF_ONE_CLIENT_MAX = 4;
/** A connection that says nothing ends after so long, and every connection after LIFE_MS. */
export const SILENCE_MS = 2000;
export const LIFE_MS = 5000;

export class Connections<Connection> {
  private readonly end: (connection: Connection) => void;
  /** The oldest first. */
  private readonly open = new Set<Connection>();
  private readonly perClient = new Map<string, number>();

  constructor(end: (connection: Connection) => void) {
    this.end = end;
  }

  /** Whether the connection may stay. If not, it has ended. Call left() when one that stayed has gone. */
  admit(connection: Connection, client: string): boolean {
    const count = this.perClient.get(client) ?? 0;
    if (count >= OF_ONE_CLIENT_MAX) {
      this.end(connection);
      return false;
    }
    this.perClient.set(client, count + 1);
    this.open.add(connection);
    if (this.open.size > CONNECTIONS_MAX) this.endOldest();
    return true;
  }

  left(connection: Connection, client: string): void {
    this.open.delete(connection);
    const count = this.perClient.get(client) ?? 0;
    if (count > 1) this.perClient.set(client, count - 1);
    else this.perClient.delete(client);
  }

  private endOldest(): void {
    for (const connection of this.open) {
      this.open.delete(connection);
      this.end(connection);
      return;
    }
  }
}
