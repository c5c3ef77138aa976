// SPDX-License-Identifier: Apache-2.0
/* The map of a page in a file. Its items are in #points: [x, y, shade, name, file: URL, picture] each, the latter two empty
 * where there are none. A card shows what is pointed at; it stays where it was clicked or tapped. */
const items = JSON.parse($('points').textContent), column = number => items.map(item => item[number]);
const card = element('figure', {hidden: true}), tiles = $('tiles');
let shown = -1, stays = false;

function showCard(i, stay) {
  stays = stay && i >= 0;
  if (i === shown)
    return;
  shown = i;
  card.hidden = i < 0;
  drawMapSoon();
  if (i < 0)
    return;
  const [, , , name, href, src] = items[i], text = element('div', {className: 'path'});
  const leadTo = (child, more) => href ? element('a', {href, ...more}, child) : child;
  text.append(leadTo(element('span', {}, ...name.split(/(?<=\/)/).flatMap(part => [part, element('wbr')]))));
  if (href)
    text.append(element('button', {className: 'copy'}, 'copy path'));
  card.replaceChildren(element('figcaption', {}, text));
  if (src)
    card.prepend(element('div', {className: 'picture'}, leadTo(element('img', {src, alt: ''}), {tabIndex: -1, ariaHidden: 'true'})));
}

/* A square around the item that the card shows. */
function boxOfShown() {
  const half = 30 / part.scale, {x, y} = points;
  return shown < 0 ? null : [x[shown] - half, y[shown] - half, x[shown] + half, y[shown] + half];
}

const boxes = [...document.querySelectorAll('[data-shade]')];
const hidden = () => new Set(boxes.filter(box => !box.checked).map(box => Number(box.dataset.shade)));

function shadeAll() {
  const gone = hidden();
  shadePoints(column(2).map(shade => gone.has(shade) ? -1 : shade));
}

plane.addEventListener('pointermove', event => {
  if (event.pointerType === 'mouse' && !event.buttons && !stays)
    showCard(pointAt(event.offsetX, event.offsetY), false);
});
mapKeys.Enter = () => showCard(pointAt(plane.clientWidth / 2, plane.clientHeight / 2), true);
mapKeys.Escape = () => showCard(-1);
plane.ariaDescription += ' Enter shows what is in the middle, Escape hides it.';
$('map').append(card);
for (const box of [...boxes, ...tiles ? [tiles] : []])
  box.onchange = shadeAll;
showPoints({
  x: column(0), y: column(1), shade: column(2), picture: i => tiles?.checked && items[i][5], open: i => showCard(i, true), box: boxOfShown,
});
shadeAll();
