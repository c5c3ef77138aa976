# SPDX-License-Identifier: Apache-2.0
"""Golden embeddings of models whose text towers are of BERT's kind, from the libraries that published them, checked
against float64.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python bert.py

writes what towers.py writes. The weights are made up under the names of our parameter tables; ours() says which.
"""
import datetime
import pathlib
import re

import numpy as np
import safetensors.numpy
import torch
import transformers

import random_weights
from towers import MEAN, SEED, STD, difference, picture, unit

VOCAB, PAD = 300, {"chinese_clip": 0}
VISION = {"hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 3, "image_size": 40,
          "patch_size": 8}
TEXT = {"hidden_size": 64, "intermediate_size": 160, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": VOCAB}

TRANSFORMERS = {
    "chinese-clip-small": transformers.ChineseCLIPConfig(
        projection_dim=32, vision_config=VISION, text_config={**TEXT, "max_position_embeddings": 24}),
}

NAMES = [  # theirs, ours
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
]


def ours(name):
    for theirs, new in NAMES:
        name = re.sub(theirs, new, name)
    return name


def randomize(model):
    model.load_state_dict({
        name: torch.from_numpy(random_weights.tensor(ours(name), tuple(value.shape), SEED)) if value.is_floating_point()
        else value for name, value in model.state_dict().items()}, strict=True)
    return model.eval()


def texts(context, pad):
    """Four texts: short, longer, long and full, and padding behind them."""
    lengths = np.array([2, 7, context - 3, context], np.int32)
    ids = np.full((4, context), pad, np.int32)
    for row, length in enumerate(lengths):
        ids[row, :length] = 4 + (np.arange(length) * 7919 + row * 104729) % (VOCAB - 4)
    return ids, lengths


def make(folder, config):
    model = randomize(transformers.AutoModel.from_config(config, attn_implementation="eager"))
    size, pad = config.vision_config.image_size, PAD[config.model_type]
    pictures = np.stack([picture(number, size) for number in range(3)])
    pixels = torch.tensor((pictures / 255.0 - MEAN) / STD).permute(0, 3, 1, 2)
    ids, lengths = texts(config.text_config.max_position_embeddings, pad)
    long_ids = torch.tensor(ids, dtype=torch.long)
    mask = torch.tensor(np.arange(ids.shape[1]) < lengths[:, None]).long()

    def embed(dtype):
        with torch.no_grad():
            image = model.get_image_features(pixel_values=pixels.to(dtype)).pooler_output
            return unit(image), unit(model.get_text_features(input_ids=long_ids, attention_mask=mask).pooler_output)

    golden = embed(torch.float32)
    model.double()
    against_double = difference(golden, embed(torch.float64))
    print(f"{folder:20} float64 {against_double:.1e}")
    assert against_double < 3e-6
    directory = pathlib.Path(__file__).parent / "towers" / folder
    directory.mkdir(parents=True, exist_ok=True)
    config.to_json_file(directory / "config.json")
    safetensors.numpy.save_file(
        {"seed": np.array(SEED, np.int64), "ids": ids, "lengths": lengths,
         "image_embeds": golden[0].numpy(), "text_embeds": golden[1].numpy()},
        directory / "embeddings.safetensors",
        metadata={"made_by": "tests/golden/bert.py", "date": str(datetime.date.today()),
                  "transformers": transformers.__version__, "torch": torch.__version__,
                  "differs_from_float64": f"{against_double:.1e}"})


def main():
    for folder, config in TRANSFORMERS.items():
        make(folder, config)


if __name__ == "__main__":
    torch.set_num_threads(2)
    main()
