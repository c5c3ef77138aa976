#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the rows of text/entities_table.c, to be laid out by clang-format.

    entities.py      (Python 3.11, ftfy 6.3.1)

Names and characters are those of html.entities.html5, which holds the HTML Standard's 2,231 named character references:
2,125 that end in a semicolon, 106 of which are taken without one too (BARE). CAPITALS are those that ftfy takes in
capitals as well.
"""

import html.entities

from ftfy.chardata import HTML_ENTITIES

NAMES = html.entities.html5


def row(name):
    characters = [*map(ord, NAMES[name + ";"]), 0][:2]
    capitals = name == name.lower() and f"&{name.upper()};" in HTML_ENTITIES and name.upper() + ";" not in NAMES
    flags = [flag for flag, holds in (("BARE", name in NAMES), ("CAPITALS", capitals)) if holds]
    return f'{{"{name}", {{{", ".join(map(hex, characters))}}}, {" | ".join(flags) or 0}}},'


print("\n".join(row(name) for name in sorted(name.removesuffix(";") for name in NAMES if name.endswith(";"))))
