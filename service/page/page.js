// SPDX-License-Identifier: Apache-2.0
/*
 * The page of the service. What is searched for is in `state`, which is the address of the page too; `results` is what
 * the service has found so far, `rows` is how it is laid out, and only rows near the window are in the document.
 */
'use strict';

const $ = id => document.getElementById(id);
const PAGE = 100, EDGE = devicePixelRatio > 1.2 ? 480 : 320, PICTURE_EDGE = 1024, MINUS = -0.5;

/* ---- elements ------------------------------------------------------------------------------------------- */

/* element('a', {className: 'b', ariaLabel: 'c'}, child, 'text') */
function element(name, properties, ...children) {
  const made = document.createElement(name);
  Object.assign(made, properties);
  made.append(...children);
  return made;
}

function icon(path) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const line = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  line.setAttribute('d', path);
  svg.append(line);
  return svg;
}

function later(milliseconds, work) {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(work, milliseconds);
  };
}

let toastTimer;
function toast(text) {
  $('toast').textContent = text;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { $('toast').textContent = ''; }, 4000);
}

/* ---- asking the service --------------------------------------------------------------------------------- */

class Problem extends Error {
  /* after: seconds until it is worth another try; undefined: it is not */
  constructor(message, status, after) {
    super(message);
    this.status = status;
    this.after = after;
  }
}

const token = () => sessionStorage.getItem('token');
let login = null;

/* One dialog, however many requests wait for it. */
function askToken() {
  login ||= new Promise((resolve, reject) => {
    const dialog = $('login');
    $('login-problem').textContent = token() ? 'The service does not take this token.' : '';
    dialog.querySelector('form').onsubmit = event => {
      event.preventDefault();
      const given = $('token').value.trim();
      if (!/^[\x21-\x7e]+$/.test(given)) {
        $('login-problem').textContent = 'A token has no blanks and no letters beyond ASCII.';
        return;
      }
      sessionStorage.setItem('token', given);
      dialog.onclose = null;
      dialog.close();
      resolve();
    };
    dialog.onclose = () => reject(new Problem('This service answers only with its token.', 401));
    dialog.showModal();
  }).finally(() => { login = null; });
  return login;
}

async function problemOf(response) {
  const text = await response.text();
  let message = '';
  try {
    message = JSON.parse(text).error.message;
  } catch {
    message = text.slice(0, 200);
  }
  const after = Number(response.headers.get('Retry-After')) || 1;
  if (response.status === 429)
    return new Problem('The server is busy.', 429, after);
  if (response.status === 503)
    return new Problem(`The server is not ready: ${message}.`, 503, after);
  return new Problem(message || `The server answers ${response.status}.`, response.status);
}

/* The answer to a request, with the token where there is one. Fails with a Problem, or an AbortError. */
async function ask(path, {json, signal} = {}) {
  for (;;) {
    const used = token(), headers = {};
    if (used)
      headers.Authorization = `Bearer ${used}`;
    if (json)
      headers['Content-Type'] = 'application/json';
    let response;
    try {
      response = await fetch(path, {method: json ? 'POST' : 'GET', headers, signal, body: json && JSON.stringify(json)});
    } catch (error) {
      throw error.name === 'AbortError' ? error : new Problem('The server cannot be reached.', 0, 1);
    }
    if (response.ok)
      return response;
    if (response.status !== 401)
      throw await problemOf(response);
    if (token() === used)
      await askToken();
  }
}

let tries = 0, retryTimer;

/* Says what went wrong, and tries again by itself where that may help. */
function failed(error, again) {
  if (error.name === 'AbortError')
    return;
  clearTimeout(retryTimer);
  let text = error.message, wait = 0;
  if (error.after) {
    wait = Math.max(error.after, Math.min(30, 2 ** tries++));
    retryTimer = setTimeout(again, wait * 1000);
    text += ` Trying again in ${wait} s.`;
  }
  $('notice').firstElementChild.textContent = text;
  $('notice').lastElementChild.onclick = again;
  $('notice').lastElementChild.hidden = error.status === 400;
  $('notice').hidden = false;
  $('where').setAttribute('aria-invalid', String(error.status === 400 && state.where !== ''));
}

function succeeded() {
  clearTimeout(retryTimer);
  tries = 0;
  $('where').removeAttribute('aria-invalid');
  if ($('notice').hidden)
    return;
  $('notice').hidden = true;
  forget(0); /* pictures that did not come then come now */
}

/* ---- pictures of items ---------------------------------------------------------------------------------- */

function itemPath(id, rest = '', query = '') {
  const index = state.index ? `index=${encodeURIComponent(state.index)}` : '';
  const all = [query, index].filter(Boolean).join('&');
  return `v1/items/${id}${rest}${all && '?' + all}`;
}

const thumbnail = (id, edge) => itemPath(id, '/thumbnail', `edge=${edge}`);

/* An <img> cannot send a token: then the picture is fetched for it. */
function loadPicture(img, path) {
  if (!token()) {
    img.src = path;
    return;
  }
  img.stop = new AbortController();
  ask(path, {signal: img.stop.signal})
    .then(response => response.blob())
    .then(blob => {
      const url = URL.createObjectURL(blob);
      img.addEventListener('load', () => URL.revokeObjectURL(url), {once: true});
      img.src = url;
    })
    .catch(error => error.name === 'AbortError' || img.dispatchEvent(new Event('error')));
}

function dropPicture(img) {
  img.stop?.abort();
  img.onerror = null;
  img.removeAttribute('src');
}

const nameOf = item => item.kind === 'text' ? item.text || '' : (item.path || '').split('/').pop();

/* ---- the state, and the page's address ------------------------------------------------------------------ */

/* Pictures that are searched with are too long for an address: it has a key, and they stay in this tab. */
const pictures = new Map();

function keepPicture(data) {
  const key = Math.random().toString(36).slice(2, 10);
  pictures.set(key, data);
  try {
    sessionStorage.setItem(`picture ${key}`, data);
  } catch { /* full: it lasts until the page is left */ }
  return key;
}

const pictureOf = key => pictures.get(key) || sessionStorage.getItem(`picture ${key}`);

/* What a term is in an address: "0.5 text a beach", "1 id 17", "-1 picture KEY". */
function readTerm(text) {
  const parts = /^(-?[\d.]+) (text|id|picture) (.+)$/.exec(text);
  const term = parts && {weight: Number(parts[1]), kind: parts[2], value: parts[3]};
  return term && !(term.kind === 'picture' && !pictureOf(term.value)) ? term : null;
}

function readState() {
  const query = new URLSearchParams(location.search), word = name => query.get(name) || '';
  return {
    text: word('q'), terms: query.getAll('t').map(readTerm).filter(Boolean), index: word('index'), kind: word('kind'),
    folder: word('folder'), from: word('from'), to: word('to'), where: word('where'),
    min: Math.min(Math.max(Number(word('min')) || 0, 0), 1), item: Number(word('item')) || 0,
  };
}

function addressOf(wanted) {
  const query = new URLSearchParams();
  if (wanted.text)
    query.set('q', wanted.text);
  for (const term of wanted.terms)
    query.append('t', `${term.weight} ${term.kind} ${term.value}`);
  for (const name of ['index', 'kind', 'folder', 'from', 'to', 'where', 'min', 'item'])
    if (wanted[name])
      query.set(name, wanted[name]);
  return '?' + query;
}

let state = readState(), typing = false;

/* Changes the state. The page before stays in the history, unless the change goes on with the one before it. */
function change(what, {replace = false} = {}) {
  state = {...state, ...what};
  if (replace)
    history.replaceState(history.state, '', addressOf(state));
  else
    history.pushState({inside: true}, '', addressOf(state));
  typing &&= replace;
}

/* One entry in the history for all that is typed, or dragged, in one go. */
function changeWhileTyping(what) {
  change(what, {replace: typing});
  typing = true;
}

/* ---- what is searched for ------------------------------------------------------------------------------- */

/* "beach -people -boats" is one term that counts for, and two that count against. */
function wordTerms(text) {
  return (' ' + text).split(/\s+(?=-\S)/).map(part => part.trim()).filter(Boolean)
    .map(part => part[0] === '-' && part.length > 1 ? {weight: MINUS, kind: 'text', value: part.slice(1)}
                                                    : {weight: 1, kind: 'text', value: part});
}

function whereOf({folder, from, to, where}) {
  const quote = text => `'${text.replace(/'/g, "''")}'`;
  const parts = [];
  if (folder)
    parts.push(`path like ${quote('%' + folder.replace(/[\\%_]/g, '\\$&') + '%')} escape '\\'`);
  if (from)
    parts.push(`date >= ${quote(from)}`);
  if (to)
    parts.push(`date < date(${quote(to)}, '+1 day')`);
  if (where.trim())
    parts.push(where);
  return parts.map(part => `(${part}\n)`).join(' and ');
}

/* Nobody has said yet what to look for: then some pictures are shown, in no order that means anything. */
const browsing = () => !state.text.trim() && !state.terms.some(term => term.weight);

function bodyOf() {
  const terms = [...state.terms.filter(term => term.weight), ...wordTerms(state.text)].map(({weight, kind, value}) =>
    kind === 'text' ? {text: value, weight} : kind === 'id' ? {id: Number(value), weight}
                    : {image: pictureOf(value), weight});
  const body = {terms: terms.length ? terms : [{text: 'a photo'}], top: PAGE};
  const where = whereOf(state);
  if (where)
    body.where = where;
  if (state.kind)
    body.kind = state.kind;
  if (state.index)
    body.index = state.index;
  if (state.min && !browsing())
    body.min_score = state.min;
  return body;
}

/* ---- searching ------------------------------------------------------------------------------------------ */

const nothing = () => ({hits: [], cursor: null, searched: 0, body: null});
let results = nothing(), underWay = null;

/* Answers of searches that a newer one has replaced are never shown: `underWay` is the newest. */
async function search() {
  underWay?.abort();
  const mine = underWay = new AbortController(), body = bodyOf();
  $('grid').classList.add('old');
  $('grid').ariaBusy = 'true';
  try {
    const answer = await (await ask('v1/search', {json: body, signal: mine.signal})).json();
    if (mine !== underWay)
      return;
    results = {...nothing(), ...answer, body};
    succeeded();
    showResults();
  } catch (error) {
    if (mine === underWay)
      failed(error, search);
  }
}

/* More of what is shown, unless that has been replaced meanwhile. */
async function searchOn() {
  const shown = results;
  if (shown.going || !shown.cursor)
    return;
  shown.going = true;
  try {
    const json = {...shown.body, cursor: shown.cursor};
    const answer = await (await ask('v1/search', {json, signal: underWay.signal})).json();
    if (shown !== results)
      return;
    shown.hits.push(...answer.hits);
    shown.cursor = answer.cursor || null;
    shown.going = false;
    succeeded();
    showCount();
    layOut();
  } catch (error) {
    const again = () => {
      shown.going = false;
      if (shown === results)
        searchOn();
    };
    if (error.name === 'AbortError')
      shown.going = false; /* goes on if that search fails and these stay */
    else if (shown === results)
      failed(error, again); /* nothing is asked until then, however one scrolls */
  }
}

const searchSoon = later(160, search);

const folders = new Set();
function offerFolders() {
  for (const {item} of results.hits)
    if (item.path && folders.size < 200)
      folders.add(item.path.slice(0, item.path.lastIndexOf('/') + 1));
  $('folders').replaceChildren(...[...folders].sort().map(value => element('option', {value})));
}

function showResults() {
  $('grid').classList.remove('old');
  $('grid').ariaBusy = 'false';
  forget(0);
  rows = [];
  focused = 0;
  scrollTo(0, 0);
  layOut();
  showCount();
  showEmpty();
  offerFolders();
}

const number = value => value.toLocaleString('en');
const count = (value, one, many) => `${number(value)} ${value === 1 ? one : many}`;

function showCount() {
  const found = results.hits.length, all = state.min ? found : results.searched;
  let text = count(all, 'result', 'results');
  if (browsing())
    text = count(results.searched, 'item', 'items');
  else if (state.min && results.cursor)
    text = `More than ${text}`;
  $('count').textContent = text + (browsing() ? '' : state.min ? ` from ${state.min.toFixed(2)} up` : ', best first');
  $('tail').textContent = results.cursor ? 'Loading more\u2026' : found > 20 ? 'That is all.' : '';
}

function showEmpty() {
  const index = indexes.find(one => one.name === state.index) || indexes[0];
  let title = '', text = '';
  if (index && !index.images && !index.texts) {
    title = `The index \u201c${index.name}\u201d is empty`;
    text = 'Fill it with: diptych index build INDEX FOLDER. What is added is found at once.';
  } else if (!results.hits.length && whereOf(state) + state.kind && !results.searched) {
    title = 'Nothing passes the filters';
    text = 'Widen the folder, the dates or the condition, or clear the filters.';
  } else if (!results.hits.length) {
    title = 'Nothing found';
    text = state.min ? 'Lower the least score to see what comes closest.' : 'Nothing of this kind is here.';
  }
  $('empty').hidden = !title;
  $('empty').children[0].textContent = title;
  $('empty').children[1].textContent = text;
}

/* ---- the grid: rows of one height that fill the width ---------------------------------------------------- */

let rows = [];         // {top, height, first, count, lefts, widths, open}: open where more hits may join it
const drawn = new Map(); // row number to its element
let focused = 0;       // the hit that Tab goes to

function ratioOf({item}) {
  if (item.kind === 'text')
    return (item.text || '').length < 60 ? 1 : 1.6;
  return Math.min(Math.max((item.width || 4) / (item.height || 3), 0.5), 3);
}

/* Hits from the last row on that was not full; no row before it moves. */
function layOut() {
  const width = $('grid').clientWidth, gap = width < 640 ? 3 : 6;
  const target = width < 640 ? 128 : width < 1200 ? 200 : 236;
  if (rows.length && rows[rows.length - 1].open)
    forget(rows.length - 1), rows.pop();
  const last = rows[rows.length - 1];
  let top = last ? last.top + last.height + gap : 0, first = last ? last.first + last.count : 0, sum = 0;
  for (let i = first; i < results.hits.length; i++) {
    sum += ratioOf(results.hits[i]);
    const gaps = gap * (i - first), full = sum * target + gaps >= width, end = i + 1 === results.hits.length;
    if (!full && !end)
      continue;
    const height = full ? (width - gaps) / sum : target, row = {top, height, first, count: i + 1 - first, lefts: [],
      widths: [], open: !full};
    let left = 0;
    for (let k = first; k <= i; k++) {
      row.lefts.push(left);
      row.widths.push(ratioOf(results.hits[k]) * height);
      left += ratioOf(results.hits[k]) * height + gap;
    }
    rows.push(row);
    top += height + gap;
    first = i + 1;
    sum = 0;
  }
  $('grid').style.height = `${top}px`;
  draw();
}

/* The last row that begins at y or above. */
function rowAt(y) {
  let low = 0, high = rows.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (rows[middle].top <= y)
      low = middle;
    else
      high = middle - 1;
  }
  return low;
}

function rowOf(hit) {
  let low = 0, high = rows.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (rows[middle].first <= hit)
      low = middle;
    else
      high = middle - 1;
  }
  return low;
}

function tile(i, row) {
  const {item, score} = results.hits[i], k = i - row.first, box = element('div', {className: 'tile', role: 'listitem'});
  const link = element('a', {href: addressOf({...state, item: item.id}), tabIndex: i === focused ? 0 : -1});
  link.dataset.hit = i;
  link.ariaLabel = browsing() ? nameOf(item) : `${nameOf(item)}, score ${score.toFixed(2)}`;
  link.title = item.path || '';
  box.ariaSetSize = results.cursor ? -1 : results.hits.length;
  box.ariaPosInSet = i + 1;
  Object.assign(box.style, {left: `${row.lefts[k]}px`, top: `${row.top}px`, width: `${row.widths[k]}px`, height: `${row.height}px`});
  if (item.kind === 'text') {
    link.append(element('p', {className: 'words'}, item.text || ''));
  } else {
    const img = element('img', {alt: '', draggable: false});
    img.onload = () => img.classList.add('here');
    img.onerror = () => img.replaceWith(element('span', {className: 'gone'}, `${nameOf(item)} cannot be shown`));
    link.append(img);
  }
  if (!browsing())
    link.append(element('span', {className: 'score', ariaHidden: 'true'}, score.toFixed(2)));
  box.append(link);
  return box;
}

function forgetRow(r) {
  const shown = drawn.get(r);
  clearTimeout(shown.timer);
  shown.element.querySelectorAll('img').forEach(dropPicture);
  shown.element.remove();
  drawn.delete(r);
}

/* Rows from this one on are drawn anew, when they are near. */
function forget(from) {
  for (const r of [...drawn.keys()])
    if (r >= from)
      forgetRow(r);
}

function drawRow(r) {
  const row = rows[r], made = element('div', {role: 'presentation'});
  for (let i = row.first; i < row.first + row.count; i++)
    made.append(tile(i, row));
  const after = [...drawn.keys()].filter(other => other > r);
  $('grid').insertBefore(made, after.length ? drawn.get(Math.min(...after)).element : null);
  /* Rows that only fly past ask for nothing. */
  const timer = setTimeout(() => {
    made.querySelectorAll('a').forEach(link => {
      const img = link.querySelector('img');
      if (img)
        loadPicture(img, thumbnail(results.hits[link.dataset.hit].item.id, EDGE));
    });
  }, 50);
  drawn.set(r, {element: made, timer});
}

/* The rows in the window and a window's height around it, and the one that has the focus. */
function draw() {
  if (!rows.length)
    return;
  const top = scrollY - $('grid').offsetTop, near = innerHeight;
  const from = rowAt(top - near), to = rowAt(top + innerHeight + near), keep = rowOf(focused);
  for (const r of [...drawn.keys()])
    if ((r < from || r > to) && r !== keep)
      forgetRow(r);
  for (let r = from; r <= to; r++)
    if (!drawn.has(r))
      drawRow(r);
  if (!drawn.has(keep))
    drawRow(keep);
  const end = rows[rows.length - 1];
  if (end.top + end.height < top + innerHeight + 3 * near)
    searchOn();
}

let drawing = false;
addEventListener('scroll', () => {
  $('bar').classList.toggle('scrolled', scrollY > 4);
  if (drawing)
    return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    draw();
  });
}, {passive: true});

let laidOutWidth = 0;
new ResizeObserver(() => {
  const width = $('grid').clientWidth;
  if (width === laidOutWidth)
    return;
  laidOutWidth = width;
  forget(0);
  rows = [];
  layOut();
}).observe($('grid'));

const linkOf = hit => document.querySelector(`#grid a[data-hit="${hit}"]`);

/* Moves the focus to a hit, and the window to where it is seen. */
function focusHit(hit) {
  if (!rows.length || hit < 0 || hit >= results.hits.length)
    return;
  linkOf(focused)?.setAttribute('tabindex', '-1');
  focused = hit;
  const row = rows[rowOf(hit)], top = $('grid').offsetTop + row.top, bar = $('bar').offsetHeight + 8;
  if (top < scrollY + bar)
    scrollTo(0, top - bar);
  else if (top + row.height > scrollY + innerHeight)
    scrollTo(0, top + row.height - innerHeight + 8);
  draw();
  linkOf(hit).tabIndex = 0;
  linkOf(hit).focus({preventScroll: true});
}

/* The hit of the row above or below that is closest across. */
function hitBeside(hit, step) {
  const r = rowOf(hit), row = rows[r], other = rows[r + step];
  if (!other)
    return hit;
  const middle = row.lefts[hit - row.first] + row.widths[hit - row.first] / 2;
  let best = 0;
  for (let k = 1; k < other.count; k++)
    if (Math.abs(other.lefts[k] + other.widths[k] / 2 - middle) < Math.abs(other.lefts[best] + other.widths[best] / 2 - middle))
      best = k;
  return other.first + best;
}

$('grid').addEventListener('keydown', event => {
  const hit = Number(event.target.dataset.hit);
  const to = {ArrowLeft: () => hit - 1, ArrowRight: () => hit + 1, ArrowUp: () => hitBeside(hit, -1),
    ArrowDown: () => hitBeside(hit, 1), Home: () => 0, End: () => results.hits.length - 1}[event.key];
  if (!to || event.ctrlKey || event.metaKey || event.altKey || Number.isNaN(hit))
    return;
  event.preventDefault();
  focusHit(to());
});

$('grid').addEventListener('click', event => {
  const link = event.target.closest('a');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button)
    return;
  event.preventDefault();
  focusHit(Number(link.dataset.hit));
  change({item: results.hits[link.dataset.hit].item.id});
  showViewer();
});

document.querySelector('.skip').onclick = event => {
  event.preventDefault();
  focusHit(focused);
};

/* ---- the viewer ----------------------------------------------------------------------------------------- */

let viewed = null; // the item that is shown

const place = () => results.hits.findIndex(hit => hit.item.id === state.item);

async function showViewer() {
  const at = place();
  try {
    const item = at >= 0 ? results.hits[at].item : await (await ask(itemPath(state.item))).json();
    if (item.id === state.item)
      view(item, at);
  } catch (error) {
    toast(error.message);
    change({item: 0}, {replace: true});
  }
}

function view(item, at) {
  const score = at >= 0 && !browsing() ? results.hits[at].score.toFixed(3) : '';
  viewed = item;
  $('viewer').ariaLabel = nameOf(item).slice(0, 200) || 'Item';
  $('viewer-score').textContent = [at >= 0 ? `${number(at + 1)}` : '', score && `score ${score}`].filter(Boolean).join(' \u00b7 ');
  $('stage').querySelectorAll('img').forEach(dropPicture);
  $('stage').replaceChildren(item.kind === 'text' ? element('p', {className: 'words', tabIndex: 0}, item.text || '') : largePicture(item));
  for (const what of ['classify', 'copy'])
    $('viewer').querySelector(`[data-do=${what}]`).hidden = what === 'copy' ? !item.path : item.kind === 'text';
  $('original').hidden = item.kind === 'text';
  $('original').href = itemPath(item.id, '/image');
  $('previous').disabled = at <= 0;
  $('next').disabled = at < 0 || at + 1 >= results.hits.length;
  showDetails(item, score);
  if (!$('viewer').open) {
    $('viewer').showModal();
    $('viewer').querySelector('[data-do=close]').focus();
  }
  if (at >= 0 && at + 10 > results.hits.length)
    searchOn();
}

/* The thumbnail until the picture is there; a large one instead of what the browser cannot read. */
function largePicture(item) {
  const shown = element('img', {alt: nameOf(item)}), original = element('img', {alt: ''});
  const isShown = () => viewed === item;
  shown.onerror = () => isShown() && shown.replaceWith(element('p', {}, `${nameOf(item)} cannot be shown`));
  original.onload = () => isShown() && shown.replaceWith(original);
  original.onerror = () => isShown() && loadPicture(shown, thumbnail(item.id, 2048));
  original.alt = shown.alt;
  loadPicture(shown, thumbnail(item.id, EDGE));
  loadPicture(original, itemPath(item.id, '/image'));
  return shown;
}

function showDetails(item, score) {
  const facts = {
    Score: score, Path: item.path, Caption: item.caption, Size: item.width && `${item.width} \u00d7 ${item.height}`,
    File: item.size && `${number(Math.ceil(item.size / 1024))} KiB`,
    Date: item.mtime && new Date(item.mtime * 1000).toLocaleString(), Picture: item.picture, Item: String(item.id),
  };
  for (const [name, value] of Object.entries(item.metadata || {}))
    facts[name] ??= typeof value === 'string' ? value : JSON.stringify(value);
  $('details').firstElementChild.replaceChildren(...Object.entries(facts).filter(([, value]) => value)
    .flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, value)]));
}

function turn(step) {
  const to = place() + step;
  if (place() < 0 || to < 0 || to >= results.hits.length)
    return;
  change({item: results.hits[to].item.id}, {replace: true});
  showViewer();
}

function hideViewer() {
  if (!$('viewer').open)
    return;
  const at = viewed ? results.hits.findIndex(hit => hit.item.id === viewed.id) : -1;
  viewed = null;
  $('viewer').close();
  if (at >= 0)
    focusHit(at);
}

/* Where it was opened from here, the page before is the one without it. */
function leaveViewer() {
  if (history.state?.inside)
    history.back();
  else {
    change({item: 0}, {replace: true});
    hideViewer();
  }
}

async function copyPath() {
  const path = viewed.path;
  try {
    await navigator.clipboard.writeText(path);
  } catch { /* only pages of this machine and of https may write there: the old way */
    const area = element('textarea', {value: path, className: 'unseen'});
    $('viewer').append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
  toast(`Copied ${path}`);
}

/* A link cannot send a token: then the picture is fetched, and opened from here. */
async function openOriginal(event) {
  if (!token())
    return;
  event.preventDefault();
  const opened = open('', '_blank');
  try {
    opened.location = URL.createObjectURL(await (await ask(itemPath(viewed.id, '/image'))).blob());
  } catch (error) {
    opened.close();
    toast(error.message);
  }
}

function likeThis(weight) {
  const terms = state.terms.filter(term => !(term.kind === 'id' && term.value === String(viewed.id)));
  change({terms: [...terms, {weight, kind: 'id', value: String(viewed.id)}], item: 0});
  viewed = null;
  $('viewer').close();
  showControls();
  search();
}

const deeds = {
  close: leaveViewer, previous: () => turn(-1), next: () => turn(1), copy: copyPath,
  more: () => likeThis(1), less: () => likeThis(MINUS), classify: () => classifyItem(viewed.id),
  info: () => {
    const on = $('details').hidden;
    $('details').hidden = !on;
    $('viewer').classList.toggle('info', on);
    $('viewer').querySelector('[data-do=info]').ariaPressed = String(on);
  },
};

$('viewer').addEventListener('click', event => deeds[event.target.closest('[data-do]')?.dataset.do]?.());
$('original').addEventListener('click', openOriginal);
$('viewer').addEventListener('cancel', event => {
  event.preventDefault();
  leaveViewer();
});
$('viewer').addEventListener('keydown', event => {
  if (event.ctrlKey || event.metaKey || event.altKey)
    return;
  const deed = {ArrowLeft: 'previous', ArrowRight: 'next', m: 'more', l: 'less', k: 'classify', c: 'copy', i: 'info'}[event.key];
  if (event.key === 'o')
    $('original').click();
  else if (deed && !$('viewer').querySelector(`[data-do=${deed}]`).hidden)
    deeds[deed]();
  else
    return;
  event.preventDefault();
});

let swipe = null;
$('stage').addEventListener('pointerdown', event => { swipe = event.pointerType === 'touch' ? event.clientX : null; });
$('stage').addEventListener('pointerup', event => {
  if (swipe !== null && Math.abs(event.clientX - swipe) > 50)
    turn(event.clientX < swipe ? 1 : -1);
  swipe = null;
});

/* ---- pictures to search with ---------------------------------------------------------------------------- */

function dataOf(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}

/* As a data URI, with no edge over PICTURE_EDGE: models see less than that. What the browser cannot read goes as it is. */
async function shrink(blob) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob);
  } catch {
    return dataOf(blob);
  }
  const scale = Math.min(1, PICTURE_EDGE / Math.max(bitmap.width, bitmap.height));
  const canvas = element('canvas', {width: Math.max(1, Math.round(bitmap.width * scale)),
    height: Math.max(1, Math.round(bitmap.height * scale))});
  const context = canvas.getContext('2d');
  context.fillStyle = '#fff'; /* JPEG has no transparency */
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL('image/jpeg', 0.92);
}

async function searchWith(file) {
  if (!file)
    return;
  try {
    const key = keepPicture(await shrink(file));
    change({terms: [...state.terms, {weight: 1, kind: 'picture', value: key}], item: 0});
    hideViewer();
    showControls();
    search();
  } catch {
    toast('This file cannot be read.');
  }
}

const imageAmong = files => [...files].find(file => file.type.startsWith('image/')) || files[0];
const hasFiles = event => event.dataTransfer?.types.includes('Files');

$('camera').onclick = () => $('file').click();
$('file').onchange = () => {
  searchWith($('file').files[0]);
  $('file').value = '';
};
addEventListener('paste', event => {
  if (!event.clipboardData.files.length)
    return;
  event.preventDefault();
  searchWith(imageAmong(event.clipboardData.files));
});
addEventListener('dragover', event => {
  if (!hasFiles(event))
    return;
  event.preventDefault();
  $('drop').hidden = false;
});
addEventListener('dragleave', event => { $('drop').hidden ||= !event.relatedTarget; });
addEventListener('drop', event => {
  $('drop').hidden = true;
  if (!hasFiles(event))
    return;
  event.preventDefault();
  searchWith(imageAmong(event.dataTransfer.files));
});

/* ---- classifying ---------------------------------------------------------------------------------------- */

let classified = ''; // a data URI

function openClassifier(data) {
  classified = data;
  $('classifier-picture').src = data;
  $('predictions').replaceChildren();
  $('classifier-problem').hidden = true;
  $('labels').value ||= localStorage.getItem('labels') || 'cat\ndog\nbird\nflower\nhouse\nstreet\nbeach\nperson\nfood\ncar';
  $('template').value ||= localStorage.getItem('template') || 'a photo of a {}';
  $('classifier').showModal();
  classify();
}

async function classifyItem(id) {
  try {
    openClassifier(await shrink(await (await ask(thumbnail(id, PICTURE_EDGE))).blob()));
  } catch (error) {
    toast(error.message);
  }
}

async function classify() {
  const labels = [...new Set($('labels').value.split('\n').map(label => label.trim()).filter(Boolean))];
  const template = $('template').value.trim() || '{}', problem = $('classifier-problem');
  localStorage.setItem('labels', $('labels').value);
  localStorage.setItem('template', template);
  try {
    const json = {input: [{image: classified.replace(/^data:[^,]*,/, '')}], labels, templates: [template], top: 10};
    const answer = await (await ask('v1/classify', {json})).json();
    problem.hidden = true;
    $('predictions').replaceChildren(...answer.data[0].predictions.map(({label, score}) => element('li', {},
      element('span', {}, label), element('span', {}, `${(100 * score).toFixed(1)} %`),
      element('meter', {value: score, ariaHidden: 'true'}))));
  } catch (error) {
    problem.textContent = error.message;
    problem.hidden = false;
  }
}

$('classifier').querySelector('form').onsubmit = event => {
  event.preventDefault();
  classify();
};
$('classifier-close').onclick = () => $('classifier').close();

/* ---- chips ---------------------------------------------------------------------------------------------- */

const CROSS = 'm6 6 12 12M18 6 6 18';

function chip(term, at) {
  const name = element('span', {className: 'name'}, term.kind === 'text' ? term.value : term.kind === 'id' ? `Like ${term.value}` : 'Your picture');
  const weight = element('input', {type: 'range', min: -2, max: 2, step: 0.1, value: term.weight, ariaLabel: `Weight of ${name.textContent}`});
  const output = element('output', {}), made = element('li', {className: 'chip'});
  const showWeight = () => {
    const value = Number(weight.value);
    output.textContent = value ? `${value > 0 ? '+' : '\u2212'}${Math.abs(value).toFixed(1)}` : 'off';
    weight.setAttribute('aria-valuetext', output.textContent);
    made.classList.toggle('minus', value < 0);
  };
  weight.oninput = () => {
    showWeight();
    changeWhileTyping({terms: state.terms.map((other, i) => i === at ? {...other, weight: Number(weight.value)} : other)});
    searchSoon();
  };
  weight.onchange = () => { typing = false; };
  const remove = element('button', {type: 'button', ariaLabel: `Remove ${name.textContent}`, title: 'Remove'}, icon(CROSS));
  remove.onclick = () => {
    change({terms: state.terms.filter((_, i) => i !== at)});
    showControls();
    ($('chips').children[at]?.querySelector('input') || $('text')).focus();
    search();
  };
  made.append(...pictureOfTerm(term, name, weight, remove), name, weight, output);
  if (term.kind !== 'text') {
    const what = element('button', {type: 'button', className: 'word'}, 'Classify');
    what.onclick = () => term.kind === 'id' ? classifyItem(term.value) : openClassifier(pictureOf(term.value));
    made.append(what);
  }
  made.append(remove);
  showWeight();
  return made;
}

/* A small picture of a term that is one, and its name when it is known. */
function pictureOfTerm(term, name, weight, remove) {
  if (term.kind === 'text')
    return [];
  const img = element('img', {alt: ''});
  img.onerror = () => img.remove();
  if (term.kind === 'picture') {
    img.src = pictureOf(term.value);
    return [img];
  }
  loadPicture(img, thumbnail(term.value, 64));
  ask(itemPath(term.value)).then(response => response.json()).then(item => {
    name.textContent = `Like ${nameOf(item)}`;
    weight.ariaLabel = `Weight of ${name.textContent}`;
    remove.ariaLabel = `Remove ${name.textContent}`;
  }).catch(() => {});
  return [img];
}

/* The words in the box become terms of their own, whose weights can be changed. */
function keepWords(minus) {
  const words = wordTerms(state.text).map((term, i) => minus && !i ? {...term, weight: MINUS} : term);
  if (!words.length)
    return;
  change({terms: [...state.terms, ...words], text: ''});
  showControls();
  $('text').focus();
  search();
}

$('plus').onclick = () => keepWords(false);
$('minus').onclick = () => keepWords(true);

/* ---- the bar -------------------------------------------------------------------------------------------- */

const FIELDS = ['index', 'kind', 'folder', 'from', 'to', 'where'];

function showControls() {
  for (const name of ['text', ...FIELDS])
    if ($(name).value !== state[name] && !(name === 'index' && !state.index))
      $(name).value = state[name];
  $('min').value = state.min;
  $('chips').replaceChildren(...state.terms.map(chip));
  showDerived();
}

/* What follows from the state, while somebody types into a field. */
function showDerived() {
  const words = state.text.trim(), filtered = Boolean(whereOf(state) || state.kind);
  $('plus').hidden = $('minus').hidden = !words;
  $('least').hidden = browsing();
  $('min-value').textContent = state.min ? state.min.toFixed(2) : 'any';
  $('min').setAttribute('aria-valuetext', $('min-value').textContent);
  $('filters').classList.toggle('on', filtered);
  $('clear').disabled = !filtered;
  document.title = words ? `${words} \u2013 Diptych` : 'Diptych';
}

$('text').oninput = () => {
  changeWhileTyping({text: $('text').value});
  showDerived();
  searchSoon();
};
$('text').onchange = () => { typing = false; };
$('search').onsubmit = event => {
  event.preventDefault();
  typing = false;
  search();
};

for (const name of FIELDS)
  $(name).oninput = () => {
    changeWhileTyping({[name]: $(name).value});
    typing = name === 'folder' || name === 'where';
    if (name === 'index') { /* items of one index are none of another's */
      change({terms: state.terms.filter(term => term.kind !== 'id')}, {replace: true});
      folders.clear();
      showControls();
    }
    showDerived();
    searchSoon();
  };

$('min').oninput = () => {
  changeWhileTyping({min: Number($('min').value)});
  showDerived();
  searchSoon();
};
$('min').onchange = () => { typing = false; };

$('clear').onclick = () => {
  change({kind: '', folder: '', from: '', to: '', where: ''});
  showControls();
  search();
};

$('filters').onclick = () => {
  const open = $('panel').hidden;
  $('panel').hidden = !open;
  $('filters').ariaExpanded = String(open);
  if (open)
    $('panel').querySelector('select:not([hidden]), input').focus();
};

$('home').onclick = event => {
  if (event.ctrlKey || event.metaKey || event.shiftKey)
    return;
  event.preventDefault();
  change({text: '', terms: [], kind: '', folder: '', from: '', to: '', where: '', min: 0, item: 0});
  showControls();
  search();
};

addEventListener('keydown', event => {
  if (event.key === '/' && !event.target.closest('input, textarea, select, dialog')) {
    event.preventDefault();
    $('text').select();
  }
});

addEventListener('popstate', () => {
  const before = addressOf({...state, item: 0});
  state = readState();
  typing = false;
  if (addressOf({...state, item: 0}) !== before) {
    showControls();
    search();
  }
  if (state.item)
    showViewer();
  else
    hideViewer();
});

/* ---- the beginning -------------------------------------------------------------------------------------- */

let indexes = [];

function showIndexes() {
  $('index').replaceChildren(...indexes.map(({name, images, texts}) => element('option', {value: name},
    `${name} (${number(images + texts)})`)));
  $('index-label').hidden = indexes.length < 2;
  if (state.index)
    $('index').value = state.index;
}

async function start() {
  try {
    indexes = (await (await ask('v1/models')).json()).indexes;
  } catch (error) {
    failed(error, start);
    return;
  }
  succeeded();
  showIndexes();
  if (!indexes.length) {
    $('empty').hidden = false;
    $('empty').children[0].textContent = 'This service has no index';
    $('empty').children[1].textContent = 'Start it with: diptych serve --index NAME.dip';
    return;
  }
  await search();
  if (state.item)
    showViewer();
}

history.scrollRestoration = 'manual';
showControls();
if (matchMedia('(hover: hover)').matches)
  $('text').focus();
start();
