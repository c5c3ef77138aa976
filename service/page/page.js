// SPDX-License-Identifier: Apache-2.0
/*
 * The page of the service. What is searched for is in `state`, which is the address of the page too; `results` is what
 * the service has found so far, `rows` is how it is laid out, and only rows near the window are in the document.
 */
'use strict';

const PAGE = 100, PAGE_MAX = 1000, EDGE = devicePixelRatio > 1.2 ? 480 : 320, PICTURE_EDGE = 1024, MINUS = -0.5;
const grid = $('grid'), viewer = $('viewer');
const OUTSIDE = 'This model knows no such pictures: what it says of them means nothing.';

function later(milliseconds, work) {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(work, milliseconds);
  };
}

const hushSoon = later(4000, () => { $('toast').textContent = ''; });
function toast(text) {
  (document.querySelector('dialog[open]') || document.body).append($('toast'));
  $('toast').textContent = text;
  hushSoon();
}

/* ---- asking the service ---- */

/* after: seconds until it is worth another try; undefined: it is not */
const problem = (message, status, after) => Object.assign(new Error(message), {status, after});

let login = null;

/* One dialog, however many requests wait for it. The token becomes a cookie, which this page does not see. */
function logIn() {
  login ||= new Promise((resolve, reject) => {
    const said = $('login-problem');
    said.textContent = '';
    $('login').onsubmit = async event => {
      event.preventDefault();
      try {
        await ask('v1/login', {json: {token: $('token').value.trim()}});
        resolve();
        $('login').close();
        $('token').value = '';
        layOutAnew();
      } catch (error) {
        said.textContent = error.status === 401 ? 'The service does not take this token.' : error.message;
      }
    };
    $('login').onclose = () => reject(problem('This service answers those who log in.', 401));
    $('login').showModal();
  }).finally(() => { login = null; });
  return login;
}

async function problemOf(response) {
  const {status} = response, after = Number(response.headers.get('Retry-After')) || 1;
  const message = await response.json().then(body => body.error.message).catch(() => response.statusText);
  return status === 429 ? problem('The server is busy.', status, after)
    : status === 502 || status === 503 || status === 504 ? problem(`The server is not ready: ${message}.`, status, after)
      : problem(`The server refuses this (${status}): ${message}`, status);
}

/* The answer to a request, after a login where that is what it takes. Fails with a problem, or an AbortError. */
async function ask(path, {json, signal, as = 'json'} = {}) {
  const post = json && {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(json)};
  for (;;) {
    const response = await fetch(path, {signal, ...post}).catch(error => {
      throw error.name === 'AbortError' ? error : problem('The server cannot be reached.', 0, 1);
    });
    if (response.ok)
      return response[as]();
    if (response.status !== 401 || path === 'v1/login')
      throw await problemOf(response);
    await logIn();
  }
}

let tries = 0, retryTimer;

/* Says what went wrong, and tries again by itself where that may help. */
function failed(error, again) {
  if (error.name === 'AbortError')
    return;
  const [text, button] = $('notice').children;
  clearTimeout(retryTimer);
  text.textContent = error.message;
  if (error.after) {
    const wait = Math.max(error.after, Math.min(30, 2 ** tries++));
    retryTimer = setTimeout(again, wait * 1000);
    text.append(` Trying again in ${wait} s.`);
  }
  button.onclick = again;
  button.hidden = error.status >= 400 && error.status !== 401 && !error.after;
  $('notice').hidden = false;
}

function succeeded() {
  clearTimeout(retryTimer);
  tries = 0;
  if ($('notice').hidden)
    return;
  $('notice').hidden = true;
  forget(); /* pictures that did not come then come now */
}

/* ---- items ---- */

const pathOf = (path, query) => `${path}?${new URLSearchParams({...query, ...state.index && {index: state.index}})}`;
const itemPath = (id, part = '') => pathOf(`v1/items/${id}${part}`);
const thumbnail = (id, edge) => pathOf(`v1/items/${id}/thumbnail`, {edge});
const nameOf = item => item.kind === 'text' ? item.text || '' : (item.path || '').split('/').pop();
const number = value => value.toLocaleString('en');
const count = (value, one, many = one + 's') => `${number(value)} ${value === 1 ? one : many}`;

/* ---- the state, and the page's address ---- */

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
  const [, weight, kind, value] = /^(-?[\d.]+) (text|id|picture) (.+)$/.exec(text) || [];
  return kind && (kind !== 'picture' || pictureOf(value)) ? [{weight: Number(weight), kind, value}] : [];
}

const FIELDS = ['index', 'kind', 'folder', 'from', 'to', 'sort'], WORDS = [...FIELDS, 'region', 'map', 'copies'];

function readState(address) {
  const query = new URLSearchParams(address), word = name => query.get(name) || '';
  return {
    ...Object.fromEntries(WORDS.map(name => [name, word(name)])), text: word('q'), terms: query.getAll('t').flatMap(readTerm),
    min: Math.min(Math.max(Number(word('min')) || 0, 0), 1), item: Number(word('item')) || 0,
  };
}

function addressOf(wanted) {
  const query = new URLSearchParams();
  if (wanted.text)
    query.set('q', wanted.text);
  for (const {weight, kind, value} of wanted.terms)
    query.append('t', `${weight} ${kind} ${value}`);
  for (const name of [...WORDS, 'min', 'item'])
    if (wanted[name])
      query.set(name, wanted[name]);
  return '?' + query;
}

let state = readState(location.search), typing = false;

/* The page before stays in the history, unless the change goes on with the one before it. */
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
  showDerived();
  searchSoon();
}

function go(what) {
  change(what);
  showControls();
  search();
}

/* ---- what is searched for ---- */

/* "beach -people -boats" is one term that counts for, and two that count against. */
function wordTerms(text) {
  return (' ' + text).split(/\s+(?=-\S)/).map(part => part.trim()).filter(Boolean)
    .map(part => part[0] === '-' && part[1] ? {weight: MINUS, kind: 'text', value: part.slice(1)}
                                            : {weight: 1, kind: 'text', value: part});
}

function whereOf({folder, from, to}) {
  const quote = text => `'${text.replace(/'/g, "''")}'`, taken = 'coalesce(taken, date)';
  return [
    folder && `path like ${quote('%' + folder.replace(/[\\%_]/g, '\\$&') + '%')} escape '\\'`,
    from && `${taken} >= ${quote(from)}`, to && `${taken} < date(${quote(to)}, '+1 day')`,
  ].filter(Boolean).join(' and ');
}

/* Nobody has said yet what to look for: then the newest come first. */
const browsing = () => !state.text.trim() && !state.terms.some(term => term.weight);

function bodyOf() {
  const {index, min, region} = state, all = browsing();
  const terms = [...state.terms.filter(term => term.weight), ...wordTerms(state.text)].map(({weight, kind, value}) =>
    kind === 'text' ? {text: value, weight} : kind === 'id' ? {id: Number(value), weight} : {image: pictureOf(value), weight});
  const body = {
    top: PAGE, terms: !all && terms, sort: state.sort || (all && 'date'), near_copies: !state.copies && 'hide', index, where: whereOf(state),
    kind: region ? mapKind() : state.kind, region: region && region.split(',').map(Number), min_score: !all && min,
  };
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value));
}

/* ---- searching ---- */

let results = {hits: [], searched: 0}, underWay = null; // an answer, and the `body` that it is to

/* Answers of searches that a newer one has replaced are never shown: `underWay` is the newest. */
async function search() {
  underWay?.abort();
  const mine = underWay = new AbortController(), json = bodyOf();
  grid.classList.add('old');
  try {
    const answer = await ask('v1/search', {json, signal: mine.signal});
    if (mine !== underWay)
      return;
    results = {...answer, body: json};
    succeeded();
    showResults();
  } catch (error) {
    if (mine === underWay)
      failed(error, search);
  }
}

/* More of what is shown, unless that has been replaced meanwhile: the further one goes, the more at once. */
async function searchOn() {
  const shown = results;
  if (shown.going || !shown.cursor)
    return;
  shown.going = true;
  try {
    const json = {...shown.body, cursor: shown.cursor, top: Math.min(shown.hits.length, PAGE_MAX)};
    const answer = await ask('v1/search', {json, signal: underWay.signal});
    if (shown !== results)
      return;
    shown.hits.push(...answer.hits);
    shown.cursor = answer.cursor;
    shown.going = false;
    succeeded();
    layOut();
    showCount();
    lightMap();
  } catch (error) {
    const again = () => {
      shown.going = false;
      if (shown === results)
        searchOn();
    };
    if (error.status === 413 && shown.body.near_copies) { /* too many copies lead here: from now on all are shown */
      delete shown.body.near_copies;
      again();
    } else if (error.name === 'AbortError')
      shown.going = false; /* goes on if that search fails and these stay */
    else if (shown === results)
      failed(error, again); /* nothing is asked until then, however one scrolls */
  }
}

const searchSoon = later(160, search);

function showResults() {
  grid.classList.remove('old');
  focused = 0;
  scrollTo(0, 0);
  layOutAnew();
  showCount();
  showEmpty();
  lightMap();
}

function showCount() {
  const {hits, searched, cursor, outside} = results, {min} = state, all = browsing();
  const order = {taken: 'last taken first', date: 'newest first', path: 'by path'}[results.body?.sort] || 'best first';
  $('count').textContent = (all || !min ? `${count(searched, all ? 'item' : 'result')}, ${order}`
    : `${cursor ? 'More than ' : ''}${count(hits.length, 'result')} from ${min.toFixed(2)} up`) + (outside ? `. ${OUTSIDE}` : '');
  $('tail').textContent = cursor ? 'Loading more\u2026' : hits.length > 20 ? 'That is all.' : '';
}

function showEmpty() {
  const index = currentIndex(), [title, text] = $('empty').children;
  $('empty').hidden = results.hits.length > 0;
  [title.textContent, text.textContent] = !index ? ['This service has no index', 'Start it with: diptych serve --index NAME.dip']
    : !index.images && !index.texts ? [`The index \u201c${index.name}\u201d is empty`,
      'Fill it with: diptych index build INDEX FOLDER']
      : (whereOf(state) || state.kind || state.region) && !results.searched ? ['Nothing passes the filters',
        'Widen the folder, dates or part of the map.']
        : ['Nothing found', state.min ? 'Lower the least score to see what comes closest.' : 'Nothing of this kind is here.'];
}

/* ---- the grid: rows of one height that fill the width ---- */

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
  const width = grid.clientWidth, gap = width < 640 ? 3 : 6;
  const target = width < 640 ? 128 : width < 1200 ? 200 : 236, hadFocus = document.activeElement.dataset.hit;
  if (rows.at(-1)?.open) {
    forget(rows.length - 1);
    rows.pop();
  }
  const last = rows.at(-1);
  let top = last ? last.top + last.height + gap : 0, first = last ? last.first + last.count : 0, sum = 0;
  for (let i = first; i < results.hits.length; i++) {
    sum += ratioOf(results.hits[i]);
    const gaps = gap * (i - first), full = sum * target + gaps >= width;
    if (!full && i + 1 < results.hits.length)
      continue;
    const height = full ? (width - gaps) / sum : target;
    const row = {top, height, first, count: i + 1 - first, lefts: [], widths: [], open: !full};
    for (let k = first, left = 0; k <= i; k++) {
      row.lefts.push(left);
      row.widths.push(ratioOf(results.hits[k]) * height);
      left += row.widths.at(-1) + gap;
    }
    rows.push(row);
    top += height + gap;
    first = i + 1;
    sum = 0;
  }
  grid.style.height = `${top}px`;
  draw();
  if (hadFocus)
    linkOf(focused)?.focus({preventScroll: true});
}

function layOutAnew() {
  forget();
  rows = [];
  layOut();
}

const rowAt = y => Math.max(0, rows.findLastIndex(row => row.top <= y));
const rowOf = hit => Math.max(0, rows.findLastIndex(row => row.first <= hit));

/* Near copies of a hit come behind it, or go again. */
async function turnCopies(at) {
  const hit = results.hits[at], {hits, body: {near_copies, ...body}} = results, where = `id in (${hit.copies})`;
  try {
    const copies = hit.open ? [] : (await ask('v1/search', {json: {...body, where, top: hit.copies.length}})).hits;
    if (hits !== results.hits)
      return;
    hits.splice(hits.indexOf(hit) + 1, hit.open || 0, ...copies);
    hit.open = copies.length;
    layOutAnew();
    focusHit(hits.indexOf(hit));
  } catch (error) {
    toast(error.message);
  }
}

function tile(i, row) {
  const {item, score, copies, copy_count: near, open} = results.hits[i], k = i - row.first, all = browsing();
  const box = element('div', {className: 'tile', role: 'listitem', ariaPosInSet: i + 1,
    ariaSetSize: results.cursor ? -1 : results.hits.length});
  const link = element('a', {href: addressOf({...state, item: item.id}), tabIndex: i === focused ? 0 : -1, title: item.path || '',
    ariaLabel: nameOf(item) + (all ? '' : `, score ${score.toFixed(2)}`) + (copies ? `, with ${count(near, 'near copy', 'near copies')}` : '')});
  link.dataset.hit = i;
  box.style.cssText = `left:${row.lefts[k]}px;top:${row.top}px;width:${row.widths[k]}px;height:${row.height}px`;
  if (item.kind === 'text') {
    link.append(element('p', {className: 'words'}, item.text || ''));
  } else {
    const img = element('img', {alt: '', onload: () => img.classList.add('here'),
      onerror: () => img.replaceWith(element('span', {className: 'gone'}, `${nameOf(item)} cannot be shown`))});
    img.dataset.id = item.id;
    link.append(img);
  }
  if (!all)
    link.append(element('span', {className: 'score', ariaHidden: 'true'}, score.toFixed(2)));
  box.append(link);
  if (copies)
    box.append(element('button', {className: 'copies', tabIndex: -1, title: 'Near copies (+)', ariaExpanded: String(Boolean(open)),
      onclick: () => turnCopies(i)}, open ? '\u2212' : `+${near}`));
  return box;
}

function forgetRow(r) {
  for (const img of drawn.get(r).querySelectorAll('img')) {
    img.onerror = null;
    img.removeAttribute('src'); /* it is not asked for any longer */
  }
  drawn.get(r).remove();
  drawn.delete(r);
}

/* Rows from this one on are drawn anew, when they are near. */
function forget(from = 0) {
  [...drawn.keys()].filter(r => r >= from).forEach(forgetRow);
}

function drawRow(r) {
  const row = rows[r], made = element('div', {role: 'presentation'});
  for (let i = row.first; i < row.first + row.count; i++)
    made.append(tile(i, row));
  const after = [...drawn.keys()].filter(other => other > r);
  grid.insertBefore(made, after.length ? drawn.get(Math.min(...after)) : null);
  drawn.set(r, made);
}

function loadPictures() {
  for (const img of grid.querySelectorAll('img:not([src])'))
    img.src = thumbnail(img.dataset.id, EDGE);
}

const loadPicturesSoon = later(150, loadPictures), FLYING = 4; // pixels a millisecond
let drawnAt = {y: 0, time: 0};

/* The rows in the window and a window's height around it, and the one that has the focus. */
function draw() {
  if (!rows.length)
    return;
  const top = scrollY - grid.offsetTop, near = innerHeight, time = performance.now();
  const from = rowAt(top - near), to = rowAt(top + innerHeight + near), keep = rowOf(focused);
  for (const r of [...drawn.keys()])
    if ((r < from || r > to) && r !== keep)
      forgetRow(r);
  for (let r = from; r <= to; r++)
    if (!drawn.has(r))
      drawRow(r);
  if (!drawn.has(keep))
    drawRow(keep);
  /* Rows that only fly past ask for no pictures. */
  (Math.abs(scrollY - drawnAt.y) < FLYING * (time - drawnAt.time) ? loadPictures : loadPicturesSoon)();
  drawnAt = {y: scrollY, time};
  if (rows.at(-1).top + rows.at(-1).height < top + innerHeight + 3 * near)
    searchOn();
}

const drawSoon = onceAFrame(draw);
addEventListener('scroll', drawSoon, {passive: true});

let laidOutWidth = 0;
new ResizeObserver(() => {
  if (grid.clientWidth === laidOutWidth)
    return;
  laidOutWidth = grid.clientWidth;
  layOutAnew();
}).observe(grid);

const linkOf = hit => grid.querySelector(`[data-hit="${hit}"]`);

/* Moves the focus to a hit, and the window to where it is seen. */
function focusHit(hit) {
  if (!rows.length || hit < 0 || hit >= results.hits.length)
    return;
  linkOf(focused)?.setAttribute('tabindex', '-1');
  focused = hit;
  const row = rows[rowOf(hit)], top = grid.offsetTop + row.top, bar = $('bar').offsetHeight + 8;
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
  const row = rows[rowOf(hit)], other = rows[rowOf(hit) + step];
  if (!other)
    return hit;
  const middle = row.lefts[hit - row.first] + row.widths[hit - row.first] / 2;
  const distances = other.lefts.map((left, k) => Math.abs(left + other.widths[k] / 2 - middle));
  return other.first + distances.indexOf(Math.min(...distances));
}

grid.addEventListener('keydown', event => {
  const hit = Number(event.target.dataset.hit);
  const to = {ArrowLeft: () => hit - 1, ArrowRight: () => hit + 1, ArrowUp: () => hitBeside(hit, -1),
    ArrowDown: () => hitBeside(hit, 1), Home: () => 0, End: () => results.hits.length - 1}[event.key];
  if (event.key === '+' && results.hits[hit]?.copies)
    turnCopies(hit);
  if (!to || !isPlain(event) || Number.isNaN(hit))
    return;
  event.preventDefault();
  focusHit(to());
});

grid.addEventListener('click', event => {
  const link = event.target.closest('a');
  if (!link || event.shiftKey || !isPlain(event))
    return;
  event.preventDefault();
  focusHit(Number(link.dataset.hit));
  openItem(results.hits[link.dataset.hit].item.id);
});

/* ---- the viewer ---- */

let viewed = null; // the item that is shown

const placeOf = id => results.hits.findIndex(hit => hit.item.id === id);
const viewerButton = name => viewer.querySelector(`[data-do=${name}]`);

function openItem(id, how) {
  change({item: id}, how);
  showViewer();
}

async function showViewer() {
  const at = placeOf(state.item);
  try {
    const item = at >= 0 ? results.hits[at].item : await ask(itemPath(state.item));
    if (item.id === state.item)
      view(item, at);
  } catch (error) {
    toast(error.message);
    change({item: 0}, {replace: true});
  }
}

function view(item, at) {
  const score = at >= 0 && !browsing() ? results.hits[at].score.toFixed(3) : '', isText = item.kind === 'text';
  viewed = item;
  viewer.ariaLabel = nameOf(item).slice(0, 200) || 'Item';
  $('viewer-score').textContent = (at >= 0 ? number(at + 1) : '') + (score && ` \u00b7 score ${score}`);
  $('stage').replaceChildren(isText ? element('p', {className: 'words', tabIndex: 0}, item.text || '') : largePicture(item));
  viewerButton('classify').hidden = $('original').hidden = isText;
  viewerButton('copy').hidden = !item.path;
  $('original').href = itemPath(item.id, '/image');
  $('previous').disabled = at <= 0;
  $('next').disabled = at < 0 || at + 1 >= results.hits.length;
  showDetails(item, score);
  if (!viewer.open) {
    viewer.showModal();
    viewerButton('close').focus();
  }
  if (at >= 0 && at + 10 > results.hits.length)
    searchOn();
}

/* The thumbnail until the picture is there; a large one instead of what the browser cannot read. */
function largePicture(item) {
  const shown = element('img', {alt: nameOf(item), src: thumbnail(item.id, EDGE)}), src = itemPath(item.id, '/image');
  const show = it => () => { shown.src = it; };
  shown.onerror = () => shown.replaceWith(element('p', {}, `${shown.alt} cannot be shown`));
  element('img', {onload: show(src), onerror: show(thumbnail(item.id, 2048)), src});
  return shown;
}

function showDetails(item, score) {
  const facts = {
    ...item.metadata, Score: score, Path: item.path, Caption: item.caption, Picture: item.picture,
    Size: item.width && `${item.width} \u00d7 ${item.height}`, File: item.size && `${number(Math.ceil(item.size / 1024))} KiB`,
    Taken: item.taken, Camera: item.camera, Lens: item.lens, Place: 'lat' in item && `${item.lat}, ${item.lon}`,
    'File date': item.mtime && new Date(item.mtime * 1000).toLocaleString(), Item: item.id,
  };
  $('details').firstElementChild.replaceChildren(...Object.entries(facts).filter(([, value]) => value).flatMap(([name, value]) =>
    [element('dt', {}, name), element('dd', {}, typeof value === 'object' ? JSON.stringify(value) : String(value))]));
}

function turn(step) {
  const at = placeOf(state.item), hit = results.hits[at + step];
  if (at >= 0 && hit)
    openItem(hit.item.id, {replace: true});
}

function hideViewer() {
  if (!viewer.open)
    return;
  const at = placeOf(viewed?.id);
  viewed = null;
  viewer.close();
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

function likeThis() {
  const value = String(viewed.id), terms = state.terms.filter(term => term.kind !== 'id' || term.value !== value);
  viewed = null;
  viewer.close();
  go({terms: [...terms, {weight: 1, kind: 'id', value}], item: 0});
}

const deeds = {
  close: leaveViewer, previous: () => turn(-1), next: () => turn(1),
  more: likeThis, copy: () => copy(viewed.path, viewer).then(() => toast('Copied')),
  classify: () => classifyItem(viewed.id), open: () => $('original').click(),
  info: () => { viewerButton('info').ariaPressed = String(!$('details').toggleAttribute('hidden')); },
};

viewer.onclick = event => deeds[event.target.closest('button')?.dataset.do]?.();
viewer.oncancel = event => {
  event.preventDefault();
  leaveViewer();
};
viewer.onkeydown = event => {
  const deed = {ArrowLeft: 'previous', ArrowRight: 'next', m: 'more', k: 'classify', c: 'copy', i: 'info', o: 'open'}[event.key];
  if (!deed || !isPlain(event) || viewerButton(deed).hidden)
    return;
  event.preventDefault();
  deeds[deed]();
};

let swipe;
$('stage').onpointerdown = event => { swipe = event.pointerType === 'touch' ? event.clientX : NaN; };
$('stage').onpointerup = event => {
  if (Math.abs(event.clientX - swipe) > 50)
    turn(event.clientX < swipe ? 1 : -1);
};

/* ---- pictures to search with ---- */

/* As a data URI, with no edge over PICTURE_EDGE: models see less than that. What the browser cannot read goes as it is. */
async function shrink(blob) {
  const bitmap = await createImageBitmap(blob).catch(() => null);
  if (!bitmap)
    return new Promise((onload, onerror) =>
      Object.assign(new FileReader(), {onload: event => onload(event.target.result), onerror}).readAsDataURL(blob));
  const scale = Math.min(1, PICTURE_EDGE / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [bitmap.width, bitmap.height].map(side => Math.max(1, Math.round(side * scale)));
  const canvas = element('canvas', {width, height}), context = canvas.getContext('2d');
  context.fillStyle = '#fff'; /* JPEG has no transparency */
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, 0, 0, width, height);
  return canvas.toDataURL('image/jpeg', 0.92);
}

async function searchWith(files) {
  const file = [...files].find(({type}) => type.startsWith('image/')) || files[0];
  try {
    const value = keepPicture(await shrink(file));
    hideViewer();
    go({terms: [...state.terms, {weight: 1, kind: 'picture', value}], item: 0});
  } catch {
    toast('This file cannot be read.');
  }
}

$('camera').onclick = () => $('file').click();
$('file').onchange = async () => {
  await searchWith($('file').files);
  $('file').value = '';
};

const searchWithThat = name => event => {
  document.body.className = '';
  if (!event[name].files.length)
    return;
  event.preventDefault();
  searchWith(event[name].files);
};
addEventListener('paste', searchWithThat('clipboardData'));
addEventListener('drop', searchWithThat('dataTransfer'));
addEventListener('dragover', event => {
  if (!event.dataTransfer.types.includes('Files'))
    return;
  event.preventDefault();
  document.body.className = 'dropping';
});
addEventListener('dragleave', event => { document.body.className &&= event.relatedTarget ? 'dropping' : ''; });

/* ---- classifying ---- */

function openClassifier(data) {
  $('classifier-picture').src = data;
  $('predictions').textContent = $('classifier-problem').textContent = '';
  $('classifier').showModal();
  classify();
}

async function classifyItem(id) {
  try {
    openClassifier(await shrink(await ask(thumbnail(id, PICTURE_EDGE), {as: 'blob'})));
  } catch (error) {
    toast(error.message);
  }
}

async function classify() {
  const labels = [...new Set($('labels').value.split('\n').map(label => label.trim()).filter(Boolean))];
  const image = $('classifier-picture').src.replace(/^data:[^,]*,/, '');
  try {
    const json = {input: [{image}], labels, templates: ['a photo of a {}'], top: 10};
    const {data: [{predictions, outside}]} = await ask('v1/classify', {json});
    $('classifier-problem').textContent = outside ? OUTSIDE : '';
    $('predictions').replaceChildren(...predictions.map(({label, score}) => element('li', {}, element('span', {}, label),
      element('span', {}, `${(100 * score).toFixed(1)} %`), element('meter', {value: score, ariaHidden: 'true'}))));
  } catch (error) {
    $('classifier-problem').textContent = error.message;
  }
}

$('classifier').onsubmit = event => {
  event.preventDefault();
  classify();
};
$('classifier-close').onclick = () => $('classifier').close();

/* ---- chips ---- */

/* Of something that is searched for or in: its name, what stands around that, and a button that takes it away. */
function chip(name, before, after, leave) {
  return element('li', {className: 'chip'}, ...before, element('span', {className: 'name'}, name), ...after,
    element('button', {title: `Remove ${name}`, onclick: leave}, '\u00d7'));
}

function termChip(term, at) {
  const {kind, value} = term, isText = kind === 'text', name = isText ? value : kind === 'id' ? `Like item ${value}` : 'Your picture';
  const weight = element('input', {type: 'range', min: -2, max: 2, step: 0.1, value: term.weight, ariaLabel: `Weight of ${name}`});
  const output = element('output', {}), others = state.terms.filter((_, i) => i !== at);
  const img = element('img', {alt: '', src: kind === 'id' ? thumbnail(value, 64) : isText ? '' : pictureOf(value)});
  const what = element('button', {className: 'word',
    onclick: () => kind === 'id' ? classifyItem(value) : openClassifier(pictureOf(value))}, 'Classify');
  const made = chip(name, isText ? [] : [img], isText ? [weight, output] : [weight, output, what], () => {
    go({terms: others});
    ($('chips').children[at]?.querySelector('input') || $('text')).focus();
  });
  const showWeight = () => {
    const by = Number(weight.value);
    output.textContent = by ? `${by > 0 ? '+' : '\u2212'}${Math.abs(by).toFixed(1)}` : 'off';
    made.classList.toggle('minus', by < 0);
  };
  weight.oninput = () => {
    showWeight();
    changeWhileTyping({terms: state.terms.with(at, {...term, weight: Number(weight.value)})});
  };
  weight.onchange = () => { typing = false; };
  showWeight();
  return made;
}

/* The words in the box become terms of their own, whose weights can be changed. */
function keepWords(minus) {
  const words = wordTerms(state.text).map((term, i) => minus && !i ? {...term, weight: MINUS} : term);
  go({terms: [...state.terms, ...words], text: ''});
  $('text').focus();
}

$('plus').onclick = () => keepWords(false);
$('minus').onclick = () => keepWords(true);

/* ---- the bar ---- */

const leaveRegion = () => state.region && go({region: ''});

function showControls() {
  for (const name of ['text', ...FIELDS])
    if ($(name).value !== state[name] && !(name === 'index' && !state.index))
      $(name).value = state[name];
  $('min').value = state.min;
  $('fold').checked = !state.copies;
  $('chips').replaceChildren(...state.terms.map(termChip), ...state.region ? [chip('A part of the map', [], [], leaveRegion)] : []);
  showDerived();
}

/* What follows from the state, while somebody types into a field. */
function showDerived() {
  const words = state.text.trim();
  $('plus').hidden = $('minus').hidden = !words;
  $('least').hidden = browsing();
  $('min-value').textContent = state.min ? state.min.toFixed(2) : 'any';
  $('filters').classList.toggle('on', Boolean(whereOf(state) || state.kind || state.sort));
  document.title = words ? `${words} \u2013 Diptych` : 'Diptych';
}

$('text').oninput = () => changeWhileTyping({text: $('text').value});
$('min').oninput = () => changeWhileTyping({min: Number($('min').value)});
$('text').onchange = $('min').onchange = () => { typing = false; };
$('fold').onchange = () => go({copies: $('fold').checked ? '' : 'show'});
$('search').onsubmit = event => {
  event.preventDefault();
  typing = false;
  search();
};

for (const name of FIELDS)
  $(name).oninput = () => {
    changeWhileTyping({[name]: $(name).value});
    typing = name === 'folder';
    if (name !== 'index' && name !== 'kind')
      return;
    /* Another map and, of another index, other items. */
    change({region: '', terms: state.terms.filter(term => name === 'kind' || term.kind !== 'id')}, {replace: true});
    showControls();
    showMap();
  };

$('filters').onclick = () => {
  const open = $('panel').hidden;
  $('panel').hidden = !open;
  $('filters').ariaExpanded = String(open);
  if (open)
    $('panel').querySelector('label:not([hidden]) select').focus();
};

addEventListener('keydown', event => {
  if (event.key === '/' && !event.target.closest('input, textarea, select, dialog')) {
    event.preventDefault();
    $('text').select();
  }
});

addEventListener('popstate', () => {
  const before = addressOf({...state, item: 0});
  state = readState(location.search);
  typing = false;
  if (addressOf({...state, item: 0}) !== before) {
    showControls();
    showMap();
    search();
  }
  (state.item ? showViewer : hideViewer)();
});

/* ---- the beginning ---- */

let indexes = [];
const currentIndex = () => indexes.find(one => one.name === state.index) || indexes[0];

async function start() {
  try {
    ({indexes} = await ask('v1/models'));
  } catch (error) {
    failed(error, start);
    return;
  }
  succeeded();
  $('index').replaceChildren(...indexes.map(({name, images, texts}) => element('option', {value: name}, `${name} (${number(images + texts)})`)));
  $('index').value = currentIndex()?.name;
  $('index-label').hidden = indexes.length < 2;
  if (!indexes.length)
    return showEmpty();
  showMap();
  await search();
  if (state.item)
    showViewer();
}

history.scrollRestoration = 'manual';
showControls();
if (matchMedia('(hover: hover)').matches)
  $('text').focus();
addEventListener('DOMContentLoaded', start);
