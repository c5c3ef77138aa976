// SPDX-License-Identifier: Apache-2.0
/*
 * The map of the index: a dot for each item where its embedding lies in the plane, and its picture where there is room.
 * `part` is the part of the plane that is seen; the one that is searched in is state.region, and so in the address.
 */
'use strict';

const plane = $('plane'), ink = plane.getContext('2d');
const PICTURE = 56, ROOM = 68; // pixels: the edge of a picture, and of the square that has one
let points = null;           // {x, y, ids, kind, index, ends, scale}: scale shows them all
let part = null;             // {x, y, scale}: the middle, in the plane, where y goes up, and pixels a unit
let lit = [];                // (points): 1 where it is among the results
let selection = null;        // while it is dragged: [left, top, right, bottom] in pixels
const chosen = new Map();    // level of zoom to the points that have a picture
const images = new Map();    // id to <img>

const mapKind = () => state.kind || (currentIndex()?.images ? 'image' : 'text');

/* ---- its points ---- */

function arrayOf(type, base64) {
  return new type(Uint8Array.from(atob(base64), letter => letter.charCodeAt(0)).buffer);
}

async function showMap() {
  const {index} = state, kind = mapKind(), note = $('map-note');
  $('map').hidden = !state.map;
  $('map-toggle').ariaExpanded = String(Boolean(state.map));
  drawMapSoon();
  if (!state.map || (points?.kind === kind && points.index === index))
    return;
  points = null;
  note.textContent = 'Making the map\u2026';
  try {
    const answer = await ask(pathOf('v1/index/map', {kind}));
    if (kind !== mapKind() || index !== state.index)
      return;
    const [x, y] = [answer.x, answer.y].map(list => arrayOf(Float32Array, list)), ids = Array.from(arrayOf(BigInt64Array, answer.ids), Number);
    points = {kind, index, x, y, ids, ends: [x.toSorted(), y.toSorted()].map(sorted => [sorted[0], sorted.at(-1)])};
    chosen.clear();
    images.clear();
    note.textContent = `${count(answer.count, 'item', 'items')}, the more alike the closer`;
    wholeMap();
    lightMap();
  } catch (error) {
    note.textContent = error.message;
    if (error.after)
      setTimeout(showMap, error.after * 1000);
  }
}

function lightMap() {
  if (!points || !state.map)
    return;
  const found = new Set(results.hits.map(hit => hit.item.id)), all = browsing();
  lit = points.ids.map(id => Number(all || found.has(id)));
  drawMapSoon();
}

/* ---- the part that is seen ---- */

const across = x => plane.clientWidth / 2 + (x - part.x) * part.scale;
const down = y => plane.clientHeight / 2 - (y - part.y) * part.scale;
const xAt = left => part.x + (left - plane.clientWidth / 2) / part.scale;
const yAt = top => part.y - (top - plane.clientHeight / 2) / part.scale;

function wholeMap() {
  const [left, right] = points.ends[0], [bottom, top] = points.ends[1];
  points.scale = Math.min((plane.clientWidth - 2 * PICTURE) / (right - left || 1), (plane.clientHeight - 2 * PICTURE) / (top - bottom || 1));
  part = {x: (left + right) / 2, y: (bottom + top) / 2, scale: points.scale};
  drawMapSoon();
}

function moveMap(left, top) {
  part.x -= left / part.scale;
  part.y += top / part.scale;
  drawMapSoon();
}

/* What is at this place stays there. */
function zoomMap(factor, left = plane.clientWidth / 2, top = plane.clientHeight / 2) {
  const x = xAt(left), y = yAt(top);
  part.scale = Math.min(Math.max(part.scale * factor, points.scale / 2), points.scale * 5000);
  moveMap((xAt(left) - x) * part.scale, (y - yAt(top)) * part.scale);
}

/* In a rectangle, two of whose corners these are. */
function searchInMap(left, top, right, bottom) {
  const sides = [xAt(Math.min(left, right)), yAt(Math.max(top, bottom)), xAt(Math.max(left, right)), yAt(Math.min(top, bottom))];
  go({region: sides.map(side => side.toPrecision(6)).join(), item: 0});
}

/* ---- drawing ---- */

/* The points with a picture: of each square of the plane the first, so that they stay while it moves. */
function pictured() {
  const level = Math.ceil(2 * Math.log2(ROOM / part.scale)), size = 2 ** (level / 2), taken = new Set();
  const isFirst = i => {
    const square = `${Math.floor(points.x[i] / size)} ${Math.floor(points.y[i] / size)}`;
    return !taken.has(square) && taken.add(square);
  };
  if (!chosen.has(level))
    chosen.set(level, points.kind === 'image' ? [...points.ids.keys()].filter(isFirst) : []);
  return chosen.get(level);
}

function drawPicture(i) {
  const id = points.ids[i], left = across(points.x[i]) - PICTURE / 2, top = down(points.y[i]) - PICTURE / 2;
  if (!images.has(id))
    images.set(id, element('img', {src: thumbnail(id, 128), onload: drawMapSoon}));
  const {naturalWidth: width, naturalHeight: height} = images.get(id), edge = Math.min(width, height);
  if (!edge)
    return;
  ink.save();
  ink.beginPath();
  ink.roundRect(left, top, PICTURE, PICTURE, 8);
  ink.stroke();
  ink.clip();
  ink.drawImage(images.get(id), (width - edge) / 2, (height - edge) / 2, edge, edge, left, top, PICTURE, PICTURE);
  ink.restore();
}

function drawMap() {
  const width = plane.clientWidth, height = plane.clientHeight, colours = getComputedStyle(plane);
  plane.width = width * devicePixelRatio;
  plane.height = height * devicePixelRatio;
  if (!points || !width)
    return;
  ink.scale(devicePixelRatio, devicePixelRatio);
  const {x, y, ids} = points, {scale} = part, size = ids.length > 20000 ? 2 : ids.length > 2000 ? 3 : 5;
  const isSeen = i => Math.abs(x[i] - part.x) * scale < width / 2 + PICTURE && Math.abs(y[i] - part.y) * scale < height / 2 + PICTURE;
  const left = across(0) - size / 2, top = down(0) - size / 2; /* of a dot in the origin */
  for (const bright of [0, 1]) {
    ink.fillStyle = bright ? colours.caretColor : colours.color;
    for (let i = 0; i < ids.length; i++)
      if (lit[i] === bright && isSeen(i))
        ink.fillRect(left + x[i] * scale, top - y[i] * scale, size, size);
  }
  ink.lineWidth = 3;
  ink.strokeStyle = colours.borderTopColor;
  pictured().filter(isSeen).forEach(drawPicture);
  const sides = state.region.split(',').map(Number);
  const box = selection || (state.region && [across(sides[0]), down(sides[3]), across(sides[2]), down(sides[1])]);
  ink.strokeStyle = colours.caretColor;
  if (box)
    ink.strokeRect(box[0], box[1], box[2] - box[0], box[3] - box[1]);
}

const drawMapSoon = onceAFrame(drawMap);
new ResizeObserver(drawMapSoon).observe(plane);

/* ---- fingers, mouse and keys ---- */

const fingers = new Map(); // pointer to where it is: [left, top]
let moved = 0;             // pixels, since the first came down

/* The item that somebody points at: the nearest of those whose picture is there, else of all. */
function openOnMap(left, top) {
  const distance = i => Math.hypot(across(points.x[i]) - left, down(points.y[i]) - top);
  const nearest = (list, reach) => list.reduce((best, i) => distance(i) < (best < 0 ? reach : distance(best)) ? i : best, -1);
  const picture = nearest(pictured(), PICTURE / 2), i = picture < 0 ? nearest([...points.ids.keys()], 12) : picture;
  if (i >= 0)
    openItem(points.ids[i]);
}

plane.onpointerdown = event => {
  const at = [event.offsetX, event.offsetY];
  if (!points || event.button)
    return;
  plane.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, at);
  moved = 0;
  selection = event.shiftKey ? [...at, ...at] : null;
};

plane.onpointermove = event => {
  const from = fingers.get(event.pointerId), to = [event.offsetX, event.offsetY];
  if (!from)
    return;
  const [, other] = [...fingers].find(([id]) => id !== event.pointerId) || [], between = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);
  moved += between(from, to);
  fingers.set(event.pointerId, to);
  if (selection) {
    selection.splice(2, 2, ...to);
    drawMapSoon();
  } else if (other) {
    moveMap((to[0] - from[0]) / 2, (to[1] - from[1]) / 2);
    zoomMap(between(to, other) / Math.max(1, between(from, other)), (to[0] + other[0]) / 2, (to[1] + other[1]) / 2);
  } else {
    moveMap(to[0] - from[0], to[1] - from[1]);
  }
};

plane.onpointerup = plane.onpointercancel = event => {
  const box = selection, wasDown = fingers.delete(event.pointerId);
  selection = null;
  if (!wasDown || fingers.size || event.type === 'pointercancel')
    return;
  if (moved < 5)
    openOnMap(event.offsetX, event.offsetY);
  else if (box)
    searchInMap(...box);
};

plane.addEventListener('wheel', event => {
  event.preventDefault();
  if (points)
    zoomMap(2 ** (-event.deltaY / (event.ctrlKey ? 100 : 300)), event.offsetX, event.offsetY);
}, {passive: false});

/* What keys do, and the buttons that stand for them. */
const mapKeys = {
  '+': () => zoomMap(1.6), '-': () => zoomMap(1 / 1.6), 0: wholeMap, Escape: leaveRegion,
  Enter: () => searchInMap(0, 0, plane.clientWidth, plane.clientHeight), ArrowLeft: () => moveMap(60, 0),
  ArrowRight: () => moveMap(-60, 0), ArrowUp: () => moveMap(0, 60), ArrowDown: () => moveMap(0, -60),
};

plane.onkeydown = event => {
  if (!points || !mapKeys[event.key] || !isPlain(event))
    return;
  event.preventDefault();
  mapKeys[event.key]();
};

$('map-bar').onclick = event => points && mapKeys[event.target.dataset.key]?.();
$('map-toggle').onclick = () => {
  change({map: state.map ? '' : '1'});
  showMap();
};
