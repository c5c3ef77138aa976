#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Python package beside open_clip: the same weights (ViT-B/32, made up) and the same pictures, from their paths.

    sh python/wheel.sh build wheels
    python3 -m venv venv && venv/bin/pip install wheels/diptych-*.whl open_clip_torch==3.3.0 torch==2.15.0
    venv/bin/python tests/bench/python.py [FOLDER]         # where checkpoint and pictures are kept for the next time

prints tables in Markdown. Each contestant is a process of its own that imports, opens the model, encodes some pictures
to warm up, and then all, as a program that has a list of paths would: open_clip by its README's loop, a batch of 32 at
a time, and with a DataLoader of as many workers as there are CPUs. Rounds are in turns. CPU is of all threads and
processes, in which waiting for others does not count. Memory is the largest resident size, of a DataLoader's workers,
too. `cosine` is the smallest to open_clip's in float32. Import times are of the CPU, medians over fresh processes.
"""

import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import threading
import time

import numpy as np

TOKENIZER = pathlib.Path(__file__).parents[1] / "golden" / "tokenizer_small"
PICTURES, BATCH, CPUS = 128, 32, len(os.sched_getaffinity(0))
CONTESTANTS = ("open_clip f32", "open_clip f32, workers", "open_clip bf16, workers", "diptych f32", "diptych auto")


# ---- what is encoded


def write_pictures(folder):
    """As large and as detailed as photographs of COCO: 640 x 480, about 100 kB."""
    from PIL import Image

    generator = np.random.default_rng(1)
    for i in range(PICTURES):
        coarse = Image.fromarray(generator.integers(0, 256, (12, 16, 3), np.uint8)).resize((640, 480), Image.BICUBIC)
        noise = generator.normal(0, 12, (480, 640, 3))
        pixels = np.clip(np.asarray(coarse) + noise, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{i:03}.jpg", quality=85)


def write_model(folder):
    import open_clip
    import safetensors.torch
    import torch

    torch.manual_seed(1)
    model = open_clip.create_model("ViT-B-32")
    safetensors.torch.save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    config = {"model_cfg": open_clip.get_model_config("ViT-B-32"), "preprocess_cfg": model.visual.preprocess_cfg}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    for file in TOKENIZER.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())


def made(folder, write):
    if not folder.is_dir():
        part = folder.with_suffix(".part")
        part.mkdir(parents=True, exist_ok=True)
        write(part)
        part.rename(folder)
    return folder


# ---- contestants: functions of paths that return embeddings (N, E)


def diptych_encoder(model, precision):
    import diptych

    opened = diptych.Model(model, precision=precision)
    return opened.encode_images


def open_clip_encoder(model, bf16, workers):
    import open_clip
    import torch
    from PIL import Image

    torch.set_num_threads(CPUS)
    net, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{model}")
    net.eval()

    class Files(torch.utils.data.Dataset):
        def __init__(self, paths):
            self.paths = paths

        def __len__(self):
            return len(self.paths)

        def __getitem__(self, i):
            return preprocess(Image.open(self.paths[i]))

    def batches(paths):
        if workers:
            return torch.utils.data.DataLoader(Files(paths), batch_size=BATCH, num_workers=CPUS)
        return (
            torch.stack([preprocess(Image.open(path)) for path in paths[i : i + BATCH]])
            for i in range(0, len(paths), BATCH)
        )

    def encode(paths):
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            rows = [net.encode_image(batch, normalize=True).float() for batch in batches(paths)]
        return torch.cat(rows).numpy()

    return encode


def work(name, folder):
    """One contestant: says what it has measured, for each line that it is sent."""
    paths = [str(path) for path in sorted((folder / "pictures").iterdir())]
    started = time.perf_counter()
    if name.startswith("diptych"):
        encode = diptych_encoder(folder / "model", None if "auto" in name else "f32")
    else:
        encode = open_clip_encoder(folder / "model", "bf16" in name, "workers" in name)
    opened = time.perf_counter() - started
    encode(paths[: 2 * BATCH])
    for line in sys.stdin:
        count = int(line)  # of threads
        rows, started, used = [None] * count, time.perf_counter(), cpu_seconds()

        def part(i):
            rows[i] = encode(paths[i::count])

        threads = [threading.Thread(target=part, args=(i,)) for i in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        speed = len(paths) / (time.perf_counter() - started)
        cpu = 1e3 * (cpu_seconds() - used) / len(paths)
        memory = (
            sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
        )
        if count == 1:
            np.save(folder / f"{name}.npy", rows[0])
        print(json.dumps({"speed": speed, "cpu": cpu, "memory": memory, "opened": opened}), flush=True)


def cpu_seconds():
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


class Worker:
    def __init__(self, name, folder):
        command = [sys.executable, __file__, str(folder), "--work", name]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, threads):
        print(threads, file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())


# ---- tables


def import_ms(module, rounds):
    code = f"import time; t = time.process_time(); import {module}; print(1e3 * (time.process_time() - t))"
    times = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
        for _ in range(rounds)
    ]
    return statistics.median(times[1:])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?", type=pathlib.Path, default=pathlib.Path("bench-python"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work")
    options = parser.parse_args()
    if options.work:
        return work(options.work, options.folder)
    made(options.folder / "model", write_model)
    made(options.folder / "pictures", write_pictures)

    workers = {name: Worker(name, options.folder) for name in CONTESTANTS}
    said = {name: [] for name in CONTESTANTS}
    for _ in range(options.rounds):
        for name, worker in workers.items():
            said[name].append(worker.ask(1))
    print("| | pictures/s | CPU, ms a picture | MiB | opening, s | cosine |\n|---|---|---|---|---|---|")
    reference = np.load(options.folder / "open_clip f32.npy")
    for name in CONTESTANTS:
        speed, cpu = (statistics.median(one[what] for one in said[name]) for what in ("speed", "cpu"))
        cosine = (np.load(options.folder / f"{name}.npy") * reference).sum(1).min()
        last = said[name][-1]
        print(f"| {name} | {speed:.1f} | {cpu:.0f} | {last['memory']:.0f} | {last['opened']:.1f} | {cosine:.6f} |")
    one, two = ([workers["diptych auto"].ask(threads)["speed"] for _ in range(options.rounds)] for threads in (1, 2))
    print(
        f"\nTwo threads of Python, half of the pictures each: {statistics.median(two):.1f} pictures/s; "
        f"one: {statistics.median(one):.1f}"
    )
    numpy_ms, own, theirs = (import_ms(module, 8) for module in ("numpy", "diptych", "open_clip"))
    print(f"\n`import diptych` {own:.0f} ms, of which numpy {numpy_ms:.0f}")
    print(f"`import open_clip` {theirs:.0f} ms: {theirs / own:.0f} x")
    for worker in workers.values():
        worker.process.stdin.close()
        worker.process.wait()


if __name__ == "__main__":
    main()
