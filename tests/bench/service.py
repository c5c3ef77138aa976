#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The service under load, beside infinity, both from one checkpoint, asked by the same client in turns.

    python tests/bench/service.py BUILD --infinity VENV/bin/infinity_emb [--rounds 3] >> tests/bench/RESULTS.md

BUILD is a folder with `diptych` and tests/bench/bench_service. infinity is installed apart, as it needs older
libraries than the rest; of transformers 5 its CLIP never answers while /health says 200, and optimum must be absent:

    python -m venv VENV && VENV/bin/pip install 'infinity-emb[server]==0.0.78' torch==2.15.0 'transformers==4.57.*' \\
        'sentence-transformers==5.1.*' pillow==13.0.0 timm aiohttp \\
        && VENV/bin/pip uninstall -y optimum

The checkpoint has B/32's shape and made-up weights, texts have 12 tokens, pictures are JPEGs of 640x480. Every round
asks every service once; the tables have the medians. Needs numpy, pillow, safetensors, torch and transformers.
"""
import argparse
import atexit
import base64
import io
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request

import numpy as np
from PIL import Image

import models

CLIENTS, TEXTS, PICTURES, WORDS = 64, 256, 64, 10
MILLION, WIDTH = 1_000_000, 512


# ---- what is asked ---------------------------------------------------------------------------------------

def texts():
    """Of ten words that are a token each."""
    vocabulary = json.loads((models.GOLDEN / "tokenizer_small" / "vocab.json").read_text())
    words = [word[:-4] for word in vocabulary if re.fullmatch(r"[a-z]{2,}</w>", word)]
    random = np.random.default_rng(models.SEED)
    return [" ".join(random.choice(words, WORDS)) for _ in range(TEXTS)]


def pictures():
    random = np.random.default_rng(models.SEED)
    for _ in range(PICTURES):
        coarse = Image.fromarray(random.integers(0, 256, (12, 16, 3), np.uint8)).resize((640, 480), Image.BICUBIC)
        noisy = np.clip(np.asarray(coarse) + random.normal(0, 6, (480, 640, 3)), 0, 255).astype(np.uint8)
        file = io.BytesIO()
        Image.fromarray(noisy).save(file, "JPEG", quality=85)
        yield file.getvalue()


def write_bodies(folder, model):
    """Files of requests for one service, by the kind of what they ask."""
    folder.mkdir(parents=True, exist_ok=True)
    uris = ["data:image/jpeg;base64," + base64.b64encode(picture).decode() for picture in pictures()]
    bodies = {"text": [{"input": text} for text in texts()],
              "picture": [{"input": uri, "modality": "image"} for uri in uris]}
    files = {}
    for kind, requests in bodies.items():
        files[kind] = [folder / f"{kind}{i}.json" for i in range(len(requests))]
        for file, request in zip(files[kind], requests):
            file.write_text(json.dumps({"model": model, **request}))
    return files


# ---- services --------------------------------------------------------------------------------------------

def ask(url, body=None):
    request = urllib.request.Request(url, body and json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return answer.read()


def bench_service(port, clients, seconds, path, bodies):
    line = subprocess.run([args.build / "tests/bench/bench_service", str(port), str(clients), str(seconds), path, *bodies],
                          check=True, capture_output=True, text=True).stdout
    return {name: float(re.search(pattern, line)[1]) for name, pattern in
            {"rate": r"([\d.]+) a second", "median": r"median ([\d.]+)", "p99": r"p99 ([\d.]+)"}.items()}


class Service:
    """A process that serves one model."""

    def __init__(self, name, model, path, port, command, environment=None):
        self.name, self.path, self.port = name, path, port
        began = time.perf_counter()
        self.process = subprocess.Popen(command, env={**os.environ, **(environment or {})},
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        atexit.register(self.stop)
        self.wait("/ready" if "diptych" in name else "/health")
        self.ready = time.perf_counter() - began
        self.bodies = write_bodies(pathlib.Path(args.cache) / f"bodies-{port}", model)
        self.vectors = {kind: np.array([self.embed(file) for file in files[:16]])
                        for kind, files in self.bodies.items()}
        self.idle = self.anonymous()

    def wait(self, path):
        for _ in range(24000):
            if self.process.poll() is not None:
                sys.exit(f"{self.name} ended")
            try:
                return ask(f"http://127.0.0.1:{self.port}{path}")
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.005)
        sys.exit(f"{self.name} is not ready")

    def embed(self, file):
        answer = json.loads(ask(f"http://127.0.0.1:{self.port}{self.path}", json.loads(file.read_text())))
        vector = np.array(answer["data"][0]["embedding"])
        return vector / np.linalg.norm(vector)

    def anonymous(self):
        """MB of memory that is no file's."""
        rollup = pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return int(re.search(r"^Anonymous: +(\d+)", rollup, re.M)[1]) / 1000

    def load(self, kind, clients, seconds, rate=None):
        return bench_service(self.port, f"{clients}@{rate:.3f}" if rate else clients, seconds, self.path,
                             self.bodies[kind])

    def stop(self):
        atexit.unregister(self.stop)
        self.process.terminate()
        self.process.wait()


def diptych(checkpoint, precision, port, *more):
    return Service(f"diptych {precision}", "vit-b-32", "/v1/embeddings", port,
                   [args.build / "diptych", "serve", "--model", checkpoint, "--precision", precision,
                    "--listen", f"127.0.0.1:{port}", *more])


def infinity(checkpoint, dtype, port):
    return Service(f"infinity {dtype}", "vit-b-32", "/embeddings", port,
                   [args.infinity, "v2", "--model-id", checkpoint, "--served-model-name", "vit-b-32", "--engine", "torch",
                    "--device", "cpu", "--dtype", dtype, "--port", str(port), "--host", "127.0.0.1",
                    "--no-bettertransformer"], {"DO_NOT_TRACK": "1", "HF_HUB_OFFLINE": "1"})


def checkpoint_for_both(cache):
    """models.py's, with the files that only transformers asks for."""
    folder = models.checkpoint(cache, "vit-b-32")
    (folder / "preprocessor_config.json").write_text(json.dumps({
        "image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 224},
        "crop_size": {"height": 224, "width": 224}, "resample": 3,
        "do_resize": True, "do_center_crop": True, "do_normalize": True, "do_rescale": True, "do_convert_rgb": True,
        "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711]}))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "CLIPTokenizer"}))
    return folder


# ---- measuring -------------------------------------------------------------------------------------------

def row(*cells):
    print("| " + " | ".join(f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in cells) + " |", flush=True)


def header(*cells):
    print()
    row(*cells)
    row(*["---"] * len(cells))


def median(runs, key):
    return statistics.median(run[key] for run in runs)


def in_process(checkpoint, precision):
    """Pictures a second of the encoder alone, already decoded, in batches as large as the service's."""
    out = subprocess.run([args.build / "diptych", "bench", "encode", "--model", checkpoint, "--batch", "32",
                          "--precision", precision, "--format", "json"], check=True, capture_output=True, text=True)
    return json.loads(out.stdout)["pictures"]["per_second"]


def load_table(services, checkpoint):
    """Every kind of work, by many clients and by one, and the encoder alone in between. The runs of each."""
    work = [(kind, clients) for kind in ("text", "picture") for clients in (CLIENTS, 1)]
    runs = {(service.name, *w): [] for service in services for w in work}
    alone = {precision: [] for precision in args.precisions}
    for _ in range(args.rounds):
        for kind, clients in work:
            for service in services:
                runs[service.name, kind, clients].append(service.load(kind, clients, args.seconds))
        for precision in args.precisions:
            alone[precision].append(in_process(checkpoint, precision))
    header("service", "asked for", "clients", "a second", "median ms", "p99 ms")
    for (name, kind, clients), results in runs.items():
        row(name, kind, clients, *(median(results, key) for key in ("rate", "median", "p99")))
    header("precision", "pictures a second, the encoder alone", "the service with 64 clients", "share")
    for precision, rates in alone.items():
        served, encoded = median(runs[f"diptych {precision}", "picture", CLIENTS], "rate"), statistics.median(rates)
        row(precision, encoded, served, f"{served / encoded:.0%}")
    return runs


def half_load_table(services, runs):
    header("service", "asked for", "a second, half of what it can", "p99 ms", "one client's median ms", "ratio")
    for service in services:
        for kind in ("text", "picture"):
            rate = median(runs[service.name, kind, CLIENTS], "rate") / 2
            p99 = median([service.load(kind, CLIENTS, args.seconds, rate) for _ in range(args.rounds)], "p99")
            alone = median(runs[service.name, kind, 1], "median")
            row(service.name, kind, rate, p99, alone, p99 / alone)


def state_table(services):
    first = services[0]
    header("service", "ready after s", "anonymous MB, idle", "after load", f"least cosine to {first.name}: texts",
           "pictures")
    for service in services:
        cosines = [float((service.vectors[kind] * first.vectors[kind]).sum(axis=1).min()) for kind in first.vectors]
        row(service.name, service.ready, service.idle, service.anonymous(), *(f"{cosine:.6f}" for cosine in cosines))


# ---- a million rows --------------------------------------------------------------------------------------

def write_million(checkpoint, folder):
    """Random vectors as a raw file, which bench_scan reads, and in an index."""
    folder.mkdir()
    random = np.random.default_rng(models.SEED)
    with open(folder / "vectors", "wb") as raw, open(folder / "queries", "wb") as queries:
        for _ in range(0, MILLION, 50_000):
            rows = random.standard_normal((50_000, WIDTH), np.float32)
            (rows / np.linalg.norm(rows, axis=1, keepdims=True)).tofile(raw)
        rows[:1].tofile(queries)
    matrix = folder / "vectors.npy"
    np.save(matrix, np.memmap(folder / "vectors", np.float32, "r", shape=(MILLION, WIDTH)))
    subprocess.run([args.build / "diptych", "index", "import", folder / "rows.dip", matrix, "--storage",
                    "f32", "--model", checkpoint, "-q"], check=True)
    matrix.unlink()


def scan_ms(folder, rounds):
    scan = subprocess.Popen([args.build / "tests/bench/bench_scan", folder / "vectors", folder / "queries", str(WIDTH),
                             folder / "codes"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    seconds = []
    for _ in range(rounds + 1):
        scan.stdin.write("1 20\n")
        scan.stdin.flush()
        seconds.append(json.loads(scan.stdout.readline())["seconds"])
    scan.stdin.close()
    scan.wait()
    return 1e3 * statistics.median(seconds[1:])


def million_table(checkpoint):
    """A text looked for among a million rows, beside what it is made of."""
    folder = models.made_once(pathlib.Path(args.cache) / "million", lambda half: write_million(checkpoint, half))
    header("precision", "ready after s", "text to vector ms", "scan ms", "search by text ms", "beyond both ms")
    for precision in args.precisions:
        service = diptych(checkpoint, precision, 7301, "--index", folder / "rows.dip")
        query = folder / "query.json"
        query.write_text(json.dumps({"text": texts()[0], "top": 20}))
        encode, scan, search = [], [], []
        for _ in range(args.rounds):
            encode.append(service.load("text", 1, args.seconds)["median"])
            scan.append(scan_ms(folder, 5))
            search.append(bench_service(service.port, 1, args.seconds, "/v1/search", [query])["median"])
        service.stop()
        encode, scan, search = map(statistics.median, (encode, scan, search))
        row(precision, service.ready, encode, scan, search, search - scan - encode)


def main():
    folder = pathlib.Path(args.cache)
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = checkpoint_for_both(folder)
    print(f"\n## The service under load ({time.strftime('%Y-%m-%d')}, {cpu()}, {os.cpu_count()} cores)")
    if not args.only_million:
        services = [diptych(checkpoint, precision, 7101 + i) for i, precision in enumerate(args.precisions)]
        if args.infinity:
            services += [infinity(checkpoint, dtype, 7201 + i) for i, dtype in enumerate(args.dtypes)]
        runs = load_table(services, checkpoint)
        half_load_table(services, runs)
        state_table(services)
        for service in services:
            service.stop()
    million_table(checkpoint)


def cpu():
    return re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())[1] \
        if platform.system() == "Linux" else platform.processor()


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("build", type=pathlib.Path)
parser.add_argument("--infinity")
parser.add_argument("--cache", default="/tmp/diptych-bench")
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--seconds", type=int, default=10)
parser.add_argument("--precisions", nargs="+", default=["f32", "auto"])
parser.add_argument("--only-million", action="store_true", help="no load, only the search among a million rows")
parser.add_argument("--dtypes", nargs="+", default=["float32", "auto"])
args = parser.parse_args()
main()
