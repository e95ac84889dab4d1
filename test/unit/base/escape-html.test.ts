import { expect, test } from 'vitest';
import { escapeHtml } from '../../../src/base/escape-html.ts';

test('nothing of a text is taken for HTML, in elements and attributes', () => {
  expect(escapeHtml(`<a href="x" title='y'>&amp;</a>`)).toBe(
    '&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;amp;&lt;/a&gt;',
  );
  expect(escapeHtml('ordinary text, 5 % of 10 GB')).toBe('ordinary text, 5 % of 10 GB');
});
