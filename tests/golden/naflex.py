# SPDX-License-Identifier: Apache-2.0
"""Golden embeddings of SigLIP 2 NaFlex, pictures of different grids in one batch, from transformers.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python naflex.py

writes towers/siglip2-naflex: what siglip.py writes, with the grids of the pictures (4, 2) as rows and columns; the bytes
of their patches are patch_bytes(). And patch_grids.tsv: sizes of pictures and the grids that transformers gives them.
"""
import datetime
import pathlib

import numpy as np
import safetensors.numpy
import torch
import transformers
from transformers.models.siglip2.image_processing_siglip2 import get_image_size_for_max_num_patches

import random_weights
import siglip
from towers import SEED, SMALL_VOCAB, difference

GRIDS = [(2, 7), (4, 4), (1, 16), (5, 3)]
PATCH, SIDE = 8, 4
SIZES = [(480, 640), (427, 640), (100, 40), (1000, 10), (224, 224), (5, 5), (1, 1), (1, 100000), (100000, 1), (16, 4096),
         (3000, 4000), (257, 255), (17, 16), (333, 1000)]


def patch_bytes(number, count):
    """(count) bytes of a picture: a ramp of its own under five bits of noise."""
    i = np.arange(count, dtype=np.uint32)
    return ((i * np.uint32(number + 3) // np.uint32(7) + (i * np.uint32(2654435761) >> np.uint32(27))) % 256).astype(np.uint8)


def main():
    here = pathlib.Path(__file__).parent
    with open(here / "patch_grids.tsv", "w") as file:
        file.write("# made by naflex.py: height, width, rows and columns of at most 256 patches of 16\n")
        for height, width in SIZES:
            h, w = get_image_size_for_max_num_patches(height, width, 16, 256)
            file.write(f"{height}\t{width}\t{h // 16}\t{w // 16}\n")

    def tower(width, heads, mlp, **more):
        return dict(hidden_size=width, num_attention_heads=heads, intermediate_size=mlp, num_hidden_layers=2, **more)

    config = transformers.Siglip2Config(
        vision_config=tower(128, 4, 208, num_patches=SIDE * SIDE, patch_size=PATCH),
        text_config=tower(64, 8, 96, vocab_size=SMALL_VOCAB, projection_size=128))
    model = transformers.Siglip2Model._from_config(config, attn_implementation="eager").eval()
    weights = {name: torch.from_numpy(random_weights.tensor(
        name, () if name.startswith("logit_") else tuple(value.shape), SEED)).reshape(value.shape)
        for name, value in model.state_dict().items()}
    model.load_state_dict(weights, strict=True)

    values, most = 3 * PATCH * PATCH, max(rows * columns for rows, columns in GRIDS)
    pixels, mask = torch.zeros(len(GRIDS), most, values), torch.zeros(len(GRIDS), most, dtype=torch.int32)
    for number, (rows, columns) in enumerate(GRIDS):
        count = rows * columns
        pixels[number, :count] = torch.tensor(
            (patch_bytes(number, count * values).reshape(count, values) / 255.0 - 0.5) / 0.5)
        mask[number, :count] = 1
    ids, lengths = siglip.texts(SMALL_VOCAB)

    def embed():
        with torch.no_grad():
            out = model(pixel_values=pixels.to(model.dtype), pixel_attention_mask=mask,
                        spatial_shapes=torch.tensor(GRIDS), input_ids=torch.tensor(ids, dtype=torch.long))
        return out.image_embeds, out.text_embeds

    golden = embed()
    model.double()
    against_double = difference(golden, embed())
    print(f"siglip2-naflex float64 {against_double:.1e}")
    assert against_double < 3e-6
    directory = here / "towers" / "siglip2-naflex"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.json").write_text(config.to_json_string())
    safetensors.numpy.save_file(
        {"seed": np.array(SEED, np.int64), "grids": np.array(GRIDS, np.int32), "ids": ids, "lengths": lengths,
         "image_embeds": golden[0].numpy(), "text_embeds": golden[1].numpy()},
        directory / "embeddings.safetensors",
        metadata={"made_by": "tests/golden/naflex.py", "date": str(datetime.date.today()),
                  "transformers": transformers.__version__, "torch": torch.__version__,
                  "differs_from_float64": f"{against_double:.1e}"})


if __name__ == "__main__":
    main()
