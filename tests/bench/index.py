# SPDX-License-Identifier: Apache-2.0
"""Exact search side by side: faiss-cpu IndexFlatIP, usearch's exact search, and ours.

    python tests/bench/index.py BUILD/tests/bench/bench_scan [--shape cone] [--counts 10000 1000000] >> tests/bench/RESULTS.md

The programs take turns on the same random unit vectors, float32, with all cores each: every round times each of them
once, and the table has the medians. Vectors have all directions alike, or with --shape cone lie as CLIP's do: each
modality around a direction of its own, more spread in some directions than in others, in clusters, and with two channels
much larger than the rest; rows are of the one modality and queries of the other. Recall is measured against numpy in float64. A million vectors of 512 take 2 GB on
disk and 5 GB of memory; counts that leave the peers too little memory run ours alone. Needs numpy, faiss-cpu and usearch.
"""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time

import faiss
import numpy as np
import usearch
from usearch.index import MetricKind, search

QUERIES = 100
CELLS = [(queries, k) for queries in (1, 100) for k in (10, 100, 1000)]
CHUNK = 50_000


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


class Cone:
    """Vectors as CLIP's: all of a modality share a direction, spread falls as 1/sqrt(i), and come in clusters."""

    CLUSTERS = 2000

    def __init__(self, width, modality):
        random = np.random.default_rng(7)
        self.spread = (np.arange(1, width + 1) ** -0.5).astype(np.float32)
        self.turn = np.linalg.qr(random.standard_normal((width, width)))[0].astype(np.float32)
        self.centres = 0.8 * self.spread * random.standard_normal((self.CLUSTERS, width)).astype(np.float32)
        self.common = unit(random.standard_normal((2, width)).astype(np.float32))[modality]
        self.common[133 % width] += -0.54 if modality else 1.8
        self.common[92 % width] += 0.5

    def make(self, random, count):
        rows = self.centres[random.integers(0, self.CLUSTERS, count)]
        rows = rows + 0.6 * self.spread * random.standard_normal(rows.shape, dtype=np.float32)
        return unit(unit(rows @ self.turn) + self.common)


class Isotropic:
    def __init__(self, width, modality):
        self.width = width

    def make(self, random, count):
        return unit(random.standard_normal((count, self.width), dtype=np.float32))


def make_vectors(path, count, width, modality, shape):
    random = np.random.default_rng(modality + 1)
    source = shape(width, modality)
    with open(path, "wb") as file:
        for start in range(0, count, CHUNK):
            source.make(random, min(CHUNK, count - start)).astype(np.float32).tofile(file)
    return np.memmap(path, np.float32, "r", shape=(count, width))


def exact(vectors, queries, k):
    """Rows of the k largest float64 scores of each query."""
    wide = queries.astype(np.float64)
    scores = np.concatenate(
        [wide @ vectors[i : i + CHUNK].astype(np.float64).T for i in range(0, len(vectors), CHUNK)], axis=1
    )
    return [set(np.argpartition(-row, k - 1)[:k].tolist()) for row in scores]


class Faiss:
    name = f"faiss-cpu {faiss.__version__} IndexFlatIP"

    def __init__(self, vectors):
        self.index = faiss.IndexFlatIP(vectors.shape[1])
        for start in range(0, len(vectors), CHUNK):
            self.index.add(np.ascontiguousarray(vectors[start : start + CHUNK]))

    def run(self, queries, k):
        start = time.perf_counter()
        _, rows = self.index.search(queries, k)
        return time.perf_counter() - start, rows.tolist()


class Usearch:
    name = f"usearch {usearch.__version__} exact"

    def __init__(self, vectors):
        self.vectors = vectors

    def run(self, queries, k):
        start = time.perf_counter()
        found = search(self.vectors, queries, k, MetricKind.IP, exact=True)
        seconds = time.perf_counter() - start
        return seconds, np.atleast_2d(found.keys).tolist()


class Ours:
    name = "diptych"

    def __init__(self, program, folder, width):
        files = [os.path.join(folder, name) for name in ("vectors", "queries")]
        self.process = subprocess.Popen(
            [program, *files, str(width), os.path.join(folder, "codes")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, queries, k):
        self.process.stdin.write(f"{len(queries)} {k} 1\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        return answer["seconds"], answer["rows"]

    def close(self):
        self.process.stdin.close()
        if self.process.wait():
            sys.exit("bench_scan failed")


def compare(programs, queries, k, truth, rounds):
    """Median milliseconds and recall of each program."""
    seconds = {program.name: [] for program in programs}
    recalls = {}
    for round_number in range(rounds + 1):  # the first one warms up
        for program in programs:
            taken, rows = program.run(queries, k)
            if round_number:
                seconds[program.name].append(taken)
            recalls[program.name] = sum(len(set(r) & t) for r, t in zip(rows, truth)) / (k * len(queries))
    return {name: (statistics.median(times) * 1e3, recalls[name]) for name, times in seconds.items()}


def bench_count(arguments, count, folder):
    width = arguments.width
    vectors = make_vectors(os.path.join(folder, "vectors"), count, width, 0, arguments.shape)
    queries = np.array(make_vectors(os.path.join(folder, "queries"), QUERIES, width, 1, arguments.shape))
    ours = Ours(arguments.program, folder, width)
    # Peers hold all vectors in memory; ours reads their codes, a quarter of that, from the file cache.
    alone = vectors.nbytes > 0.4 * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    programs = [ours] if alone else [Faiss(vectors), Usearch(vectors), ours]
    for query_count, k in CELLS:
        truth = exact(vectors, queries[:query_count], k)
        rounds = arguments.rounds if query_count == 1 else max(1, arguments.rounds // 3)
        results = compare(programs, queries[:query_count], k, truth, rounds)
        cells = " | ".join(f"{ms:.1f} ({recall:.4f})" for ms, recall in results.values())
        if alone:
            cells, speedup = f"too large | too large | {cells}", ""
        else:
            others = min(ms for name, (ms, _) in results.items() if name != Ours.name)
            speedup = f"{others / results[Ours.name][0]:.1f}"
        print(f"| {count:,} | {query_count} | {k} | {cells} | {speedup} |", flush=True)
    ours.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="bench_scan of a build")
    parser.add_argument("--counts", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--shape", choices=["isotropic", "cone"], default="isotropic", help="of the vectors")
    parser.add_argument("--rounds", type=int, default=9, help="a third as many for 100 queries")
    parser.add_argument("--scratch", help="folder for the vectors")
    arguments = parser.parse_args()
    print(f"\n### Exact search, float32, width {arguments.width}, {arguments.shape}\n")
    arguments.shape = {"isotropic": Isotropic, "cone": Cone}[arguments.shape]
    print(f"Milliseconds (recall), medians of {arguments.rounds} rounds in turn; {os.cpu_count()} cores, "
          f"{platform.machine()}, numpy {np.__version__}. Speedup: over the faster of the other two.\n")
    print(f"| rows | queries | k | {Faiss.name} | {Usearch.name} | {Ours.name} | speedup |")
    print("|---|---|---|---|---|---|---|")
    for count in arguments.counts:
        with tempfile.TemporaryDirectory(dir=arguments.scratch) as folder:
            bench_count(arguments, count, folder)


if __name__ == "__main__":
    main()
