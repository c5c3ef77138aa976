# SPDX-License-Identifier: Apache-2.0
"""Which published models Diptych runs, and how near it comes to the library that published them.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python coverage.py ../../build [--only REGEX] [--full] [--resume FILE]

builds every architecture that open_clip has weights for, and transformers' models of the same kind, as the libraries'
own configs say but with two blocks a tower, a small vocabulary where the tokenizer's own is out of reach, and random
weights; saves it as it is published; and runs pictures and texts through the library and through `diptych index build`.
One line a model:

    what it is, tags: largest difference of embeddings of length 1, of pictures and of texts
    what it is, tags: the line with which diptych refuses it

--full adds the smallest cosine in bf16, the differences with CLBlast, and those between one at a time and all at once.
--resume FILE appends lines to FILE and leaves out the models that it has; those of a whole run are in coverage.txt, of which
coverage_table.sh makes README's table. open_clip's towers by timm and by transformers
are named in their configs, and their names say how deep they are: there the blocks that are in the file count.
"""
import argparse
import collections
import copy
import functools
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np
import open_clip
import safetensors.torch
import timm
import torch
import transformers
from open_clip.pretrained import get_pretrained_cfg, list_pretrained
from PIL import Image

import random_weights
import small_tokenizers

BLOCKS = 2
NEAR, ALIGNED = 1e-5, 0.999
PICTURES = ["assets/pictures/07.png", "assets/pictures/10.jpg"]
TEXTS = ["a photo of a cat", "Two RED hearts; a blue_star!", "naïve Zoë   says “no” 你好",
         "one sentence that goes on and on, " * 12]
ROOT = pathlib.Path(__file__).parents[2]


# ---- weights -----------------------------------------------------------------------------------------------------

def random_values(name, shape):
    """Of realistic spread, with a few channels that stand out, as in trained models."""
    if name.endswith("logit_scale"):
        return np.full(shape, 4.6052, np.float32)
    if name.endswith("logit_bias"):
        return np.full(shape, -10, np.float32)
    if name.endswith("running_var"):
        return 1 + 0.5 * np.abs(random_weights.normal(random_weights.name_key(name), 0, shape[0]))
    key, count = random_weights.name_key(name), int(np.prod(shape))
    values = random_weights.normal(key, 0, count).reshape(shape)
    table = re.search("emb|token|latent|probe|query$|pos", name) and not re.search("proj|patch|conv", name)
    if len(shape) == 1 and name.endswith("weight"):
        values, outlier = 1 + 0.2 * values, 3
    elif table:
        values, outlier = 0.4 * values, 8
    elif len(shape) == 1:
        values, outlier = 0.1 * values, 1
    else:
        values, outlier = values / np.sqrt(np.float32(count // shape[0])), 1
    if outlier != 1:
        channels = np.arange(1, shape[-1] + 1, dtype=np.uint64)
        values[..., random_weights.mix(channels) % np.uint64(128) == 0] *= np.float32(outlier)
    return values


def randomize(model):
    for name, value in model.state_dict().items():
        if value.is_floating_point():
            value.copy_(torch.from_numpy(random_values(name, tuple(value.shape)).astype(np.float32)))
    return model.eval()


# ---- open_clip ---------------------------------------------------------------------------------------------------

# What text models by transformers are called in open_clip's configs, and their sizes as published.
TEXT_MODELS = {
    "roberta-base": transformers.RobertaConfig(
        hidden_size=768, num_attention_heads=12, intermediate_size=3072, max_position_embeddings=514,
        layer_norm_eps=1e-5, type_vocab_size=1),
    "xlm-roberta-base": transformers.XLMRobertaConfig(
        hidden_size=768, num_attention_heads=12, intermediate_size=3072, max_position_embeddings=514,
        layer_norm_eps=1e-5, type_vocab_size=1),
    "xlm-roberta-large": transformers.XLMRobertaConfig(
        hidden_size=1024, num_attention_heads=16, intermediate_size=4096, max_position_embeddings=514,
        layer_norm_eps=1e-5, type_vocab_size=1),
    "facebook/nllb-200-distilled-600M": transformers.M2M100Config(
        d_model=1024, encoder_attention_heads=16, decoder_attention_heads=16, encoder_ffn_dim=4096,
        decoder_ffn_dim=4096, scale_embedding=True, max_position_embeddings=1024),
    "facebook/nllb-200-distilled-1.3B": transformers.M2M100Config(
        d_model=1024, encoder_attention_heads=16, decoder_attention_heads=16, encoder_ffn_dim=8192,
        decoder_ffn_dim=8192, scale_embedding=True, max_position_embeddings=1024),
}

TOKENIZERS = [("SigLIP2", "gemma"), ("SigLIP", "t5"), ("bert-base", "bert"), ("xlm-", "xlm-roberta"), ("nllb", "nllb"),
              ("roberta", "roberta"), ("", "clip")]

CONVOLUTIONS = "convnext|fastvit|vitamin|resnet"


def tokenizer_kind(text):
    name = text.get("hf_tokenizer_name", "")
    return next(kind for mark, kind in TOKENIZERS if mark in name)


def is_convolutional(config):
    vision = config["vision_cfg"]
    return isinstance(vision.get("layers"), list) or re.match(CONVOLUTIONS, vision.get("timm_model_name", ""))


def cut(config, pieces):
    """The same model with fewer blocks, and with as many tokens as there are."""
    config = copy.deepcopy(config)
    for tower in ("vision_cfg", "text_cfg", "multimodal_cfg"):
        if isinstance(config.get(tower, {}).get("layers"), int):
            config[tower]["layers"] = BLOCKS
    text = config["text_cfg"]
    if text.get("hf_tokenizer_name") and "vocab_size" in text:
        text["vocab_size"] = pieces
    return config


def text_model(name, pieces):
    config = copy.deepcopy(TEXT_MODELS[name])
    config.vocab_size = pieces
    for depth in ("num_hidden_layers", "encoder_layers", "decoder_layers"):
        if hasattr(config, depth):
            setattr(config, depth, BLOCKS)
    return config


def build_open_clip(config, pieces):
    """open_clip's own factory would look names up on a hub, and build all blocks of timm's models."""
    config = copy.deepcopy(config)
    create, from_pretrained = timm.create_model, open_clip.hf_model.AutoConfig.from_pretrained
    timm.create_model = functools.partial(create, depth=BLOCKS)
    open_clip.hf_model.AutoConfig.from_pretrained = functools.partial(text_model, pieces=pieces)
    try:
        custom = config.pop("custom_text", False) or "hf_model_name" in config["text_cfg"]
        config["text_cfg"].update(hf_model_pretrained=False)
        kind = (open_clip.CoCa if "multimodal_cfg" in config else open_clip.CustomTextCLIP) if custom else open_clip.CLIP
        model = kind(**config)
    finally:
        timm.create_model, open_clip.hf_model.AutoConfig.from_pretrained = create, from_pretrained
    return randomize(model)


def open_clip_reference(model, preprocess, folder):
    settings = open_clip.transform.PreprocessCfg(size=model.visual.image_size, **preprocess)
    transform = open_clip.transform.image_transform_v2(settings, is_train=False)
    pixels = torch.stack([transform(Image.open(ROOT / path)) for path in PICTURES])
    ids = open_clip.get_tokenizer(f"local-dir:{folder}")(TEXTS)
    return model.encode_image(pixels), model.encode_text(ids)


def publish_open_clip(folder, name, variant):
    """Writes the model's folder; returns what gives the reference's embeddings."""
    preprocess = dict(variant)
    quick_gelu = preprocess.pop("quick_gelu", False)
    published = copy.deepcopy(open_clip.get_model_config(name))
    if quick_gelu:
        published["quick_gelu"] = True
    kind = tokenizer_kind(published["text_cfg"])
    pieces = small_tokenizers.write(kind, folder)
    config = cut(published, pieces)
    (folder / "open_clip_config.json").write_text(
        json.dumps({"model_cfg": config, "preprocess_cfg": preprocess}))
    weights = folder / "open_clip_model.safetensors"
    if is_convolutional(config):  # which nobody runs here: what refuses it is its config
        safetensors.torch.save_file({"visual.placeholder": torch.zeros(1)}, weights)
        return None
    model = build_open_clip(config, pieces)
    safetensors.torch.save_model(model, str(weights))
    return functools.partial(open_clip_reference, model, preprocess, folder)


def open_clip_models():
    """name, tags, what publishes it: one for each way in which tags of an architecture differ."""
    tags = collections.defaultdict(list)
    for name, tag in list_pretrained():
        config = get_pretrained_cfg(name, tag)
        settings = {key: value for key, value in config.items() if key not in ("url", "hf_hub")}
        tags[name, json.dumps(settings, sort_keys=True)].append(tag)
    for (name, settings), some in tags.items():
        yield f"open_clip {name}", some, functools.partial(publish_open_clip, name=name, variant=json.loads(settings))


# ---- transformers ------------------------------------------------------------------------------------------------

PICTURE_SETTINGS = {
    "clip": transformers.CLIPImageProcessorPil, "metaclip_2": transformers.CLIPImageProcessorPil,
    "siglip": transformers.SiglipImageProcessorPil, "siglip2": transformers.Siglip2ImageProcessorPil,
    "chinese_clip": transformers.ChineseCLIPImageProcessorPil, "altclip": transformers.CLIPImageProcessorPil,
}

TRANSFORMERS = {  # model type: kind of tokenizer, whether texts are padded and all of it counts
    "clip": ("clip", False), "metaclip_2": ("xlm-roberta", False), "siglip": ("siglip", True),
    "siglip2": ("gemma", True), "chinese_clip": ("bert", False), "altclip": ("xlm-roberta", False),
}


def transformers_reference(model, processor, tokenizer, padded):
    pictures = processor([Image.open(ROOT / path).convert("RGB") for path in PICTURES], return_tensors="pt")
    length = min(tokenizer.model_max_length, model.config.text_config.max_position_embeddings)
    ids = tokenizer(TEXTS, padding="max_length", max_length=length, truncation=True, return_tensors="pt")
    if padded:
        ids.pop("attention_mask", None)
    image, text = model.get_image_features(**pictures), model.get_text_features(**ids)
    return (getattr(image, "pooler_output", image), getattr(text, "pooler_output", text))


def publish_transformers(folder, kind):
    tokenizer_kind, padded = TRANSFORMERS[kind]
    pieces = small_tokenizers.write(tokenizer_kind, folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(
        folder, **({"tokenizer_type": "clip"} if tokenizer_kind == "clip" else {}))
    if tokenizer.model_max_length > 1000:
        tokenizer.model_max_length = 77
    config = transformers.AutoConfig.for_model(kind)
    for tower in (config.vision_config, config.text_config):
        tower.num_hidden_layers = BLOCKS
    config.text_config.vocab_size = pieces
    if kind == "metaclip_2":
        config.text_config.eos_token_id = tokenizer.eos_token_id
    model = randomize(transformers.AutoModel.from_config(config, attn_implementation="eager"))
    processor = PICTURE_SETTINGS[kind]()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    processor.save_pretrained(folder)
    # Its class may be another with a config beside it: SigLIP 2's lower-cases, Gemma's does not.
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    return functools.partial(transformers_reference, model, processor, tokenizer, padded)


def transformers_models():
    for kind in TRANSFORMERS:
        yield f"transformers {kind}", [], functools.partial(publish_transformers, kind=kind)


# ---- diptych -----------------------------------------------------------------------------------------------------

class Refused(Exception):
    pass


class Failed(Exception):
    pass


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd=ROOT)
    if done.returncode == 2:
        raise Refused(done.stderr.strip().splitlines()[-1].removeprefix("diptych: "))
    if done.returncode:
        raise Failed(f"status {done.returncode}: {done.stderr.strip()[-200:]}")


def embed(program, model, scratch, *options):
    """Both towers' embeddings of length 1, through an index."""
    index, texts = scratch / "index.dip", scratch / "texts.jsonl"
    texts.write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    subprocess.run(["rm", "-rf", index], check=True)
    run(program, "index", "build", "-q", index, *PICTURES, "--texts", texts, "--model", model, "--storage", "f32",
        *options)
    out = []
    for kind in ("image", "text"):
        run(program, "index", "export", "-q", index, scratch / f"{kind}.npy", "--kind", kind)
        out.append(np.load(scratch / f"{kind}.npy").astype(np.float64))
    return out


def difference(some, others):
    return [float(np.abs(a - b).max()) for a, b in zip(some, others)]


def cosine(some, others):
    return min(float((a * b).sum(axis=1).min()) for a, b in zip(some, others))


def unit(x):
    x = x.detach().double().numpy()
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def compare(program, model, reference, scratch, full):
    """What to print, and whether it is good."""
    f32 = embed(program, model, scratch, "--precision", "f32")
    with torch.no_grad():
        wanted = [unit(x) for x in reference()]
    image, text = difference(f32, wanted)
    line, good = f"picture {image:.1e}  text {text:.1e}", max(image, text) <= NEAR
    if full:
        bf16 = cosine(embed(program, model, scratch, "--precision", "bf16"), wanted)
        other = max(difference(embed(program, model, scratch, "--precision", "f32", "--gemm", "clblast"), wanted))
        single = max(difference(embed(program, model, scratch, "--precision", "f32", "--batch", "1"), f32))
        line += f"  bf16 {bf16:.5f}  clblast {other:.1e}  batch {single:.1e}"
        good = good and bf16 >= ALIGNED and max(other, single) <= NEAR
    return line, good


def check(program, publish, full):
    """The line, and "runs", "refused" or "WRONG"."""
    with tempfile.TemporaryDirectory(prefix="coverage") as place:
        scratch, folder = pathlib.Path(place), pathlib.Path(place) / "model"
        folder.mkdir()
        reference = publish(folder)
        try:
            if reference is None:
                embed(program, folder, scratch)
                return "runs though nobody knows what it should give", "WRONG"
            line, good = compare(program, folder, reference, scratch, full)
            return line, "runs" if good else "WRONG"
        except Refused as refusal:
            return str(refusal).replace(str(folder), "MODEL"), "refused"
        except Failed as failure:
            return str(failure).replace("\n", " "), "WRONG"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--resume", type=pathlib.Path)
    options = parser.parse_args()
    program = (options.build / "diptych").resolve()
    known = options.resume.read_text().splitlines() if options.resume and options.resume.exists() else []
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    models, tags = 0, collections.Counter()
    for name, some, publish in [*open_clip_models(), *transformers_models()]:
        if not re.search(options.only, name):
            continue
        label = f"{name} ({', '.join(some)})" if some else name
        line = next((old for old in known if old.startswith(label + ": ")), None)
        if not line:
            result, state = check(program, publish, options.full)
            line = f"{label}: {state}: {result}"
            if options.resume:
                with options.resume.open("a") as out:
                    print(line, file=out)
        print(line, flush=True)
        models += 1
        tags[line.removeprefix(label + ": ").split(":")[0]] += len(some)
    total = sum(tags.values())
    if total:
        print(f"{models} models: {tags['runs']} of {total} tags ({100 * tags['runs'] / total:.1f} %) run,"
              f" {tags['refused']} are refused")
    if tags["WRONG"]:
        sys.exit(1)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
