# SPDX-License-Identifier: Apache-2.0
"""Makes torch/: one tiny CLIP model in the files that PyTorch, transformers and open_clip leave weights in, and the
same tensors as safetensors, which is what test_torch_file.c expects to read.

    python3 tests/golden/torch_files.py     torch 2.15, open_clip_torch 3.3, transformers 5.23, safetensors 0.8
"""
import json
import os
import shutil
import warnings
import zipfile

import open_clip
import safetensors.torch
import torch
import transformers

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "torch")
WIDTH, LAYERS, VOCAB, CONTEXT, EMBED = 16, 1, 24, 8, 16


def path(*names):
    return os.path.join(HERE, *names)


def random_state(model):
    """Values that float16 has, so that a file of either type holds the same."""
    generator = torch.Generator().manual_seed(7)
    for tensor in model.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(torch.randn(tensor.shape, generator=generator).mul(0.1).half())
    return model


def open_clip_model():
    tower = {"width": WIDTH, "layers": LAYERS}
    return random_state(open_clip.CLIP(
        embed_dim=EMBED, vision_cfg={**tower, "head_width": 8, "image_size": 8, "patch_size": 4},
        text_cfg={**tower, "heads": 2, "vocab_size": VOCAB, "context_length": CONTEXT}, quick_gelu=True))


def hf_model():
    tower = {"hidden_size": WIDTH, "intermediate_size": 2 * WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": 2}
    return random_state(transformers.CLIPModel(transformers.CLIPConfig(
        projection_dim=EMBED, vision_config={**tower, "image_size": 8, "patch_size": 4},
        text_config={**tower, "vocab_size": VOCAB, "max_position_embeddings": CONTEXT,
                     "bos_token_id": VOCAB - 2, "eos_token_id": VOCAB - 1})))


def plain(state):
    return {name: tensor.detach().contiguous().clone() for name, tensor in state.items()}


def checkpoint(model, file):
    """As open_clip's training leaves it: on several devices, with an optimizer that has made a step."""
    optimizer = torch.optim.AdamW([model.visual.proj, model.logit_scale])
    (model.visual.proj.sum() + model.logit_scale).backward()
    state = {"module." + name: tensor.clone() for name, tensor in model.state_dict().items()}
    optimizer.step()
    torch.save({"epoch": 3, "name": "tiny", "state_dict": state, "optimizer": optimizer.state_dict(),
                "scaler": {"scale": 65536.0, "growth_tracker": 0}}, file)


def script(model, file):
    """As OpenAI's: matrices in float16, the rest in float32, and three sizes as tensors."""
    model.eval()
    for name, parameter in model.named_parameters():
        if (parameter.ndim > 1 and "embedding" not in name) or "attn." in name or "mlp." in name:
            parameter.data = parameter.data.half()
    for name, value in (("input_resolution", 8), ("context_length", CONTEXT), ("vocab_size", VOCAB)):
        if hasattr(model, name):
            delattr(model, name)
        model.register_buffer(name, torch.tensor(value))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace_module(Shell(model), {"forward": torch.zeros(1)}).model
        torch.jit.save(traced, file)


class Shell(torch.nn.Module):
    """Tracing wants a computation and not a meaningful one: all tensors of a module are saved."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        return x + self.model.logit_scale


def views():
    """What tensors can be in a file: views with strides, of one storage, of all types."""
    base = torch.arange(24, dtype=torch.float32)
    tensors = {
        "whole": base,
        "middle": base[4:16].view(3, 4),
        "transposed": base.view(4, 6).t(),
        "steps": base.view(2, 3, 4)[:, 1:, ::2],
        "repeated": base[:3].view(1, 3).expand(2, 3),
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 3),
        "parameter": torch.nn.Parameter(base[1:3]),
        "f64": torch.tensor([0.1, -3.0], dtype=torch.float64),
        "f16": base[:4].half(),
        "bf16": base[:4].bfloat16(),
        "i64": torch.arange(3),
    }
    numbers = torch.tensor([0.0, 1.0, -1.5, 0.015625, 200.0, -0.25, 1e-9])
    for dtype in (torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz):
        tensors["f8_" + str(dtype)[13:]] = numbers.to(dtype)
    return tensors


def as_float32(tensors):
    return {name: tensor.detach().float().contiguous().clone() for name, tensor in tensors.items()}


def rezip(old, new, method=zipfile.ZIP_STORED, replace=None):
    with zipfile.ZipFile(old) as source, zipfile.ZipFile(new, "w", method) as target:
        for name in source.namelist():
            target.writestr(zipfile.ZipInfo(name), (replace or {}).get(name, source.read(name)), method)


def main():
    shutil.rmtree(HERE, ignore_errors=True)
    os.makedirs(HERE)
    model = open_clip_model()
    safetensors.torch.save_file(plain(model.state_dict()), path("open_clip.safetensors"))
    torch.save(model.state_dict(), path("open_clip.bin"))
    checkpoint(open_clip_model(), path("checkpoint.pt"))
    script(open_clip_model(), path("script.pt"))

    model = hf_model()
    state = plain(model.state_dict())
    safetensors.torch.save_file(state, path("hf.safetensors"))
    state["text_model.embeddings.position_ids"] = torch.arange(CONTEXT)[None]  # as before transformers 4.31
    names = sorted(state)
    parts = {"a.bin": names[::2], "b.bin": names[1::2]}
    for name, part in parts.items():
        torch.save({key: state[key] for key in part}, path(name))
    index = {"metadata": {}, "weight_map": {key: name for name, part in parts.items() for key in part}}
    with open(path("hf.bin.index.json"), "w") as file:
        json.dump(index, file, indent=1)

    torch.save(views(), path("views.pt"))
    safetensors.torch.save_file(as_float32(views()), path("views.safetensors"))
    torch.save({"a": torch.zeros(2)}, path("old.pt"), _use_new_zipfile_serialization=False)
    rezip(path("views.pt"), path("deflated.pt"), zipfile.ZIP_DEFLATED)
    rezip(path("views.pt"), path("big_endian.pt"), replace={"views/byteorder": b"big"})
    limit, zipfile.ZIP64_LIMIT = zipfile.ZIP64_LIMIT, 0
    rezip(path("views.pt"), path("zip64.pt"))
    zipfile.ZIP64_LIMIT = limit


if __name__ == "__main__":
    main()
