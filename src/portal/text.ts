/**
 * Our own text of the page. A file of the operator can stand in its place, with the same words in braces:
 *
 *     {{title}}    what is the matter, in four words
 *     {{name}}     what the client is called, or its address
 *     {{why}}      which limits it is over
 *     {{ends}}     when it is under them again
 *     {{quotas}}   all totals and limits, with bars
 *     {{allowed}}  what works all the same
 */
export const TEXT = `<p class="who">{{name}}</p>
<h1>{{title}}</h1>
{{why}}
<p class="ends">{{ends}}</p>
<h2>What was used</h2>
{{quotas}}
<h2>What works now</h2>
<p>{{allowed}}</p>
<p class="note">This page stands in for sites whose address begins with <b>http://</b>. In place of all others your
browser says that it cannot connect. This page looks again every minute; there is nothing to fill in.</p>`;

/** For a client that is neither stopped nor slowed down. */
export const NOTHING_TEXT = `<h1>{{title}}</h1>
<p>No limit holds for this device now. If you came here from another site, load that one again.</p>`;
