/** The page for stopped hosts: one for an instance, whatever number of quotas asks for it. */
import type { PageSpec, QuotaSpec } from './hosts.ts';

/** Rules redirect HTTP of stopped hosts to this port. */
export const PAGE_HTTP_PORT = 8511;
/** The API of RFC 8908 listens here, in the configuration of clients as well. So it is always the same. */
export const PAGE_HTTPS_PORT = 8908;

/**
 * What all quotas with a page ask for together: they allow the same, and the first that names a file has its
 * way. null: no quota has a page.
 */
export function pageOf(quotas: readonly QuotaSpec[]): PageSpec | null {
  const pages = quotas.map(({ page }) => page).filter((page) => page !== null);
  if (pages.length === 0) return null;
  const first = (file: (page: PageSpec) => string | null): string | null =>
    pages.map(file).find((path) => path !== null) ?? null;
  const withKey = pages.find(({ certFile, keyFile }) => certFile !== null && keyFile !== null);
  return {
    allow: pages.flatMap(({ allow }) => allow),
    certFile: withKey?.certFile ?? null,
    keyFile: withKey?.keyFile ?? null,
    textFile: first(({ textFile }) => textFile),
    styleFile: first(({ styleFile }) => styleFile),
  };
}
