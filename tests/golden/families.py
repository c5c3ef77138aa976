# SPDX-License-Identifier: Apache-2.0
"""Golden embeddings of families whose towers end or begin in other ways than CLIP's, from open_clip, checked against
float64. Their blocks are blocks.py's.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python families.py

writes what towers.py writes, with open_clip's config. The weights are made up under Hugging Face's names, or where that
has none under those of our parameter tables; ours() says which.
"""
import datetime
import json
import pathlib
import re

import numpy as np
import open_clip
import safetensors.numpy
import timm
import torch

import coverage
import random_weights
from towers import MEAN, SEED, SMALL_VOCAB, STD, difference, picture, unit

# Small ones of open_clip's own; timm's names fix all but the number of blocks.
CLIPA = {"embed_dim": 48,
         "vision_cfg": {"image_size": 40, "patch_size": 8, "layers": 2, "width": 64, "head_width": 16, "no_ln_pre": True,
                        "pool_type": "avg", "final_ln_after_pool": True},
         "text_cfg": {"context_length": 12, "vocab_size": SMALL_VOCAB, "width": 48, "heads": 2, "layers": 2,
                      "pool_type": "last", "no_causal_mask": True, "hf_tokenizer_name": "bert-base-uncased",
                      "tokenizer_kwargs": {"strip_sep_token": True}}}

# As MobileCLIP2-L-14's, which pools the end of a text as CLIP, but without a mask.
UNMASKED = {"embed_dim": 48,
            "vision_cfg": {"image_size": 32, "patch_size": 16, "layers": 2, "width": 32, "head_width": 16},
            "text_cfg": {"context_length": 14, "vocab_size": SMALL_VOCAB, "width": 48, "heads": 2, "layers": 2,
                         "no_causal_mask": True},
            "custom_text": True}

# A CoCa with few queries, whose embedding is wider than its patches' states: the two must not be taken for each other.
COCA = {"embed_dim": 64,
        "vision_cfg": {"image_size": 32, "patch_size": 8, "layers": 2, "width": 48, "head_width": 16,
                       "attentional_pool": True, "attn_pooler_heads": 4, "attn_pooler_queries": 6,
                       "output_tokens": True},
        "text_cfg": {"context_length": 14, "vocab_size": SMALL_VOCAB, "width": 48, "heads": 2, "layers": 2,
                     "embed_cls": True, "output_tokens": True},
        "multimodal_cfg": {"context_length": 14, "vocab_size": SMALL_VOCAB, "width": 48, "heads": 2, "layers": 1,
                           "attn_pooler_heads": 4},
        "custom_text": True}

FAMILIES = [("clipa-small", CLIPA), ("unmasked-small", UNMASKED), ("coca-small", COCA), ("pe-core-t-16", "PE-Core-T-16-384"), ("mobileclip-b", "MobileCLIP-B")]

NAMES = [  # open_clip's or timm's, ours
    (r"visual\.trunk\.head\.", "visual_projection."),
    (r"visual\.(trunk\.cls_token|class_embedding)", "vision_model.embeddings.class_embedding"),
    (r"visual\.(trunk\.pos_embed|positional_embedding)", "vision_model.embeddings.position_embedding.weight"),
    (r"visual\.(trunk\.patch_embed\.proj|conv1)\.", "vision_model.embeddings.patch_embedding."),
    (r"visual\.trunk\.patch_embed\.backbone\.", "vision_model.embeddings.stem."),
    (r"visual\.(trunk\.norm_pre|ln_pre)\.", "vision_model.pre_layrnorm."),
    (r"visual\.(trunk\.norm|ln_post)\.", "vision_model.post_layernorm."),
    (r"visual\.trunk\.attn_pool\.latent", "vision_model.head.probe"),
    (r"visual\.attn_pool\.query", "vision_model.head.probe"),
    (r"visual\.attn_pool\.ln_q\.", "vision_model.head.query_layernorm."),
    (r"visual\.attn_pool\.ln_k\.", "vision_model.head.token_layernorm."),
    (r"visual\.attn_pool\.attn\.", "vision_model.head.attention."),
    (r"visual\.trunk\.attn_pool\.proj\.", "vision_model.head.attention.out_proj."),
    (r"visual\.trunk\.attn_pool\.norm\.", "vision_model.head.layernorm."),
    (r"visual\.trunk\.attn_pool\.mlp\.", "vision_model.head.mlp."),
    (r"visual\.(trunk\.blocks|transformer\.resblocks)\.", "vision_model.encoder.layers."),
    (r"text\.cls_emb", "text_model.embeddings.class_embedding"),
    (r"(text\.)?token_embedding\.", "text_model.embeddings.token_embedding."),
    (r"(text\.)?positional_embedding", "text_model.embeddings.position_embedding.weight"),
    (r"(text\.)?ln_final\.", "text_model.final_layer_norm."),
    (r"(text\.)?transformer\.resblocks\.", "text_model.encoder.layers."),
]
PARTS = [(r"\.(norm|ln_)([12])\.", r".layer_norm\2."), (r"\.attn\.(out_)?proj\.", ".self_attn.out_proj."),
         (r"\.mlp\.c_fc\.", ".mlp.fc1."), (r"\.mlp\.c_proj\.", ".mlp.fc2.")]


def ours(name):
    for theirs, new in NAMES:
        if re.match(theirs, name):
            name = re.sub(f"^{theirs}", new, name)
            break
    for theirs, new in PARTS if ".layers." in name else []:
        name = re.sub(theirs, new, name)
    return name


def made_up(name, shape):
    shape = tuple(shape)
    if name.startswith("text_decoder."):  # of captions: no embedding depends on it
        return torch.zeros(shape)
    if name in ("visual.proj", "text_projection", "text.text_projection"):
        new = "visual_projection.weight" if name == "visual.proj" else "text_projection.weight"
        return made_up(new, shape[::-1]).T
    if found := re.search(r"attn_pool\.(q|kv)\.(weight|bias)$", name):
        rows = shape[0] if found[1] == "q" else shape[0] // 2
        whole = made_up(f"vision_model.head.attention.in_proj_{found[2]}", (3 * rows, *shape[1:]))
        return whole[:rows] if found[1] == "q" else whole[rows:]
    if found := re.search(r"attn_pool\.attn\.([qkv])_proj_weight$", name):  # parts of one, as PyTorch has it
        rows, part = shape[0], "qkv".index(found[1])
        return made_up("vision_model.head.attention.in_proj_weight", (3 * rows, shape[1]))[rows * part:][:rows]
    if name.startswith("visual.attn_pool.attn.in_proj_bias"):
        return made_up("vision_model.head.attention.in_proj_bias", shape)
    if found := re.search(r"(.*\.)attn\.(qkv\.|in_proj_)(weight|bias)$", name):
        part = (shape[0] // 3, *shape[1:])
        return torch.cat([made_up(f"{ours(found[1])}self_attn.{x}_proj.{found[3]}", part) for x in "qkv"])
    lean = shape
    while len(lean) > 1 and lean[0] == 1:  # a class token is (1, 1, W), and counts as (W)
        lean = lean[1:]
    return torch.from_numpy(random_weights.tensor(ours(name), lean, SEED)).reshape(shape)


def texts(config):
    """Four texts: short, longer, long and full, as CLIP's begin and end; without a mask padding is part of them."""
    context, vocab = config["text_cfg"]["context_length"], config["text_cfg"]["vocab_size"]
    lengths = np.array([2, 7, context - 3, context], np.int32)
    ids = np.zeros((4, context), np.int32)
    for row, length in enumerate(lengths):
        words = 1 + (np.arange(length - 2) * 7919 + row * 104729) % (vocab - 3)
        ids[row, :length] = [vocab - 2, *words, vocab - 1]
    if config["text_cfg"].get("embed_cls"):
        ids[2, [3, 4, 8]] = 0  # which the mask takes for padding
    if config["text_cfg"].get("no_causal_mask") or config["text_cfg"].get("embed_cls"):
        lengths[:] = context
    return ids, lengths


def make(folder, config):
    if isinstance(config, str):
        config = coverage.cut(open_clip.get_model_config(config), SMALL_VOCAB)
        config["text_cfg"]["vocab_size"] = SMALL_VOCAB
    model = coverage.build_open_clip(config, SMALL_VOCAB)
    model.load_state_dict({name: made_up(name, value.shape) if value.is_floating_point() else value
                           for name, value in model.state_dict().items()}, strict=True)
    size = model.visual.image_size[0]
    pictures = np.stack([picture(number, size) for number in range(3)])
    pixels = torch.tensor((pictures / 255.0 - MEAN) / STD).permute(0, 3, 1, 2)
    ids, lengths = texts(config)
    long_ids = torch.tensor(ids, dtype=torch.long)

    def embed(dtype):
        with torch.no_grad():
            return unit(model.encode_image(pixels.to(dtype))), unit(model.encode_text(long_ids))

    golden = embed(torch.float32)
    model.double()
    against_double = difference(golden, embed(torch.float64))
    print(f"{folder:16} float64 {against_double:.1e}")
    assert against_double < 3e-6
    directory = pathlib.Path(__file__).parent / "towers" / folder
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "open_clip_config.json").write_text(json.dumps({"model_cfg": config}, indent=2) + "\n")
    safetensors.numpy.save_file(
        {"seed": np.array(SEED, np.int64), "ids": ids, "lengths": lengths,
         "image_embeds": golden[0].float().numpy(), "text_embeds": golden[1].float().numpy()},
        directory / "embeddings.safetensors",
        metadata={"made_by": "tests/golden/families.py", "date": str(datetime.date.today()), "timm": timm.__version__,
                  "torch": torch.__version__, "open_clip": open_clip.__version__,
                  "differs_from_float64": f"{against_double:.1e}"})


def main():
    for family in FAMILIES:
        make(*family)


if __name__ == "__main__":
    torch.set_num_threads(2)
    main()
