# SPDX-License-Identifier: Apache-2.0
"""What small models of several kinds are as their libraries save them: names and shapes of tensors, and configs.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python published.py

writes published/KIND/tensors.tsv, a name and a shape a line, and published/KIND/config.json, or open_clip_config.json. Which
tokenizer goes with each stands in tests/joint/test_convert.c, which makes models of them.
"""
import json
import pathlib
import tempfile

import open_clip
import safetensors
import safetensors.torch
import transformers

VOCAB, CONTEXT, WIDTH = 1280, 16, 32  # tokens: as many as the largest tokenizer has, and more
BLOCKS = {"hidden_size": WIDTH, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 2}
VISION = {**BLOCKS, "image_size": 32, "patch_size": 16}
TEXT = {**BLOCKS, "vocab_size": VOCAB, "max_position_embeddings": CONTEXT}
END = 2  # of xlm-roberta's tokenizers

TRANSFORMERS = {
    "siglip": transformers.SiglipConfig(vision_config=VISION, text_config={**TEXT, "projection_size": WIDTH}),
    "siglip2": transformers.Siglip2Config(
        vision_config={**BLOCKS, "num_patches": 256, "patch_size": 16}, text_config={**TEXT, "projection_size": WIDTH}),
    "metaclip_2": transformers.MetaClip2Config(
        vision_config=VISION, text_config={**TEXT, "eos_token_id": END}, projection_dim=48),
    "chinese_clip": transformers.ChineseCLIPConfig(vision_config=VISION, text_config=TEXT, projection_dim=48),
    "altclip": transformers.AltCLIPConfig(
        vision_config=VISION, text_config={**TEXT, "project_dim": 64}, projection_dim=48),
}

COCA = {"embed_dim": 48,
        "vision_cfg": {"image_size": 32, "patch_size": 16, "layers": 1, "width": WIDTH, "head_width": 16,
                       "attentional_pool": True, "attn_pooler_heads": 2, "attn_pooler_queries": 6,
                       "output_tokens": True},
        "text_cfg": {"context_length": CONTEXT, "vocab_size": VOCAB, "width": WIDTH, "heads": 2, "layers": 1,
                     "embed_cls": True, "output_tokens": True},
        "multimodal_cfg": {"context_length": CONTEXT, "vocab_size": VOCAB, "width": WIDTH, "heads": 2, "layers": 1,
                           "attn_pooler_heads": 2}}


def write(kind, weights, name, config):
    folder = pathlib.Path(__file__).parent / "published" / kind
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(config)
    with safetensors.safe_open(weights, "np") as file, open(folder / "tensors.tsv", "w") as out:
        for tensor in sorted(file.keys()):
            shape = file.get_slice(tensor).get_shape()
            print(tensor, " ".join(map(str, shape)), sep="\t", file=out)


def main():
    with tempfile.TemporaryDirectory() as place:
        weights = pathlib.Path(place, "model.safetensors")
        for kind, config in TRANSFORMERS.items():
            transformers.AutoModel.from_config(config).save_pretrained(place)
            write(kind, weights, "config.json", pathlib.Path(place, "config.json").read_text())
        safetensors.torch.save_model(open_clip.CoCa(**COCA), str(weights))
        write("coca", weights, "open_clip_config.json",
              json.dumps({"model_cfg": {**COCA, "custom_text": True}}, indent=2) + "\n")


if __name__ == "__main__":
    main()
