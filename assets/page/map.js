// SPDX-License-Identifier: Apache-2.0
/*
 * The map in #map: a dot for each item where its embedding lies in the plane, and its picture where there is room. The
 * page gives showPoints:
 *   x, y        places in the plane, where y goes up
 *   shade       1: in the second colour, above those with 0; -1: not at all
 *   picture(i)  its address; nothing: a dot will do
 *   open(i)     for when somebody points at an item; -1: at none
 *   box()       [left, bottom, right, top] to draw, or nothing
 *   select(box) if there is, for when one is drawn with Shift
 */
'use strict';

const PICTURE = 56, ROOM = 68; // pixels: the edge of a picture, and of the square that has one
const IMAGES_MAX = 1000;
let points = null;
let part = null;             // what is seen, {x, y, scale}: the middle, and pixels a unit
let selection = null;        // while it is dragged: [left, top, right, bottom] in pixels
const chosen = new Map();    // level of zoom to the points that have a picture
const images = new Map();    // of points to <img>, the last that was drawn behind

const plane = element('canvas', {id: 'plane', tabIndex: 0, role: 'application', ariaLabel: 'Map of the index',
  ariaDescription: 'Arrow keys move the map, plus and minus zoom, 0 shows all.'});
const ink = plane.getContext('2d'), bar = element('div', {id: 'map-bar'});
$('map').prepend(plane, bar);

/* ---- the part that is seen ---- */

const across = x => plane.clientWidth / 2 + (x - part.x) * part.scale;
const down = y => plane.clientHeight / 2 - (y - part.y) * part.scale;
const xAt = left => part.x + (left - plane.clientWidth / 2) / part.scale;
const yAt = top => part.y - (top - plane.clientHeight / 2) / part.scale;

function showPoints(made) {
  points = made;
  images.clear();
  shadePoints(made.shade);
  wholeMap();
}

function shadePoints(shade) {
  points.shade = shade;
  chosen.clear();
  drawMapSoon();
}

function wholeMap() {
  const {clientWidth: width, clientHeight: height} = plane;
  const ends = list => [Math.min, Math.max].map(end => list.reduce((a, b) => end(a, b)));
  const [left, right] = ends(points.x), [bottom, top] = ends(points.y);
  points.scale = Math.min((width - 2 * PICTURE) / (right - left || 1), (height - 2 * PICTURE) / (top - bottom || 1));
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

/* ---- drawing ---- */

/* The points with a picture: of each square of the plane the first, so that they stay while it moves. */
function pictured() {
  const level = Math.ceil(2 * Math.log2(ROOM / part.scale)), size = 2 ** (level / 2), taken = new Set();
  const isFirst = i => {
    const square = Math.floor(points.x[i] / size) * 2 ** 26 + Math.floor(points.y[i] / size);
    return points.shade[i] >= 0 && points.picture(i) && !taken.has(square) && taken.add(square);
  };
  if (!chosen.has(level))
    chosen.set(level, [...points.x.keys()].filter(isFirst));
  return chosen.get(level);
}

function imageOf(i) {
  const image = images.get(i) || element('img', {src: points.picture(i), onload: drawMapSoon});
  images.delete(i);
  images.set(i, image);
  if (images.size > IMAGES_MAX)
    images.delete(images.keys().next().value);
  return image;
}

function drawPicture(i) {
  const left = across(points.x[i]) - PICTURE / 2, top = down(points.y[i]) - PICTURE / 2, image = imageOf(i);
  const {naturalWidth: width, naturalHeight: height} = image, edge = Math.min(width, height);
  if (!edge)
    return;
  ink.save();
  ink.beginPath();
  ink.roundRect(left, top, PICTURE, PICTURE, 8);
  ink.stroke();
  ink.clip();
  ink.drawImage(image, (width - edge) / 2, (height - edge) / 2, edge, edge, left, top, PICTURE, PICTURE);
  ink.restore();
}

function drawMap() {
  const {clientWidth: width, clientHeight: height} = plane, colours = getComputedStyle(plane);
  plane.width = width * devicePixelRatio;
  plane.height = height * devicePixelRatio;
  if (!points || !width)
    return;
  ink.scale(devicePixelRatio, devicePixelRatio);
  const {x, y, shade} = points, {scale} = part, size = x.length > 20000 ? 2 : x.length > 2000 ? 3 : 5;
  const isSeen = i => Math.abs(x[i] - part.x) * scale < width / 2 + PICTURE && Math.abs(y[i] - part.y) * scale < height / 2 + PICTURE;
  const left = across(0) - size / 2, top = down(0) - size / 2; /* of a dot in the origin */
  for (const second of [0, 1]) {
    ink.fillStyle = second ? colours.caretColor : colours.color;
    for (let i = 0; i < x.length; i++)
      if (shade[i] === second && isSeen(i))
        ink.fillRect(left + x[i] * scale, top - y[i] * scale, size, size);
  }
  ink.lineWidth = 3;
  ink.strokeStyle = colours.borderTopColor;
  pictured().filter(isSeen).forEach(drawPicture);
  const sides = points.box();
  const box = selection || (sides && [across(sides[0]), down(sides[3]), across(sides[2]), down(sides[1])]);
  ink.strokeStyle = colours.caretColor;
  if (box)
    ink.strokeRect(box[0], box[1], box[2] - box[0], box[3] - box[1]);
}

const drawMapSoon = onceAFrame(drawMap);
new ResizeObserver(drawMapSoon).observe(plane);

/* ---- fingers, mouse and keys ---- */

const fingers = new Map(); // pointer to where it is: [left, top]
let moved = 0;             // pixels, since the first came down

/* The item at a place: the nearest of those whose picture is there, else of all; -1: none. */
function pointAt(left, top) {
  const distance = i => Math.hypot(across(points.x[i]) - left, down(points.y[i]) - top);
  const nearest = (list, reach) => list.reduce((best, i) => distance(i) < (best < 0 ? reach : distance(best)) ? i : best, -1);
  const picture = nearest(pictured(), PICTURE / 2);
  return picture < 0 ? nearest([...points.x.keys()].filter(i => points.shade[i] >= 0), 12) : picture;
}

/* From pixels of two corners. */
const boxOf = ([a, b, c, d]) => [xAt(Math.min(a, c)), yAt(Math.max(b, d)), xAt(Math.max(a, c)), yAt(Math.min(b, d))];

plane.onpointerdown = event => {
  const at = [event.offsetX, event.offsetY];
  if (!points || event.button)
    return;
  plane.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, at);
  moved = 0;
  selection = event.shiftKey && points.select ? [...at, ...at] : null;
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
    points.open(pointAt(event.offsetX, event.offsetY));
  else if (box)
    points.select(boxOf(box));
};

plane.addEventListener('wheel', event => {
  event.preventDefault();
  if (points)
    zoomMap(2 ** (-event.deltaY / (event.ctrlKey ? 100 : 300)), event.offsetX, event.offsetY);
}, {passive: false});

/* What keys do, and the buttons that stand for them. */
const mapKeys = {
  '+': () => zoomMap(1.6), '-': () => zoomMap(1 / 1.6), 0: wholeMap, ArrowLeft: () => moveMap(60, 0),
  ArrowRight: () => moveMap(-60, 0), ArrowUp: () => moveMap(0, 60), ArrowDown: () => moveMap(0, -60),
};

plane.onkeydown = event => {
  if (!points || !mapKeys[event.key] || !isPlain(event))
    return;
  event.preventDefault();
  mapKeys[event.key]();
};

function mapButton(key, text, title, ariaLabel) {
  bar.append(element('button', {title, ariaLabel, onclick: () => points && mapKeys[key]()}, text));
}

mapButton('-', '\u2212', 'Zoom out (-)', 'Zoom out');
mapButton('+', '+', 'Zoom in (+)', 'Zoom in');
mapButton('0', 'All', 'Show all of it (0)');
