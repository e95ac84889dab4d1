/** The page in a real browser, in the place of a stopped host. */
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { afterEach, expect, it } from 'vitest';
import { capabilities } from '../capabilities.ts';
import { describeNetns, type Host, type Lab, until, useLab } from '../harness.ts';
import { portalDriver, stoppedHost } from '../page-bed.ts';
import { Driver, request, WAN } from '../rules-bed.ts';

const BROWSER = '/usr/bin/chromium';
/** The narrowest screens of phones that are still in use. */
const NARROW = { width: 360, height: 740 };

const backend = (await capabilities()).nft ? 'nft' : 'iptables';
const PAGE = { lan: null, links: ['wan0'], allow: [], hasApi: false };
const NOTHING = { allow: [], certFile: null, keyFile: null, textFile: null, styleFile: null };

let browser: Browser | undefined;
afterEach(async () => browser?.close());

/** The browser speaks to us through pipes, so that it can be in another network namespace. */
async function browserIn({ ns }: Host, { folder }: Lab): Promise<Browser> {
  const program = join(folder, 'chromium.sh');
  writeFileSync(program, `#!/bin/sh\nexec ip netns exec ${ns} ${BROWSER} "$@"\n`);
  chmodSync(program, 0o755);
  browser = await chromium.launch({ executablePath: program, args: ['--no-sandbox', '--disable-gpu'] });
  return browser;
}

describeNetns('the page for stopped hosts in a browser', () => {
  const world = useLab();

  it('comes in place of a site, can be read on a narrow screen, and breaks no rule of its own', async (context) => {
    if (!existsSync(BROWSER)) context.skip('no browser: apt install chromium');
    const { client, router, server } = world.lab;
    const { v4, v6 } = client.addresses;
    const rules = Driver.in(router);
    const portal = portalDriver(router);
    const wanted = { ...request(WAN), page: PAGE };
    await rules.call('listen', wanted.nfqueue.markMask);
    await rules.call('install', wanted, backend);
    await portal.call('start', NOTHING);
    await portal.call('setHosts', [stoppedHost([v4, v6], 'flat-12')]);
    await rules.call('setStopped', [v4, v6]);
    await until('the page is served', () => portal.events.length > 0);

    const page = await (await browserIn(client, world.lab)).newPage({ viewport: NARROW });
    const complaints: string[] = [];
    const loaded: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (asked) => loaded.push(asked.url()));
    let status = 0;
    await until('the site is replaced', async () => {
      status =
        (await page.goto(`http://${server.addresses.v4}/some/path?and=more`).catch(() => null))?.status() ??
        0;
      return status === 511;
    });
    // The browser says itself that the answer of the site was no page of the site.
    expect(complaints.filter((line) => !line.includes('status of 511'))).toEqual([]);
    expect(new Set(loaded.filter((url) => !url.startsWith('data:')))).toEqual(
      new Set([`http://${server.addresses.v4}/some/path?and=more`]),
    );
    await page.getByRole('heading', { name: 'Your connection is stopped' }).waitFor({ state: 'visible' });
    const text = await page.locator('main').innerText();
    for (const words of [
      'flat-12',
      '10.4 GB of 10 GB',
      '104 %, over the limit',
      'in 2 h 30 min',
      '51 GB of 60 GB',
    ])
      expect(text).toContain(words);
    const seen = await page.evaluate(`(() => {
      const bar = document.querySelector('.exceeded .bar rect');
      const style = getComputedStyle(document.body);
      return {
        width: document.documentElement.scrollWidth,
        fontPixels: parseFloat(style.fontSize),
        isStyled: style.margin === '0px',
        isBarFull: bar.getBoundingClientRect().width === bar.parentElement.getBoundingClientRect().width,
        isBarRed: getComputedStyle(bar).fill === 'rgb(198, 47, 46)',
        hasScripts: document.scripts.length > 0,
      };
    })()`);
    expect(seen).toEqual({
      ...{
        width: NARROW.width,
        fontPixels: 16,
        isStyled: true,
        isBarFull: true,
        isBarRed: true,
        hasScripts: false,
      },
    });
    // An empty or unstyled page would be much smaller.
    const picture = await page.screenshot({ fullPage: true });
    expect(picture.length).toBeGreaterThan(20_000);
    if (process.env.SHAPER_SCREENSHOT) writeFileSync(process.env.SHAPER_SCREENSHOT, picture);
    const closed = await page.goto(`https://${server.addresses.v4}/`).then(
      () => '',
      (error: Error) => error.message,
    );
    expect(closed).toContain('ERR_CONNECTION_REFUSED');
    await rules.kill();
    await portal.kill();
  });
});
