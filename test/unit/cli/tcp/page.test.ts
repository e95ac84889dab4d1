import { describe, expect, it } from 'vitest';
import { picturePage } from '../../../../src/cli/tcp/page.ts';
import { END, eventsOf, pictureOf, ROWS } from './fixture.ts';

const page = (...args: Parameters<typeof eventsOf>): string =>
  picturePage(pictureOf(eventsOf(...args)), { version: '9.9' });

function count(text: string, pattern: RegExp): number {
  return [...text.matchAll(pattern)].length;
}

describe('the page', () => {
  it('loads nothing', () => {
    expect(page()).not.toMatch(/https?:|src=|@import|url\(|<link rel="(?!icon" href="data:,")/);
  });

  it('has a colour for each kind, with its count', () => {
    const html = page();
    const legend = html.slice(html.indexOf('<ul class="legend">'), html.indexOf('</ul>'));
    expect([...legend.matchAll(/background:(var\(--[\w-]+\))/g)].map(([, color]) => color)).toEqual([
      'var(--rest)',
      'var(--hue-1)',
      'var(--hue-3)',
      'var(--hue-6)',
      'var(--hue-5)',
    ]);
    for (const text of ['control: SYN, FIN, RST, pure ACK (5)', 'data (3)', 'duplicate ACK (1)'])
      expect(legend).toContain(text);
    for (const text of ['retransmission (1)', 'dropped here (1)']) expect(legend).toContain(text);
    expect(count(html, /<path class="dot[^"]*" style="stroke:var\(--hue-6\)" d="M[\d. ]+h0"/g)).toBe(1);
  });

  it('has segments, windows and round trip, the line, and a row for the connection', () => {
    const html = page();
    expect([...html.matchAll(/<h3>(.*?)<\/h3>/g)].map(([, title]) => title)).toEqual([
      'Segments',
      'Windows and bytes in flight',
      'Round trip',
    ]);
    expect(html).toContain('This upload is slow because &lt;wan/up&gt; paces it.');
    for (const text of ['5.80 kbit/s', '6.00 kbit/s', 'smoothed 30.0 ms']) expect(html).toContain(text);
    expect(count(html, /<tr><td>tcp 10\.1\.0\.2:40000 &gt; 10\.2\.0\.2:443<\/td>/g)).toBe(1);
    for (const [, json] of html.matchAll(/data-hover="([^"]*)"/g))
      expect(() => JSON.parse(json!.replaceAll('&quot;', '"'))).not.toThrow();
  });

  it('leaves out pictures of what is not known, and says why', () => {
    const rows = ROWS.filter(({ half }) => half === 0).map(({ flight: _, ...row }) => row);
    const [report] = END.connections;
    const html = page({ ...END, connections: [{ ...report!, acksSeen: false }] }, rows);
    expect(count(html, /<svg /g)).toBe(1);
    expect(html).toContain('Its acknowledgements do not come here');
  });

  it('of nothing says so', () => {
    const total = { ...END.total, connections: 0, segments: 0 };
    expect(page({ ...END, total, connections: [] }, [])).toContain('no segment came');
  });
});
