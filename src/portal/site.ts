/** What a client is answered: by its address alone, and only about itself. */
import { createHash } from 'node:crypto';
import { apiBody } from './api.ts';
import { portalUrl } from './certificate.ts';
import type { PageHost, PageSetup } from './messages.ts';
import { renderPage } from './page.ts';
import type { ReadFiles } from './page-files.ts';
import { networkOf } from './plain-address.ts';

/** RFC 6585, 6: the answer comes from the network, and not from the site that was asked for. */
const NETWORK_AUTHENTICATION_REQUIRED = 511;
/** A page in a browser stays right. */
const REFRESH_SECONDS = '60';

export interface SiteAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export class Site {
  private readonly hosts = new Map<string, PageHost>();
  private readonly byAddress = new Map<string, PageHost>();
  private files: Pick<ReadFiles, 'text' | 'style'> = { text: '', style: '' };
  private allow: readonly string[] = [];
  private headers: Readonly<Record<string, string>> = {};
  private portalUrl: string | null = null;

  use({ text, style, tls }: ReadFiles, { allow, httpsPort }: Pick<PageSetup, 'allow' | 'httpsPort'>): void {
    this.files = { text, style };
    this.allow = allow;
    const url = tls === null ? null : portalUrl(tls.cert, httpsPort);
    this.portalUrl = url === null ? null : `${url}/`;
    const styleHash = createHash('sha256').update(style).digest('base64');
    this.headers = {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy':
        `default-src 'none'; style-src 'sha256-${styleHash}'; img-src data:; ` +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      Refresh: REFRESH_SECONDS,
    };
  }

  /** Takes in what has changed of hosts, and forgets others. */
  update(changed: readonly PageHost[], gone: readonly string[]): void {
    for (const id of [...changed.map((host) => host.id), ...gone]) this.forget(id);
    for (const host of changed) {
      this.hosts.set(host.id, host);
      for (const address of host.addresses) this.byAddress.set(address, host);
    }
  }

  private forget(id: string): void {
    const host = this.hosts.get(id);
    this.hosts.delete(id);
    for (const address of host?.addresses ?? [])
      if (this.byAddress.get(address) === host) this.byAddress.delete(address);
  }

  /**
   * Whom a client is counted with, so that it gains nothing by more addresses: its host; before that is told,
   * its network.
   */
  clientOf(address: string): string {
    return this.byAddress.get(address)?.id ?? networkOf(address);
  }

  /** For a request that was meant for some other site. */
  stopped(address: string): SiteAnswer {
    return this.page(NETWORK_AUTHENTICATION_REQUIRED, address);
  }

  /** For a request that was meant for us. */
  visited(address: string): SiteAnswer {
    return this.page(200, address);
  }

  private page(status: number, address: string): SiteAnswer {
    const host = this.byAddress.get(address) ?? null;
    return {
      status,
      headers: this.headers,
      body: renderPage({ host, address, ...this.files, allow: this.allow }, Date.now()),
    };
  }

  /** RFC 8908. */
  api(address: string): SiteAnswer {
    const body = apiBody(this.byAddress.get(address) ?? null, this.portalUrl);
    return {
      status: 200,
      headers: { 'Content-Type': 'application/captive+json' },
      body: JSON.stringify(body),
    };
  }
}
