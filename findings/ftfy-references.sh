#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ftfy 6.3.1 and Python's html.unescape, which open_clip runs on every text: what a character reference becomes.
#
# Guess before running it: each line is fixed by itself, and references are undone once by ftfy and twice by html.
#
# Seen:
#   - A '<' keeps the references not only of its own line but of all lines that follow: what a line becomes depends on
#     the lines before it.
#   - ftfy undoes them until nothing changes, so that "&amp;amp;amp;lt;" is '<', where html.unescape twice gives "&amp;lt;".
#   - "&#59;" is left alone, as ftfy looks for a ';' in what html.unescape gave to tell whether it read all of it.
#   - The names in capitals that ftfy adds become capitals: "&SZLIG;" is "SS".
#   - html.unescape raises ValueError for a number of more than 4,300 digits, instead of U+FFFD as for one of 4,300.
#
# Prints what is seen and fails where it is no longer so. Needs Python 3.11 or later with pip; a few seconds.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m pip install -q --disable-pip-version-check --root-user-action=ignore --target "$folder" ftfy==6.3.1 wcwidth==0.2.13
PYTHONPATH=$folder python3 - <<'END'
import html
import platform

import ftfy

print(f"ftfy {ftfy.__version__}, Python {platform.python_version()}")


def shows(what, is_so):
    print(what)
    assert is_so, what


before, after = ftfy.fix_text("&hellip;\na < b"), ftfy.fix_text("a < b\n&hellip;")
shows(f"{before!r}, {after!r}", (before, after) == ("…\na < b", "a < b\n&hellip;"))
deep = "&amp;amp;amp;lt;"
twice = html.unescape(html.unescape(deep))
shows(f"{deep}: {ftfy.fix_text(deep)!r}, by html {twice!r}", (ftfy.fix_text(deep), twice) == ("<", "&amp;lt;"))
shows(f"{ftfy.fix_text('&#59;&#58;')!r}", ftfy.fix_text("&#59;&#58;") == "&#59;:")
shows(f"{ftfy.fix_text('&SZLIG;&EACUTE;')!r}", ftfy.fix_text("&SZLIG;&EACUTE;") == "SSÉ")
shows("4300 digits", html.unescape(f"&#{'9' * 4300};") == "\ufffd")
try:
    html.unescape(f"&#{'9' * 4301};")
    shows("4301 digits", False)
except ValueError as error:
    shows(f"4301 digits: {error}", True)
END
