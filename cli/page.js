/* SPDX-License-Identifier: Apache-2.0 */
/* What a page does beyond showing itself: its buttons copy the path of the file that their card leads to. */
'use strict';

/* The bytes of a file: URL as the text that they are; as they stand in the URL where they are none. */
function pathOf(link) {
    const {pathname} = link;
    try {
        return decodeURIComponent(pathname);
    } catch {
        return pathname;
    }
}

async function copy(text) {
    try {
        await navigator.clipboard.writeText(text);
    } catch { /* where a browser lets no page of a file write there: the old way */
        const area = document.createElement('textarea');
        area.value = text;
        document.body.append(area);
        area.select();
        document.execCommand('copy');
        area.remove();
    }
}

for (const button of document.querySelectorAll('button.copy')) {
    button.hidden = false;
    button.onclick = async () => {
        await copy(pathOf(button.closest('figure').querySelector('a')));
        button.focus();
        button.textContent = 'copied';
        setTimeout(() => { button.textContent = 'copy path'; }, 1500);
    };
}
