#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`diptych evaluate` beside CLIP_benchmark itself, with the same weights on the same pictures.

    python3 -m venv venv && venv/bin/pip install -r tests/bench/evaluate.txt
    venv/bin/python tests/bench/evaluate.py BUILD >> tests/bench/RESULTS.md

BUILD is a folder with `diptych` and `assets/scenes/scenes`. The weights are the default model's, written as open_clip has
them. The pictures are scenes, a third each PNG, JPEG and WebP, in data sets that CLIP_benchmark's own exporter writes: one
label a picture, several, and captions. `evaluate classify` reads the same archives; `evaluate retrieval` reads none, and gets
the captions as JSON and the pictures as files.

Compared are the metrics of `clip_benchmark eval --no_amp` and of `diptych evaluate -f clip-benchmark`. A difference of more
than 1e-6 fails; CLIP_benchmark's own means are float32. The last column is CLIP_benchmark as it comes, in bfloat16, and does
not count. Captions that two pictures have are left out: Diptych counts what ties with the right one as before it, and
CLIP_benchmark takes either.
"""
import argparse
import collections
import contextlib
import datetime
import importlib.metadata
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import torch
from clip_benchmark.webdataset_builder import convert_dataset, convert_retrieval_dataset, path_to_bytes
from PIL import Image
from safetensors.torch import load_file, save_file

ROOT = pathlib.Path(__file__).parents[2]
DEFAULT = ROOT / "assets/model"
PICTURES, SEED, SHARD = 300, 15, 110
TEMPLATES = ["a photo of a {c}.", "a picture of a {c}.", "a {c}"]
SAVED = [("png", {}), ("jpg", {"quality": 90}), ("webp", {"lossless": True})]
TOLERANCE = 1e-6
PACKAGES = ("clip_benchmark", "open_clip_torch", "webdataset", "torch", "scikit-learn", "numpy", "Pillow")

# Hugging Face's names of a CLIP's tensors, and open_clip's.
TOWERS = {"vision_model.": "visual.", "text_model.": ""}
PARTS = [
    ("encoder.layers.", "transformer.resblocks."), ("final_layer_norm", "ln_final"), ("layer_norm", "ln_"), ("mlp.fc1", "mlp.c_fc"), ("mlp.fc2", "mlp.c_proj"),
    ("self_attn.", "attn."), ("embeddings.class_embedding", "class_embedding"), ("embeddings.patch_embedding", "conv1"),
    ("embeddings.position_embedding.weight", "positional_embedding"), ("embeddings.token_embedding", "token_embedding"),
    ("pre_layrnorm", "ln_pre"), ("post_layernorm", "ln_post"),
]


def open_clip_tensors(tensors):
    named = {"visual.proj": tensors.pop("visual_projection.weight").T, "text_projection": tensors.pop("text_projection.weight").T}
    thirds = collections.defaultdict(dict)
    for name, tensor in tensors.items():
        for ours, theirs in [*TOWERS.items(), *PARTS]:
            name = name.replace(ours, theirs)
        layer, _, part = name.rpartition(".attn.")
        if part[:2] in ("q_", "k_", "v_"):
            thirds[f"{layer}.attn.in_proj_{part.rpartition('.')[2]}"]["qkv".index(part[0])] = tensor
        else:
            named[name] = tensor
    named |= {name: torch.cat([third[i] for i in range(3)]) for name, third in thirds.items()}
    return {name: tensor.float().contiguous() for name, tensor in named.items()}


def write_model(folder):
    folder.mkdir()
    config = json.loads((DEFAULT / "config.json").read_text())
    pictures = json.loads((DEFAULT / "preprocessor_config.json").read_text())
    vision, text = config["vision_config"], config["text_config"]
    model = {
        "embed_dim": config["projection_dim"], "quick_gelu": True,
        "vision_cfg": {"image_size": vision["image_size"], "patch_size": vision["patch_size"], "width": vision["hidden_size"],
                       "layers": vision["num_hidden_layers"], "head_width": vision["hidden_size"] // vision["num_attention_heads"]},
        "text_cfg": {"context_length": text["max_position_embeddings"], "vocab_size": text["vocab_size"],
                     "width": text["hidden_size"], "heads": text["num_attention_heads"], "layers": text["num_hidden_layers"],
                     "hf_tokenizer_name": "in this folder"},
    }
    prepare = {"mean": pictures["image_mean"], "std": pictures["image_std"], "interpolation": "bicubic", "resize_mode": "shortest"}
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": model, "preprocess_cfg": prepare}))
    save_file(open_clip_tensors(load_file(DEFAULT / "model.safetensors")), folder / "open_clip_model.safetensors")
    for name in ("vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json"):
        (folder / name).write_bytes((DEFAULT / name).read_bytes())


def draw(scenes, folder):
    """[(path, what scenes.jsonl says)]"""
    subprocess.run([scenes, "--count", str(PICTURES), "--seed", str(SEED), "--size", "320x240", "--out", folder], check=True)
    drawn = []
    for i, line in enumerate((folder / "scenes.jsonl").read_text().splitlines()):
        scene = json.loads(line)
        png = folder / scene["path"]
        ending, options = SAVED[i % len(SAVED)]
        path = png.with_suffix("." + ending)
        if path != png:
            Image.open(png).save(path, **options)
            png.unlink()
        drawn.append((str(path), scene))
    return drawn


class Labelled(list):
    templates = TEMPLATES

    def __init__(self, items, classes):
        super().__init__(items)
        self.classes = classes


def one_label(drawn):
    """Fill and shape of the first object, of one to five."""
    names = [f"{scene['objects'][0]['fill']} {scene['objects'][0]['shape']}" for _, scene in drawn]
    classes = sorted(set(names))
    return Labelled([(path, classes.index(name)) for (path, _), name in zip(drawn, names)], classes)


def several_labels(drawn):
    """The shapes and colours of all objects."""
    shown = [{thing[key] for thing in scene["objects"] for key in ("shape", "colour")} for _, scene in drawn]
    classes = sorted(set().union(*shown))
    vectors = [torch.tensor([int(name in labels) for name in classes]) for labels in shown]
    return Labelled([(path, vector) for (path, _), vector in zip(drawn, vectors)], classes)


def captioned(drawn):
    said = [list(dict.fromkeys([scene["caption"], *(wording["text"] for wording in scene["wordings"])])) for _, scene in drawn]
    times = collections.Counter(caption for captions in said for caption in captions)
    items = [(path, [caption for caption in captions if times[caption] == 1]) for (path, _), captions in zip(drawn, said)]
    return [(path, captions) for path, captions in items if captions]


def clip_benchmark(folder, name, task, *options):
    output = folder / "clip_benchmark.json"
    command = [sys.executable, "-m", "clip_benchmark.cli", "eval", "--dataset", f"wds/{name}", "--dataset_root", folder / name,
               "--task", task, "--model", f"local-dir:{folder / 'model'}", "--pretrained", "none", "--quiet", "--output", output,
               "--recall_k", "1", "5", "10", "--num_workers", "1", *options]  # with more workers than archives it fails
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(output.read_text())["metrics"]


def diptych(build, folder, *arguments):
    command = [build / "diptych", "evaluate", *arguments, "--model", folder / "model", "-f", "clip-benchmark", "-q"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)["metrics"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    build = parser.parse_args().build.resolve()
    scenes = build / "assets/scenes/scenes"
    os.environ["OMP_NUM_THREADS"] = "1"
    rows, wrong = [], []
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        write_model(folder / "model")
        drawn = draw(scenes, folder / "pictures")
        one, several, captions = one_label(drawn), several_labels(drawn), captioned(drawn)
        options = {"transform": path_to_bytes, "max_count": SHARD, "verbose": False}
        with contextlib.redirect_stdout(sys.stderr):  # what the exporter says
            convert_dataset(one, "test", str(folder / "one"), **options)
            convert_dataset(several, "test", str(folder / "several"), multilabel=True, **options)
            convert_retrieval_dataset(captions, "test", str(folder / "captions"), **options)
        (folder / "captions.json").write_text(json.dumps({pathlib.Path(path).name: texts for path, texts in captions}))
        suites = [
            (f"one of {len(one.classes)} labels", "one", "zeroshot_classification", ("classify", folder / "one")),
            (f"several of {len(several.classes)} labels", "several", "zeroshot_classification", ("classify", folder / "several")),
            (f"{sum(len(texts) for _, texts in captions)} captions", "captions", "zeroshot_retrieval",
             ("retrieval", "--captions", folder / "captions.json", "--images", folder / "pictures")),
        ]
        for title, name, task, arguments in suites:
            theirs = clip_benchmark(folder, name, task, "--no_amp")
            halved = clip_benchmark(folder, name, task)
            ours = diptych(build, folder, *arguments)
            for metric in theirs:
                rows.append((title, metric, ours[metric], theirs[metric], halved[metric]))
                if abs(ours[metric] - theirs[metric]) > TOLERANCE:
                    wrong.append(metric)
    print(f"\n## evaluate beside CLIP_benchmark: evaluate.py, {datetime.date.today()}\n")
    print(f"{PICTURES} pictures. " + ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES) + ".\n")
    print("| data set | metric | Diptych | CLIP_benchmark --no_amp | difference | without --no_amp |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for title, metric, ours, theirs, halved in rows:
        print(f"| {title} | {metric} | {ours:.7f} | {theirs:.7f} | {abs(ours - theirs):.0e} | {halved:.7f} |")
    if wrong:
        sys.exit(f"not equal: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
