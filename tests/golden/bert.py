# SPDX-License-Identifier: Apache-2.0
"""Golden embeddings of models whose text towers are of BERT's kind, from the libraries that published them, checked
against float64.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python bert.py

writes what towers.py writes, and in text_layouts/ the weights of smaller text towers under the names that they are
published with, which tests/joint/test_layouts.c has the configs of. The weights are made up under the names of our parameter
tables; ours() says which.
"""
import datetime
import json
import pathlib
import re
import tempfile

import numpy as np
import open_clip
import safetensors.numpy
import safetensors.torch
import torch
import transformers

import coverage
import families
import random_weights
from towers import MEAN, SEED, STD, difference, picture, unit

VOCAB, PAD = 300, {"chinese_clip": 0, "altclip": 1}
VISION = {"hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 3, "image_size": 40,
          "patch_size": 8}
TEXT = {"hidden_size": 64, "intermediate_size": 160, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": VOCAB}

TRANSFORMERS = {
    "chinese-clip-small": transformers.ChineseCLIPConfig(
        projection_dim=32, vision_config=VISION, text_config={**TEXT, "max_position_embeddings": 24}),
    "altclip-small": transformers.AltCLIPConfig(
        projection_dim=32, vision_config=VISION, text_config={**TEXT, "max_position_embeddings": 24, "project_dim": 80}),
}

VIT = {"image_size": 40, "patch_size": 8, "layers": 2, "width": 48, "head_width": 16}

# Their text towers are what the name says, but for blocks and tokens.
OPEN_CLIP = {
    "xlm-roberta-small": {
        "embed_dim": 32, "vision_cfg": VIT,
        "text_cfg": {"context_length": 20, "hf_model_name": "xlm-roberta-base", "hf_tokenizer_name": "xlm-roberta-base",
                     "hf_pooler_type": "mean_pooler"}},
    "roberta-small": {
        "embed_dim": 32, "quick_gelu": True, "vision_cfg": VIT,
        "text_cfg": {"context_length": 20, "hf_model_name": "roberta-base", "hf_tokenizer_name": "roberta-base",
                     "hf_pooler_type": "cls_last_hidden_state_pooler", "hf_proj_type": "linear"}},
    "nllb-small": {
        "embed_dim": 32, "vision_cfg": VIT,
        "text_cfg": {"context_length": 20, "hf_model_name": "facebook/nllb-200-distilled-600M",
                     "hf_tokenizer_name": "facebook/nllb-200-distilled-600M", "hf_pooler_type": "cls_pooler",
                     "hf_proj_type": "linear"}},
}

NAMES = [  # theirs, ours
    (r"\.embed_tokens\.", ".embeddings.token_embedding."),
    (r"transformer\.layer_norm\.", "transformer.final_layer_norm."),
    (r"transformer\.layers\.", "transformer.encoder.layers."),
    (r"(layers\.\d+)\.self_attn_layer_norm\.", r"\1.layer_norm1."),
    (r"(layers\.\d+)\.final_layer_norm\.", r"\1.layer_norm2."),
    (r"(layers\.\d+)\.fc", r"\1.mlp.fc"),
    (r"^text_model\.roberta\.", "text_model."),
    (r"\.pre_LN\.", ".final_layer_norm."),
    (r"\.transformation\.", ".neck."),
    (r"\.word_embeddings\.", ".token_embedding."),
    (r"\.position_embeddings\.", ".position_embedding."),
    (r"\.token_type_embeddings\.", ".token_type_embedding."),
    (r"embeddings\.LayerNorm\.", "embeddings.layer_norm."),
    (r"encoder\.layer\.", "encoder.layers."),
    (r"\.attention\.self\.query\.", ".self_attn.q_proj."),
    (r"\.attention\.self\.key\.", ".self_attn.k_proj."),
    (r"\.attention\.self\.value\.", ".self_attn.v_proj."),
    (r"\.attention\.output\.dense\.", ".self_attn.out_proj."),
    (r"\.attention\.output\.LayerNorm\.", ".layer_norm1."),
    (r"\.intermediate\.dense\.", ".mlp.fc1."),
    (r"\.output\.dense\.", ".mlp.fc2."),
    (r"\.output\.LayerNorm\.", ".layer_norm2."),
    (r"^text\.transformer\.", "text_model."),
    (r"^text\.proj\.0\.", "text_model.neck."),
    (r"^text\.proj\.(2\.)?", "text_projection."),
]


def ours(name):
    for theirs, new in NAMES:
        name = re.sub(theirs, new, name)
    return name


def made_up(name, shape):
    if name.startswith("visual."):
        return families.made_up(name, shape)
    return torch.from_numpy(random_weights.tensor(ours(name), tuple(shape), SEED))


def randomize(model):
    model.load_state_dict({name: made_up(name, value.shape) if value.is_floating_point() else value
                           for name, value in model.state_dict().items()}, strict=True)
    return model.eval()


def texts(context, pad):
    """Four texts: short, longer, long and full, and padding behind them."""
    lengths = np.array([2, 7, context - 3, context], np.int32)
    ids = np.full((4, context), pad, np.int32)
    for row, length in enumerate(lengths):
        ids[row, :length] = 4 + (np.arange(length) * 7919 + row * 104729) % (VOCAB - 4)
    return ids, lengths


def transformers_features(model, pixels, ids, lengths):
    mask = torch.tensor(np.arange(ids.shape[1]) < lengths[:, None]).long()
    return (model.get_image_features(pixel_values=pixels).pooler_output,
            model.get_text_features(input_ids=ids, attention_mask=mask).pooler_output)


def open_clip_features(model, pixels, ids, lengths):
    """It tells padding by the id."""
    return model.encode_image(pixels), model.encode_text(ids)


def make_transformers(folder, config):
    pad = PAD[config.model_type]
    context = config.text_config.max_position_embeddings - (pad + 1 if pad else 0)
    model = randomize(transformers.AutoModel.from_config(config, attn_implementation="eager"))
    ids, lengths = texts(context, pad)
    if pad:
        ids[2, 4] = pad  # somebody wrote it into a text
    directory = make(folder, model, config.vision_config.image_size, ids, lengths, transformers_features)
    config.to_json_file(directory / "config.json")


def make_open_clip(folder, config):
    model = randomize(coverage.build_open_clip(config, VOCAB))
    ids, lengths = texts(config["text_cfg"]["context_length"], 1)
    ids[2, 4] = 1  # likewise
    directory = make(folder, model, config["vision_cfg"]["image_size"], ids, lengths, open_clip_features)
    (directory / "open_clip_config.json").write_text(json.dumps({"model_cfg": config}, indent=2) + "\n")


def make(folder, model, size, ids, lengths, features):
    pictures = np.stack([picture(number, size) for number in range(3)])
    pixels = torch.tensor((pictures / 255.0 - MEAN) / STD).permute(0, 3, 1, 2)
    long_ids = torch.tensor(ids, dtype=torch.long)

    def embed(dtype):
        with torch.no_grad():
            return [unit(x) for x in features(model, pixels.to(dtype), long_ids, lengths)]

    golden = embed(torch.float32)
    model.double()
    against_double = difference(golden, embed(torch.float64))
    print(f"{folder:20} float64 {against_double:.1e}")
    assert against_double < 3e-6
    directory = pathlib.Path(__file__).parent / "towers" / folder
    directory.mkdir(parents=True, exist_ok=True)
    safetensors.numpy.save_file(
        {"seed": np.array(SEED, np.int64), "ids": ids, "lengths": lengths,
         "image_embeds": golden[0].numpy(), "text_embeds": golden[1].numpy()},
        directory / "embeddings.safetensors",
        metadata={"made_by": "tests/golden/bert.py", "date": str(datetime.date.today()),
                  "transformers": transformers.__version__, "torch": torch.__version__,
                  "open_clip": open_clip.__version__, "differs_from_float64": f"{against_double:.1e}"})
    return directory


TINY = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 20}
ROBERTA = transformers.XLMRobertaConfig(**TINY, max_position_embeddings=14, type_vocab_size=1)
M2M100 = transformers.M2M100Config(
    d_model=32, encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=48, decoder_ffn_dim=48,
    encoder_layers=1, decoder_layers=1, vocab_size=20)


def hf_text(config, projection):
    """Under "text.", as open_clip's models have it; of the first block."""
    coverage.TEXT_MODELS["tiny"] = config
    model = coverage.build_open_clip(
        {"embed_dim": 32, "vision_cfg": VIT, "text_cfg": {"hf_model_name": "tiny", "hf_proj_type": projection,
                                                          "hf_pooler_type": "cls_last_hidden_state_pooler"}}, 20)
    return {name: value for name, value in model.state_dict().items()
            if name.startswith("text.") and not re.search(r"\.layers?\.1\.", name)}


def saved(config):
    """As transformers saves them, which may not be the names that they have in memory."""
    with tempfile.TemporaryDirectory() as folder:
        transformers.AutoModel.from_config(config).save_pretrained(folder)
        weights = safetensors.torch.load_file(pathlib.Path(folder, "model.safetensors"))
    return {name: value for name, value in weights.items() if name.startswith("text_") or "layer_norm1" in name}


def make_layouts():
    text = {**TINY, "max_position_embeddings": 12}
    vision = {**VISION, "num_hidden_layers": 1}
    folder = pathlib.Path(__file__).parent / "text_layouts"
    folder.mkdir(exist_ok=True)
    for name, weights in {
            "chinese_clip": saved(transformers.ChineseCLIPConfig(projection_dim=32, vision_config=vision, text_config=text)),
            "altclip": saved(transformers.AltCLIPConfig(
                projection_dim=32, vision_config=vision,
                text_config={**text, "max_position_embeddings": 14, "project_dim": 24})),
            "open_clip_mlp": hf_text(ROBERTA, "mlp"), "open_clip_linear": hf_text(ROBERTA, "linear"),
            "open_clip_m2m100": hf_text(M2M100, "linear")}.items():
        safetensors.torch.save_file(
            {key: made_up(key, value.shape).contiguous() for key, value in weights.items() if value.is_floating_point()},
            folder / f"{name}.safetensors")


def main():
    make_layouts()
    for folder, config in TRANSFORMERS.items():
        make_transformers(folder, config)
    for folder, config in OPEN_CLIP.items():
        make_open_clip(folder, config)


if __name__ == "__main__":
    torch.set_num_threads(2)
    main()
