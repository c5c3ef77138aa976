# SPDX-License-Identifier: Apache-2.0
"""Draws the README's contact sheet: each sample picture with what diptych says of it.

    diptych classify ../pictures --labels ../labels.txt --format tsv >classified.tsv
    python sheet.py classified.tsv ../sheet.jpg
"""

import csv
import sys

from PIL import Image, ImageDraw, ImageFont

COLUMNS, CELL, CAPTION = 4, (280, 210), 62


def draw_cell(path, best, draw_on, left, top, font):
    picture = Image.open(path).convert("RGB")
    picture.thumbnail(CELL, Image.Resampling.LANCZOS)
    draw_on.paste(picture, (left + (CELL[0] - picture.width) // 2, top + CELL[1] - picture.height))
    pen = ImageDraw.Draw(draw_on)
    for row, (label, probability) in enumerate(best):
        y = top + CELL[1] + 10 + 22 * row
        ink = (20, 20, 20) if row == 0 else (120, 120, 120)
        pen.text((left, y), f"{100 * probability:5.1f} %", fill=ink, font=font)
        pen.text((left + 50, y), label if len(label) < 36 else label[:34] + "…", fill=ink, font=font)


def main(classified, out):
    rows = list(csv.reader(open(classified), delimiter="\t", quoting=csv.QUOTE_NONE))
    lines = (len(rows) + COLUMNS - 1) // COLUMNS
    gap, step = 24, (CELL[0] + 24, CELL[1] + CAPTION + 24)
    sheet = Image.new("RGB", (gap + COLUMNS * step[0], gap + lines * step[1]), "white")
    font = ImageFont.load_default(12)
    for i, (path, *pairs) in enumerate(rows):
        best = [(pairs[k], float(pairs[k + 1])) for k in (0, 2)]
        draw_cell(path, best, sheet, gap + i % COLUMNS * step[0], gap + i // COLUMNS * step[1], font)
    sheet.save(out, quality=90)


if __name__ == "__main__":
    main(*sys.argv[1:])
