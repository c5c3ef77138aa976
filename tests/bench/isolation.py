#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `serve --isolate-decoding` costs: whole requests over HTTP, of a service with it and of one without, in turns.

    python tests/bench/isolation.py BUILD [--model DIR ...] [--rounds 3] [--seconds 2] >> tests/bench/RESULTS.md

BUILD is a folder with `diptych`, `diptych-decode` and tests/bench/bench_service; without --model it is the default model that
is asked. Pictures are one photograph-like picture of three sizes; the table has medians. Needs numpy and Pillow.
"""
import argparse
import base64
import io
import itertools
import json
import pathlib
import re
import statistics
import subprocess
import tempfile

import numpy as np
from PIL import Image

SIZES = {"224x224": (224, 224), "640x480": (640, 480), "12 megapixels": (4000, 3000)}
KINDS = {"JPEG": {"quality": 90}, "PNG": {"compress_level": 6}, "WebP": {"quality": 85, "method": 2}}


def picture(size, kind):
    random = np.random.default_rng(1)
    coarse = Image.fromarray(random.integers(0, 256, (12, 16, 3), np.uint8)).resize(size, Image.Resampling.BICUBIC)
    noisy = np.asarray(coarse) + random.normal(0, 7, (size[1], size[0], 3))
    out = io.BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(out, kind, **KINDS[kind])
    return out.getvalue()


def write_bodies(folder):
    files = {}
    for kind, size in itertools.product(KINDS, SIZES):
        uri = f"data:image/{kind.lower()};base64,{base64.b64encode(picture(SIZES[size], kind)).decode()}"
        files[kind, size] = folder / f"{kind}-{size}.json".replace(" ", "-")
        files[kind, size].write_text(json.dumps({"input": uri, "modality": "image"}))
    return files


class Service:
    def __init__(self, *options):
        self.process = subprocess.Popen([args.build / "diptych", "serve", "--listen", "127.0.0.1:0", *options],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if found := re.search(r"listening on http://127\.0\.0\.1:(\d+)", line):
                self.port = found[1]
                return
        raise SystemExit("the service has not started")

    def load(self, clients, body):
        line = subprocess.run([args.build / "tests/bench/bench_service", self.port, str(clients), str(args.seconds),
                               "/v1/embeddings", body], check=True, capture_output=True, text=True).stdout
        return float(re.search(r"([\d.]+) a second", line)[1]), float(re.search(r"median ([\d.]+)", line)[1])

    def stop(self):
        self.process.terminate()
        self.process.wait()


def measure(model, files):
    services = [Service(*model, f"--isolate-decoding={isolated}") for isolated in ("no", "yes")]
    for body in files.values():
        for service in services:
            service.load(4, body)
    for (kind, size), body in files.items():
        for clients in (1, 8):
            runs = [[service.load(clients, body) for service in services[::turn]]
                    for turn in itertools.islice(itertools.cycle((1, -1)), args.rounds)]
            runs = [run[::-1] if i % 2 else run for i, run in enumerate(runs)]
            here, apart = ([statistics.median(run[s][c] for run in runs) for c in (0, 1)] for s in (0, 1))
            ratio = statistics.median(run[0][0] / run[1][0] for run in runs)
            name = pathlib.Path(model[1]).name if model else "the default"
            print(f"| {name} | {kind}, {size} | {clients} | {here[0]:.1f} | {apart[0]:.1f} | {100 * (ratio - 1):+.1f} % | "
                  f"{here[1]:.2f} | {apart[1]:.2f} |", flush=True)
    for service in services:
        service.stop()


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("build", type=pathlib.Path)
parser.add_argument("--model", action="append", default=[])
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--seconds", type=float, default=2)
parser.add_argument("--kinds", nargs="+", default=list(KINDS))
args = parser.parse_args()
print("| model | picture | clients | a second | isolated | time a request | median ms | isolated |\n|---|---|---:|---:|---:|---:|---:|---:|")
with tempfile.TemporaryDirectory() as folder:
    bodies = {key: body for key, body in write_bodies(pathlib.Path(folder)).items() if key[0] in args.kinds}
    for model in [["--model", directory] for directory in args.model] or [[]]:
        measure(model, bodies)
