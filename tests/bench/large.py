#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An index that is larger than memory: imported a part at a time and searched, all in a group of processes that may
have only so much memory, file cache included.

    sudo venv/bin/python tests/bench/large.py build/diptych vit-b-32/ /mnt/scratch --parts 8 --memory 1600

takes the program, a model whose embeddings are 512 numbers wide, and a folder with 1.2 GB of room for each part of a
million rows, and 1 GB besides; what is there of an earlier run is kept. Rows are shaped as CLIP's are (index.py), fifty thousand of them, and then these with their channels in
other places. Prints Markdown. The group is one of cgroup v2 or v1, which only root makes.

`own` is the most memory that was no file's (RssAnon), looked at every 20 ms; `read` is what came from the drive
(read_bytes in /proc/PID/io), beside the codes that a first pass looks at: the high half of each, and what belongs to a row.
The drive's speed is that of reading the codes' file from front to back, none of it in the cache.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import threading
import time

import numpy as np

from index import CHUNK, Cone

WIDTH, PART = 512, 1_000_000
QUERIES = ["a red kite over the sea", "two dogs", "snow on a roof", "the old bridge at night"]


class Group:
    """Processes that may have so many bytes together."""

    def __init__(self, limit):
        unified = pathlib.Path("/sys/fs/cgroup/cgroup.controllers").exists()
        self.path = pathlib.Path("/sys/fs/cgroup") / ("" if unified else "memory") / f"diptych-{os.getpid()}"
        self.path.mkdir()
        (self.path / ("memory.max" if unified else "memory.limit_in_bytes")).write_text(str(limit))

    def run(self, command, **options):
        enter = lambda: (self.path / "cgroup.procs").write_text(str(os.getpid()))
        return Watched(subprocess.Popen(command, preexec_fn=enter, **options))

    def close(self):
        self.path.rmdir()


class Watched:
    """A process, and the most memory of its own."""

    def __init__(self, process):
        self.process, self.start, self.own = process, time.perf_counter(), 0
        threading.Thread(target=self.watch, daemon=True).start()

    def field(self, file, name):
        for line in (pathlib.Path("/proc") / str(self.process.pid) / file).read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1])
        return 0

    def watch(self):
        while self.process.poll() is None:
            try:
                self.own = max(self.own, self.field("status", "RssAnon") * 1024)
            except (OSError, ValueError):
                pass  # it has just ended
            time.sleep(0.02)

    def read(self):
        return self.field("io", "read_bytes")

    def wait(self):
        if self.process.wait():
            sys.exit(f"{self.process.args[:3]} failed")
        return time.perf_counter() - self.start


def make_part(path, some, number):
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "<f2", "fortran_order": False, "shape": (PART, WIDTH)})
        for turn in range(PART // CHUNK):
            np.roll(some, number * (PART // CHUNK) + turn, axis=1).tofile(file)


def forget(folder):
    """Takes the folder's files out of the cache."""
    for path in folder.iterdir():
        with open(path, "rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def import_parts(options, group, index):
    print("| rows | seconds for the last million | own, MB |\n|---|---|---|")
    some = Cone(WIDTH, 0).make(np.random.default_rng(1), CHUNK).astype(np.float16)
    vectors = index / "vectors.i8"
    there = vectors.stat().st_size // (WIDTH + 4) // PART if vectors.exists() else 0
    for part in range(there, options.parts):
        path = options.folder / "part.npy"
        make_part(path, some, part)
        running = group.run([options.program, "index", "import", index, path, "--model", options.model,
                             "--storage", "i8", "-q"])
        seconds = running.wait()
        path.unlink()
        print(f"| {(part + 1) * PART:,} | {seconds:.1f} | {running.own / 1e6:.0f} |", flush=True)


def drive_speed(path):
    forget(path.parent)
    start, size = time.perf_counter(), 0
    with open(path, "rb", buffering=0) as file:
        while piece := file.read(1 << 24):
            size += len(piece)
    return size / (time.perf_counter() - start)


def search(options, group, index, rows):
    forget(index)
    command = [options.program, "search", index, "--queries", "-", "-f", "json", "--model", options.model, "-q"]
    running = group.run(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    first_pass = rows * (WIDTH / 2 + 4 * 4)
    print(f"\nA first pass looks at {first_pass / 1e6:,.0f} MB.\n")
    print("| query | seconds | read, MB | MB/s | own, MB |\n|---|---|---|---|---|")
    before, start = 0, running.start
    for number, query in enumerate(QUERIES * 2):
        running.process.stdin.write(query + "\n")
        running.process.stdin.flush()
        answer = json.loads(running.process.stdout.readline())
        seconds, read = time.perf_counter() - start, running.read()
        assert len(answer.get("results", answer.get("hits", [1]))) > 0
        print(f"| {number + 1}{', opening it' if not number else ''} | {seconds:.2f} | {(read - before) / 1e6:,.0f} | "
              f"{(read - before) / 1e6 / seconds:,.0f} | {running.own / 1e6:.0f} |", flush=True)
        before, start = read, time.perf_counter()
    running.process.stdin.close()
    running.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--parts", type=int, default=8, help="millions of rows (default: 8)")
    parser.add_argument("--memory", type=int, default=1600, help="MiB (default: 1600)")
    options = parser.parse_args()
    index, group = options.folder / "large.dip", Group(options.memory << 20)
    print(f"{options.parts} million rows of {WIDTH} in i8, {options.memory} MiB.\n")
    import_parts(options, group, index)
    files = {path.name: path.stat().st_size for path in index.iterdir()}
    print("\n" + ", ".join(f"{name} {size / 1e6:,.0f} MB" for name, size in sorted(files.items()) if size > 1e6) + "; "
          f"the drive reads {drive_speed(index / 'coarse.i8') / 1e6:,.0f} MB/s.")
    search(options, group, index, options.parts * PART)
    group.close()


if __name__ == "__main__":
    main()
