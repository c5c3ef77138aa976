# SPDX-License-Identifier: Apache-2.0
"""Pictures in archives beside the same pictures as loose files.

    python tests/bench/shards.py BUILD/diptych --pictures FOLDER [--model DIR] [--count 2000] [--rounds 5] >> tests/bench/RESULTS.md

Pictures of 256 pixels, as img2dataset resizes them, are cut out of those of a folder, none like another, with a caption and a JSON
each. They lie in a folder (img2dataset's layout "files") and in archives of it, and take turns in every round: an index is
built of each, and embeddings are written of each. What counts is processor time of all threads, so that other work
on the machine disturbs less; the table has the medians, and the speed in percent of that of the loose files. Needs Pillow.
"""
import argparse
import io
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import zipfile

from PIL import Image

EDGE = 256
KINDS = ["tar", "stored.zip", "zip", "tar.gz"]


def cut(picture, rng):
    """A square of the picture, as a JPEG."""
    size = rng.randint(min(picture.size) // 3, min(picture.size))
    left, top = (rng.randint(0, edge - size) for edge in picture.size)
    out = io.BytesIO()
    picture.crop((left, top, left + size, top + size)).resize((EDGE, EDGE)).save(out, "JPEG", quality=95)
    return out.getvalue()


def members(pictures, count):
    rng = random.Random(1)
    for i in range(count):
        key = f"{i:09}"
        about = {"caption": f"picture {i}", "key": key, "status": "success", "width": EDGE, "height": EDGE, "exif": "{}"}
        yield f"{key}.jpg", cut(pictures[i % len(pictures)], rng)
        yield f"{key}.txt", about["caption"].encode()
        yield f"{key}.json", json.dumps(about).encode()


def write_all(folder, entries):
    (folder / "loose").mkdir()
    for name, data in entries:
        (folder / "loose" / name).write_bytes(data)
    for kind in KINDS:
        path = folder / f"s.{kind}"
        if kind.endswith("zip"):
            how = zipfile.ZIP_STORED if kind == "stored.zip" else zipfile.ZIP_DEFLATED
            with zipfile.ZipFile(path, "w", how) as archive:
                for name, data in entries:
                    archive.writestr(name, data)
            continue
        with tarfile.open(path, "w:gz" if kind == "tar.gz" else "w") as archive:
            for name, data in entries:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))


def processor_seconds(command):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(map(str, command))}: {status}")
    return usage.ru_utime + usage.ru_stime


def measure(diptych, folder, rounds, options):
    """{(what, source): [seconds]}"""
    sources = {"loose files": folder / "loose"} | {kind: folder / f"s.{kind}" for kind in KINDS}
    times = {}
    for _ in range(rounds):
        for name, source in sources.items():
            index, out = folder / "x.dip", folder / "x.npy"
            build = [diptych, "index", "build", index, source, "-q", *options]
            embed = [diptych, "embed", source, "-o", out, "-q", *options]
            times.setdefault(("index build", name), []).append(processor_seconds(build))
            update = [diptych, "index", "update", index, "-q", *options]
            times.setdefault(("index update, nothing new", name), []).append(processor_seconds(update))
            times.setdefault(("embed", name), []).append(processor_seconds(embed))
            shutil.rmtree(index)
            out.unlink()
            out.with_suffix(".jsonl").unlink()
    return times


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("diptych")
    parser.add_argument("--pictures", required=True)
    parser.add_argument("--model")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    paths = sorted(p for p in pathlib.Path(args.pictures).iterdir() if p.suffix in (".jpg", ".jpeg", ".png"))
    pictures = [Image.open(path).convert("RGB") for path in paths]
    options = ["--model", args.model] if args.model else []
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        write_all(folder, list(members(pictures, args.count)))
        times = measure(args.diptych, folder, args.rounds, options)
    print(f"\n## Archives beside loose files, {args.count} pictures\n")
    print("| what | of | processor s | speed of loose files' |\n| --- | --- | --- | --- |")
    for (what, name), seconds in times.items():
        median = statistics.median(seconds)
        print(f"| {what} | {name} | {median:.2f} | {statistics.median(times[what, 'loose files']) / median:.1%} |")


if __name__ == "__main__":
    main()
