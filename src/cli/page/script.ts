/**
 * The page's script: a box at the pointer shows the values at the nearest instant. Without it the page is
 * complete but static.
 */
export const SCRIPT = `
const tip = document.getElementById('tip');
const number = new Intl.NumberFormat('en', { maximumSignificantDigits: 3, useGrouping: false });
const row = (name, value, color) => {
  const line = document.createElement('div');
  if (color) {
    const key = document.createElement('i');
    key.className = 'key';
    key.style.background = color;
    line.append(key);
  }
  line.append(name);
  const bold = document.createElement('b');
  bold.append(value);
  line.append(bold);
  return line;
};
const text = (value, unit) => (value === null ? '–' : number.format(value) + ' ' + unit);
for (const svg of document.querySelectorAll('svg[data-hover]')) {
  const data = JSON.parse(svg.dataset.hover);
  const cursor = svg.querySelector('.cursor');
  if (data.px.length === 0) continue;
  svg.addEventListener('pointermove', (event) => {
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) * svg.viewBox.baseVal.width) / box.width;
    let at = 0;
    for (let i = 1; i < data.px.length; i++) if (Math.abs(data.px[i] - x) < Math.abs(data.px[at] - x)) at = i;
    cursor.setAttribute('x1', data.px[at]);
    cursor.setAttribute('x2', data.px[at]);
    cursor.setAttribute('visibility', 'visible');
    tip.replaceChildren(
      row(data.t ? data.t[at] : data.g + text(data.x[at], data.u), ''),
      ...data.s.map((one) => row(one.n, text(one.v[at], one.u), one.c)),
    );
    tip.hidden = false;
    const left = event.clientX + 18 + tip.offsetWidth > innerWidth ? event.clientX - 18 - tip.offsetWidth : event.clientX + 18;
    tip.style.left = Math.max(4, left) + 'px';
    tip.style.top = Math.max(4, Math.min(event.clientY - 20, innerHeight - tip.offsetHeight - 4)) + 'px';
  });
  svg.addEventListener('pointerleave', () => {
    cursor.setAttribute('visibility', 'hidden');
    tip.hidden = true;
  });
}
`;
