# SPDX-License-Identifier: Apache-2.0
"""Exact search side by side: faiss-cpu IndexFlatIP, usearch's exact search, and ours.

    python tests/bench/index.py BUILD/tests/bench/bench_scan [--counts 10000 100000 1000000] >> tests/bench/RESULTS.md

The programs take turns on the same random unit vectors, float32, with all cores each: every round times each of them
once, and the table has the medians. Recall is measured against numpy in float64. A million vectors of 512 take 2 GB on
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
SHAPES = [(1, 10), (1, 1000), (100, 10), (100, 1000)]  # queries, k
CHUNK = 50_000


def make_vectors(path, count, width, seed):
    random = np.random.default_rng(seed)
    with open(path, "wb") as file:
        for start in range(0, count, CHUNK):
            rows = random.standard_normal((min(CHUNK, count - start), width), dtype=np.float32)
            rows /= np.linalg.norm(rows, axis=1, keepdims=True)
            rows.tofile(file)
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
        self.process.stdin.write(f"{len(queries)} {k}\n")
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
    vectors = make_vectors(os.path.join(folder, "vectors"), count, width, 1)
    queries = np.array(make_vectors(os.path.join(folder, "queries"), QUERIES, width, 2))
    ours = Ours(arguments.program, folder, width)
    # Peers hold all vectors in memory; ours reads their codes, a quarter of that, from the file cache.
    alone = vectors.nbytes > 0.4 * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    programs = [ours] if alone else [Faiss(vectors), Usearch(vectors), ours]
    for query_count, k in SHAPES[:2] if alone else SHAPES:
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
    parser.add_argument("--rounds", type=int, default=9, help="a third as many for 100 queries")
    parser.add_argument("--scratch", help="folder for the vectors")
    arguments = parser.parse_args()
    print(f"\n### Exact search, float32, width {arguments.width}\n")
    print(f"Milliseconds (recall), medians of {arguments.rounds} rounds in turn; {os.cpu_count()} cores, "
          f"{platform.machine()}, numpy {np.__version__}. Speedup: over the faster of the other two.\n")
    print(f"| rows | queries | k | {Faiss.name} | {Usearch.name} | {Ours.name} | speedup |")
    print("|---|---|---|---|---|---|---|")
    for count in arguments.counts:
        with tempfile.TemporaryDirectory(dir=arguments.scratch) as folder:
            bench_count(arguments, count, folder)


if __name__ == "__main__":
    main()
