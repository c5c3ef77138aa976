#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times the way from a JPEG to the 224 x 224 pixels of a model, in Diptych and in Pillow, in turns, on one thread.

    python3 -m venv venv && venv/bin/pip install pillow==13.0.0
    venv/bin/python tests/bench/pictures.py build/release/tests/bench/bench_pictures photo.jpg [photo.jpg ...]

Every photo is measured as it is; --sizes 640x480 4000x3000 measures it scaled to these instead (JPEG, quality 90).
Both give the same bytes (tests/vision holds them to it), but for stb_image's decoding and --fast-decode.
"""

import argparse
import platform
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import PIL
from PIL import Image, features

SIZE = 224


def resize_and_crop(image):
    scale = SIZE / min(image.size)
    width, height = (SIZE if edge == min(image.size) else int(edge * scale) for edge in image.size)
    left, top = (width - SIZE) // 2, (height - SIZE) // 2
    return image.resize((width, height), Image.Resampling.BICUBIC).crop((left, top, left + SIZE, top + SIZE)).tobytes()


def fast(path):
    image = Image.open(path)
    image.draft("RGB", (SIZE, SIZE))
    return image.convert("RGB")


def median_ms(run, rounds):
    times = []
    for _ in range(rounds):
        start = time.thread_time()
        run()
        times.append(1e3 * (time.thread_time() - start))
    return statistics.median(times)


def pillow(path, rounds):
    image, small = Image.open(path).convert("RGB"), fast(path)
    return {"decode": median_ms(lambda: Image.open(path).convert("RGB"), rounds),
            "decode, --fast-decode": median_ms(lambda: fast(path), rounds),
            "resize and crop": median_ms(lambda: resize_and_crop(image), rounds),
            "resize and crop, --fast-decode": median_ms(lambda: resize_and_crop(small), rounds)}


def diptych(program, path, rounds):
    lines = subprocess.run([program, path, str(rounds)], check=True, capture_output=True, text=True).stdout
    return {name: float(ms) for name, ms in (line.split("\t") for line in lines.splitlines())}


def measure(program, path, turns, rounds):
    ours, theirs = [], []
    for _ in range(turns):
        ours.append(diptych(program, path, rounds))
        theirs.append(pillow(path, rounds))
    width, height = Image.open(path).size
    print(f"\n{width} x {height}, {Path(path).stat().st_size / 1e3:.0f} kB")
    print(f"{'ms on one thread':32} {'Diptych':>9} {'Pillow':>9} {'ratio':>7}")
    for step in ours[0]:
        mine = statistics.median(turn[step] for turn in ours)
        other = statistics.median(turn[step] for turn in theirs) if step in theirs[0] else None
        print(f"{step:32} {mine:9.3f}" + (f" {other:9.3f} {other / mine:7.2f}" if other else ""))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("photos", nargs="+")
    parser.add_argument("--sizes", nargs="*", default=[])
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=11)
    options = parser.parse_args()

    print(f"{platform.processor() or platform.machine()}, Pillow {PIL.__version__} with libjpeg-turbo "
          f"{features.version('libjpeg_turbo')}, medians of {options.turns} turns")
    with tempfile.TemporaryDirectory() as folder:
        for photo in options.photos:
            for size in options.sizes:
                path = str(Path(folder) / "scaled.jpg")
                image = Image.open(photo).convert("RGB")
                image.resize(tuple(map(int, size.split("x"))), Image.Resampling.LANCZOS).save(path, quality=90)
                measure(options.program, path, options.turns, options.rounds)
            if not options.sizes:
                measure(options.program, photo, options.turns, options.rounds)


if __name__ == "__main__":
    main()
