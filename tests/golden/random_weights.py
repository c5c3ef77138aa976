# SPDX-License-Identifier: Apache-2.0
"""The numpy twin of compute/weights/random.c, which says how values are made: equal bit for bit.

Run as a program it prints the table random_weights.txt, which tests/compute/test_weights.c holds the C side to.
Needs numpy.
"""
import zlib

import numpy as np

# Name's end: base, spread (0: 1/sqrt K of a matrix), factor in outlier channels. The first that fits counts.
KINDS = [
    ("logit_scale", 4.6052, 0, 1),
    ("logit_bias", -10, 0, 1),
    ("layer_norm1.weight", 1, 0.2, 3),
    ("layer_norm2.weight", 1, 0.2, 3),
    ("layrnorm.weight", 1, 0.2, 3),
    ("layernorm.weight", 1, 0.2, 3),
    ("inner_norm.weight", 1, 0.2, 3),
    ("bn.weight", 1, 0.2, 3),
    ("running_mean", 0, 0.1, 1),
    ("running_var", 1, 0.2, 1),
    ("layer_norm.weight", 1, 0.2, 3),
    ("class_embedding", 0, 0.5, 8),
    ("probe", 0, 0.5, 8),
    ("position_embedding.weight", 0, 0.3, 8),
    ("token_type_embedding.weight", 0, 0.3, 8),
    ("token_embedding.weight", 0, 0.5, 8),
    ("out_proj.bias", 0, 0.1, 10),
    ("fc2.bias", 0, 0.1, 10),
    (".bias", 0, 0.1, 1),
    ("in_proj_bias", 0, 0.1, 1),
    (".weight", 0, 0, 1),
    ("in_proj_weight", 0, 0, 1),
]
CHUNK = 1 << 20


def mix(z):
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def name_key(name):
    key = 0xCBF29CE484222325
    for byte in name.encode():
        key = (key ^ byte) * 0x100000001B3 % 2**64
    return key


def normal(key, first, count):
    index = np.arange(first + 1, first + count + 1, dtype=np.uint64)
    bits = mix(np.uint64(key) + index * np.uint64(0x9E3779B97F4A7C15))
    total = sum((bits >> np.uint64(shift)) & np.uint64(0xFFFF) for shift in (0, 16, 32, 48))
    return (total.astype(np.int64) - 131070).astype(np.float32) * (np.float32(1) / np.float32(37837))


def tensor(name, shape, seed):
    """The float32 tensor of that name (Hugging Face's) and shape."""
    base, spread, outlier = next(kind[1:] for kind in KINDS if name.endswith(kind[0]))
    count = int(np.prod(shape, dtype=np.int64))
    if len(shape) > 1 and spread == 0:
        spread = np.float32(1) / np.sqrt(np.float32(count // shape[0]))
    key = name_key(name) ^ seed
    out = np.empty(count, np.float32)
    for first in range(0, count, CHUNK):
        part = out[first:first + CHUNK]
        part[:] = np.float32(base) + np.float32(spread) * normal(key, first, len(part))
    out = out.reshape(shape)
    if len(shape) and outlier != 1:
        channels = np.arange(1, shape[-1] + 1, dtype=np.uint64)
        out[..., mix(channels) % np.uint64(128) == 0] *= np.float32(outlier)
    return out


def main():
    print("# Made by random_weights.py: name, seed, shape, CRC-32 of the float32 bytes, bits of the first and the last")
    samples = [
        ("logit_scale", ()),
        ("visual_projection.weight", (32, 768)),
        ("text_model.embeddings.token_embedding.weight", (100, 512)),
        ("vision_model.embeddings.class_embedding", (1280,)),
        ("vision_model.embeddings.patch_embedding.weight", (16, 3, 14, 14)),
        ("vision_model.embeddings.position_embedding.weight", (50, 64)),
        ("vision_model.pre_layrnorm.weight", (1664,)),
        ("vision_model.post_layernorm.weight", (1024,)),
        ("text_model.final_layer_norm.weight", (512,)),
        ("text_model.encoder.layers.11.layer_norm1.weight", (512,)),
        ("text_model.encoder.layers.11.layer_norm2.bias", (512,)),
        ("vision_model.encoder.layers.0.self_attn.q_proj.weight", (48, 48)),
        ("vision_model.encoder.layers.0.self_attn.out_proj.bias", (768,)),
        ("vision_model.encoder.layers.0.mlp.fc2.bias", (768,)),
    ]
    for number, (name, shape) in enumerate(samples):
        seed = number * 0x123456789ABCDEF % 2**64
        bits = tensor(name, shape, seed).ravel().view(np.uint32)
        size = "x".join(map(str, shape)) or "-"
        print(f"{name} {seed:016x} {size} {zlib.crc32(bits.tobytes()):08x} {bits[0]:08x} {bits[-1]:08x}")


if __name__ == "__main__":
    main()
