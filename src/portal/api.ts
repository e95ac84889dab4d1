/** The captive-portal API. Reference: RFC 8908, section 5 (keys), 4.1 (what a client does with them). */
import type { PageHost, PageStanding } from './messages.ts';

export interface ApiBody {
  readonly captive: boolean;
  /** Where people read why. */
  readonly 'user-portal-url'?: string;
  /** Nobody gets more by asking. */
  readonly 'can-extend-session': false;
  /** Until the client is stopped, as far as that is known. Left out while it is. */
  readonly 'bytes-remaining'?: number;
}

/** `host` is null for everybody who is neither stopped nor slowed down. */
export function apiBody(host: PageHost | null, portalUrl: string | null): ApiBody {
  const isCaptive = host?.isStopped === true;
  const left = host === null || isCaptive ? null : bytesLeft(host.quotas);
  return {
    captive: isCaptive,
    ...(portalUrl === null ? {} : { 'user-portal-url': portalUrl }),
    'can-extend-session': false,
    ...(left === null ? {} : { 'bytes-remaining': left }),
  };
}

/** The least that is left of any limit; null if there is none. */
function bytesLeft(quotas: readonly PageStanding[]): number | null {
  const left = quotas.map(({ limitBytes, usedBytes }) => Math.max(0, Math.floor(limitBytes - usedBytes)));
  return left.length === 0 ? null : Math.min(...left);
}
