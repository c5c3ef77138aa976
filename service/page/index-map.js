// SPDX-License-Identifier: Apache-2.0
/* The map of an index: what was found is bright; state.region can be searched in. */
'use strict';

const note = $('map-note');
const mapKind = () => state.kind || (currentIndex()?.images ? 'image' : 'text');

function arrayOf(type, base64) {
  return new type(Uint8Array.from(atob(base64), letter => letter.charCodeAt(0)).buffer);
}

async function showMap() {
  const {index} = state, kind = mapKind();
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
    note.textContent = `${count(answer.count, 'item')}, the more alike the closer`;
    showPoints({
      kind, index, x, y, ids, shade: [], picture: i => kind === 'image' && thumbnail(ids[i], 128), open: i => i >= 0 && openItem(ids[i]),
      box: () => state.region && state.region.split(','), select: box => go({region: box.map(side => side.toPrecision(6)).join(), item: 0}),
    });
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
  shadePoints(points.ids.map(id => Number(all || found.has(id))));
}

mapKeys.Enter = () => points.select(boxOf([0, 0, plane.clientWidth, plane.clientHeight]));
mapKeys.Escape = leaveRegion;
plane.ariaDescription += ' Enter searches in what is seen, Escape everywhere.';
mapButton('Enter', 'Search here', 'Search in what is seen (Enter); Shift and drag for a part of it');
$('map-toggle').onclick = () => {
  change({map: state.map ? '' : '1'});
  showMap();
};
