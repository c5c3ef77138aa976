// SPDX-License-Identifier: Apache-2.0
/* What a page does beyond showing itself: the buttons of its cards copy the path of the file that the card leads to. */

/* The bytes of a file: URL as the text that they are; as they stand in the URL where they are none. */
function pathOf({pathname}) {
  try {
    return decodeURIComponent(pathname);
  } catch {
    return pathname;
  }
}

for (const button of document.querySelectorAll('.copy'))
  button.hidden = false;

document.addEventListener('click', async ({target: button}) => {
  if (button.className !== 'copy')
    return;
  await copy(pathOf(button.closest('figure').querySelector('a')), document.body);
  button.focus();
  button.textContent = 'copied';
  setTimeout(() => { button.textContent = 'copy path'; }, 1500);
});
