// SPDX-License-Identifier: Apache-2.0
/* What the scripts of all pages share. */
'use strict';

const $ = id => document.getElementById(id);

/* element('a', {className: 'b', ariaLabel: 'c'}, child, 'text') */
function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

const isPlain = event => !event.ctrlKey && !event.metaKey && !event.altKey && !event.button;

/* Once a frame, however often it is asked for. */
function onceAFrame(work) {
  let frame;
  return () => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(work);
  };
}

/* near: what has the focus now is in it. */
async function copy(text, near) {
  try {
    await navigator.clipboard.writeText(text);
  } catch { /* only pages of this machine and of https may write there: the old way */
    const area = element('textarea', {value: text, className: 'unseen'});
    near.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
}
