/** What the process of the page is told, and what it says. */

export interface PageStanding {
  readonly quota: string;
  readonly overNs: number;
  readonly direction: 'up' | 'down' | 'total';
  readonly usedBytes: number;
  readonly limitBytes: number;
  readonly state: 'ok' | 'warned' | 'exceeded';
  /** ISO 8601: when the host is under the limit again, if it sends and receives nothing more. */
  readonly endsAt: string | null;
}

/** A host that is stopped or slowed down. */
export interface PageHost {
  readonly id: string;
  /** Empty if it has none. */
  readonly name: string;
  readonly addresses: readonly string[];
  /** Not stopped: it is only slowed down. */
  readonly isStopped: boolean;
  readonly quotas: readonly PageStanding[];
}

/** Files of the configuration. The process reads them before it gives up its rights. */
export interface PageFiles {
  readonly certFile: string | null;
  readonly keyFile: string | null;
  readonly textFile: string | null;
  readonly styleFile: string | null;
}

export interface PageSetup extends PageFiles {
  readonly httpPort: number;
  readonly httpsPort: number;
  /** null: all addresses, of both families. */
  readonly listenOn: string | null;
  /** What stopped hosts reach all the same, as people write it. */
  readonly allow: readonly string[];
}

export type ToPageProcess =
  | { readonly type: 'start'; readonly setup: PageSetup }
  | { readonly type: 'hosts'; readonly changed: readonly PageHost[]; readonly gone: readonly string[] };

export type FromPageProcess =
  | {
      readonly type: 'serving';
      readonly httpPort: number;
      /** null: without certificate and key. */
      readonly httpsPort: number | null;
    }
  /** It can go on with less than it was asked for. */
  | { readonly type: 'warning'; readonly message: string }
  /** It cannot serve, and ends. */
  | { readonly type: 'failed'; readonly message: string };
