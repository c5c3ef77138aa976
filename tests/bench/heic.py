#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A folder of HEIC photos: `diptych embed` beside pillow-heif in as many processes as CPUs, both by one libheif and libde265.

    python3 -m venv venv && venv/bin/pip install --no-binary pillow-heif pillow-heif==0.13.1 'pillow<11'
    venv/bin/python tests/bench/heic.py BUILD FOLDER [--count 1000] [--rounds 1]

Built so, pillow-heif has the libraries that Debian 12 has and Diptych was built with; later versions take later ones. FOLDER holds
photos, of which --count files are made. Diptych embeds them with the model of its tests, which takes no time beside decoding;
pillow-heif decodes them and resizes them as a model wants them. Both in turns; the largest memory is that of all their processes
together, as Pss counts it.
"""
import argparse
import multiprocessing
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import pillow_heif
from PIL import Image

ROOT = pathlib.Path(__file__).parent.parent.parent
SIZE = 224


def decode(path):
    pillow_heif.register_heif_opener()
    image = Image.open(path).convert("RGB")
    scale = SIZE / min(image.size)
    return image.resize([round(edge * scale) for edge in image.size], Image.Resampling.BICUBIC).size


def family(pid):
    yield pid
    try:
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        tasks = [child for task in pathlib.Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]
    except OSError:
        return
    for child in {*children, *tasks}:
        yield from family(int(child))


def memory_mb(pid):
    total = 0
    for member in family(pid):
        try:
            lines = pathlib.Path(f"/proc/{member}/smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        except OSError:
            pass
    return total / 1000


def measured(command):
    began, most = time.perf_counter(), 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            most = max(most, memory_mb(process.pid))
            time.sleep(0.2)
    if process.returncode:
        sys.exit(f"{command[0]} failed")
    return time.perf_counter() - began, most


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", action="store_true", help=argparse.SUPPRESS)  # what pillow-heif does
    args = parser.parse_args()
    if args.only:
        with multiprocessing.Pool(os.cpu_count()) as pool:
            pool.map(decode, sorted(args.folder.iterdir()), chunksize=1)
        return
    with tempfile.TemporaryDirectory() as folder:
        photos = sorted(args.folder.glob("*.heic"))
        for i in range(args.count):
            shutil.copy(photos[i % len(photos)], f"{folder}/{i:04}.heic")
        ours = [args.build / "diptych", "embed", folder, "-q", "--model", ROOT / "tests/model"]
        ways = {"diptych embed": ours, "diptych embed --fast-decode": [*ours, "--fast-decode"],
                f"pillow-heif {pillow_heif.__version__}": [sys.executable, __file__, args.build, folder, "--only"]}
        runs = {name: [] for name in ways}
        for _ in range(args.rounds):
            for name, command in ways.items():
                runs[name].append(measured(command))
    print(f"libheif {pillow_heif.libheif_version()}, {args.count} files of {len(photos)} photos, {os.cpu_count()} CPUs\n")
    print("| | photos a second | MB at most |\n|---|---:|---:|")
    for name, results in runs.items():
        print(f"| {name} | {args.count / statistics.median(seconds for seconds, _ in results):.2f} | {max(mb for _, mb in results):.0f} |")


if __name__ == "__main__":
    main()
