# SPDX-License-Identifier: Apache-2.0
"""Adapters of peft for a small CLIP, and the embeddings that transformers gives with them.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python lora.py
    python3 -m venv old && old/bin/pip install torch==2.15.0 'numpy<2' peft==0.10.0 transformers==4.40.2
    old/bin/python lora.py old    # likewise 0.6.2 with 4.35.2, and 0.3.0 with 4.30.2

writes to lora/ the model, float16 and made up by random_weights.py; a folder an adapter, as peft saves it; and
embeddings.safetensors, with for each adapter, or list of adapters with weights, NAME.image (2, E) and NAME.text (3, E),
of length 1, of the pictures that towers.py's picture() makes and of `ids`. Releases before 0.21 add their own.

All that an adapter trains is made random: as peft initializes it, it would change nothing.
"""
import datetime
import json
import pathlib
import shutil
import sys

import numpy as np
import peft
import safetensors.torch
import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model

import random_weights

HERE = pathlib.Path(__file__).parent
OUT = HERE / "lora"
SEED = 47
SIZE, PATCH, VOCAB, END = 32, 16, 883, 882
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
BLOCKS = dict(num_hidden_layers=2, hidden_act="quick_gelu")
CONFIG = dict(
    projection_dim=16,
    vision_config=dict(BLOCKS, hidden_size=48, num_attention_heads=3, intermediate_size=64, image_size=SIZE,
                       patch_size=PATCH, projection_dim=16),
    text_config=dict(BLOCKS, hidden_size=32, num_attention_heads=2, intermediate_size=48, vocab_size=VOCAB,
                     max_position_embeddings=77, projection_dim=16, bos_token_id=END - 1, eos_token_id=END,
                     pad_token_id=END))


# ---- the model and its inputs


def make_model():
    model = transformers.CLIPModel(transformers.CLIPConfig(**CONFIG))
    weights = {name: torch.from_numpy(random_weights.tensor(name, tuple(value.shape), SEED)).half()
               for name, value in model.state_dict().items() if not name.endswith("position_ids")}
    shutil.rmtree(OUT, ignore_errors=True)
    model.load_state_dict(weights, strict=False)
    model.half().save_pretrained(OUT / "model")
    for name in ("vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json"):
        shutil.copy(HERE.parent / "model" / name, OUT / "model")
    processor = dict(image_processor_type="CLIPImageProcessor", size=dict(shortest_edge=SIZE),
                     crop_size=dict(height=SIZE, width=SIZE), image_mean=MEAN, image_std=STD, do_resize=True,
                     do_center_crop=True, do_rescale=True, do_normalize=True, resample=3)
    (OUT / "model" / "preprocessor_config.json").write_text(json.dumps(processor, indent=2) + "\n")


def load(kind=transformers.CLIPModel):
    """The model, or one of its towers, in float32."""
    model = kind.from_pretrained(OUT / "model").float().eval()
    model.config._name_or_path = model.name_or_path = "made/up"
    return model


def picture(number):
    """As in towers.py."""
    i = np.arange(SIZE * SIZE * 3, dtype=np.uint32)
    y, x, c = i // (3 * SIZE), i // 3 % SIZE, i % 3
    noise = (i * np.uint32(2654435761)) >> np.uint32(27)
    ramp = x * np.uint32(3 * number + 1) + y * np.uint32(2 * number + 1) + c * np.uint32(85)
    return ((ramp + noise) % 256).astype(np.uint8).reshape(SIZE, SIZE, 3)


def inputs():
    pixels = np.stack([picture(i) for i in range(2)]).astype(np.float32) / 255
    pixels = (pixels - np.float32(MEAN)) / np.float32(STD)
    ids = np.full((3, 77), END, np.int32)
    for row, length in enumerate((3, 9, 77)):
        ids[row, :length] = [END - 1, *((np.arange(length - 2) * 7919 + row * 104729) % (END - 1)), END]
    return torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy()), torch.from_numpy(ids)


def embed(model):
    pixels, ids = inputs()
    with torch.no_grad():
        out = model(pixel_values=pixels, input_ids=ids.long())
    return {"image": out.image_embeds.contiguous(), "text": out.text_embeds.contiguous()}


def with_tower(tower, part):
    """The whole model with a text or vision tower that was trained alone, whatever its tensors are called in there."""
    model = load()
    target = getattr(model, part)
    target.load_state_dict({name.removeprefix(part + "."): value for name, value in tower.state_dict().items()
                            if name.removeprefix(part + ".") in target.state_dict()})
    for projection in ("text_projection", "visual_projection"):
        if hasattr(tower, projection):
            getattr(model, projection).load_state_dict(getattr(tower, projection).state_dict())
    return model


# ---- adapters


def randomize(model, seed, spread=0.15):
    generator = torch.Generator().manual_seed(seed)
    for name, value in sorted(model.named_parameters()):
        if not value.requires_grad:
            continue
        noise = torch.randn(value.shape, generator=generator)
        with torch.no_grad():
            if "magnitude" in name:
                value *= 1 + 0.2 * noise
            elif "lora_" in name:
                value.copy_(spread * noise)
            else:
                value += 0.1 * noise


def train(name, model=None, half=False, **config):
    adapted = get_peft_model(model or load(), LoraConfig(lora_dropout=0.0, **config)).eval()
    randomize(adapted, sum(name.encode()))
    if half:
        adapted.half()
    adapted.save_pretrained(OUT / name)
    (OUT / name / "README.md").unlink(missing_ok=True)
    return adapted.float()


def save(name, model):
    values = {f"{name}.{kind}": value for kind, value in embed(model).items()}
    path = OUT / "embeddings.safetensors"
    if path.exists():
        values = {**safetensors.torch.load_file(path), **values}
    safetensors.torch.save_file(values, path)


def check(name, model):
    """What was saved, loaded again, is what was trained."""
    again = embed(PeftModel.from_pretrained(load(), OUT / name).eval())
    for kind, value in embed(model).items():
        assert (again[kind] - value).abs().max() < 1e-6, (name, kind)


def make(name, **config):
    model = train(name, **config)
    check(name, model)
    save(name, model)
    return model


QV = ["q_proj", "v_proj"]
ATTENTION = ["q_proj", "k_proj", "v_proj", "out_proj"]


def make_linear():
    make("plain", r=4, lora_alpha=8, target_modules=QV)
    make("second", r=2, lora_alpha=16, target_modules=ATTENTION + ["fc1", "visual_projection"])
    make("all-linear", r=2, lora_alpha=3, target_modules="all-linear", bias="all")
    make("stabilized", r=4, lora_alpha=2, use_rslora=True, target_modules=["fc1", "fc2"], half=True)
    make("patterns", r=2, lora_alpha=4, target_modules=r".*vision_model.*(q_proj|fc\d)|text_model.*v_proj|text_projection",
         rank_pattern={"q_proj": 3, r"layers\.\d\.mlp\.fc1": 1, "vision_model.encoder.layers.1.mlp.fc2": 5},
         alpha_pattern={r"layers.0.self_attn.(?:q|k)_proj": 9, "text_projection": 1})
    make("some-layers", r=2, lora_alpha=4, target_modules=ATTENTION, layers_to_transform=[1],
         layers_pattern="layers", exclude_modules=r".*text_model.*out_proj")
    make("biases", r=2, lora_alpha=4, target_modules=QV, bias="lora_only",
         modules_to_save=["visual_projection", "post_layernorm"])
    make("lora-bias", r=2, lora_alpha=4, target_modules=["fc1", "out_proj"], lora_bias=True)


def make_other_kinds():
    tables = ["token_embedding", "patch_embedding", "position_embedding"]
    make("tables", r=3, lora_alpha=6, target_modules=tables)
    make("dora", r=2, lora_alpha=4, target_modules=ATTENTION + tables, use_dora=True)
    model = train("bin", r=2, lora_alpha=4, target_modules=QV)
    model.save_pretrained(OUT / "bin", safe_serialization=False)
    for leftover in ("README.md", "adapter_model.safetensors"):
        (OUT / "bin" / leftover).unlink(missing_ok=True)
    save("bin", model)


def make_converted():
    """PiSSA takes its part out of the base weights. What is saved for those as they were is a plain adapter; what is saved
    without that is right only where they are changed again, which peft does as it loads it."""
    config = LoraConfig(r=2, lora_alpha=4, target_modules=QV, init_lora_weights="pissa", lora_dropout=0.0)
    model = get_peft_model(load(), config).eval()
    model.peft_config["default"].init_lora_weights = True
    model.save_pretrained(OUT / "start")
    model.peft_config["default"].init_lora_weights = "pissa"
    randomize(model, 5)
    model.save_pretrained(OUT / "pissa")
    reference = embed(model)
    model.save_pretrained(OUT / "pissa-converted", path_initial_model_for_weight_conversion=str(OUT / "start"))
    for name in ("pissa", "pissa-converted"):
        (OUT / name / "README.md").unlink()
    shutil.rmtree(OUT / "start")
    converted = PeftModel.from_pretrained(load(), OUT / "pissa-converted").eval()
    for kind, value in embed(converted).items():
        assert (reference[kind] - value).abs().max() < 1e-5, kind
    save("pissa-converted", converted)
    again = PeftModel.from_pretrained(load(), OUT / "pissa").eval()
    assert (embed(again)["image"] - reference["image"]).abs().max() < 1e-5


def make_towers():
    """The names of a CLIPTextModel's tensors say nothing of "text_model." since transformers 5."""
    for name, kind, part, more in (
            ("text-tower", "CLIPTextModel", "text_model", {}),
            ("vision-tower", "CLIPVisionModel", "vision_model", {}),
            ("text-by-width", "CLIPTextModel", "text_model", dict(task_type="FEATURE_EXTRACTION")),
            ("vision-projected", "CLIPVisionModelWithProjection", "vision_model",
             dict(modules_to_save=["visual_projection"])),
            ("text-projected", "CLIPTextModelWithProjection", "text_model", dict(bias="all"))):
        tower = train(name, load(getattr(transformers, kind)), r=2, lora_alpha=4, target_modules=QV, **more)
        save(name, with_tower(tower.merge_and_unload(), part))


def make_renamed():
    """What other programs make of the same tensors."""
    state = {name: value for name, value in train("state-dict", r=2, lora_alpha=4, target_modules=QV,
                                                  modules_to_save=["visual_projection"]).state_dict().items()
             if "lora_" in name or "modules_to_save" in name}
    save("state-dict", PeftModel.from_pretrained(load(), OUT / "state-dict").eval())
    safetensors.torch.save_file(state, OUT / "state-dict" / "adapter_model.safetensors")

    tower = train("kohya", load(transformers.CLIPTextModelWithProjection), r=2, lora_alpha=1,
                  target_modules=QV + ["fc1"], half=True)
    save("kohya.safetensors", with_tower(tower.merge_and_unload(), "text_model"))
    tensors = {}
    for name, value in safetensors.torch.load_file(OUT / "kohya" / "adapter_model.safetensors").items():
        module, _, part = name.removeprefix("base_model.model.").rpartition(".lora_")
        module = "lora_te_" + module.replace(".", "_")
        tensors[f"{module}.lora_{'down' if part[0] == 'A' else 'up'}.weight"] = value.half().contiguous()
        tensors[module + ".alpha"] = torch.tensor(1.0)
    tensors["lora_unet_down_blocks_0_attentions_0_proj_in.alpha"] = torch.tensor(1.0)
    shutil.rmtree(OUT / "kohya")
    safetensors.torch.save_file(tensors, OUT / "kohya.safetensors")


def make_weighted():
    """Two adapters at once: peft adds up what both add."""
    model = PeftModel.from_pretrained(load(), OUT / "plain").eval()
    model.load_adapter(OUT / "second", "second")
    model.base_model.set_adapter(["default", "second"])
    for weights in ((1, 1), (0.5, -0.75)):
        for module in model.modules():
            if isinstance(module, peft.tuners.lora.LoraLayer):
                for adapter, weight in zip(("default", "second"), weights):
                    if adapter in module.scaling:
                        module.set_scale(adapter, weight)
        save("plain:%g second:%g" % weights, model)
    for name, weight in (("dora", 0.5), ("biases", -0.5)):
        before, after = load(), PeftModel.from_pretrained(load(), OUT / name).merge_and_unload().eval()
        for (_, base), (_, changed) in zip(before.named_parameters(), after.named_parameters()):
            base.data += weight * (changed.data - base.data)
        save("%s:%g" % (name, weight), before)


def make_old():
    """What releases of that time could do. From 0.7 on some leave the biases of "lora_only" out of the file."""
    release = tuple(int(number) for number in peft.__version__.split(".")[:2])
    name = "peft-%d.%d" % release
    make(name, r=2, lora_alpha=4, target_modules=QV, bias="lora_only" if release < (0, 7) else "none",
         modules_to_save=["visual_projection"])
    tower = train(name + "-text", load(transformers.CLIPTextModel), r=2, lora_alpha=4, target_modules=QV)
    save(name + "-text", with_tower(tower.merge_and_unload(), "text_model"))
    if release >= (0, 9):
        make(name + "-dora", r=2, lora_alpha=4, target_modules=QV + ["fc2"], use_dora=True)


def main():
    torch.manual_seed(0)
    if "old" in sys.argv[1:]:
        make_old()
    else:
        make_model()
        save("none", load())
        make_linear()
        make_other_kinds()
        make_converted()
        make_towers()
        make_renamed()
        make_weighted()
        tensors = safetensors.torch.load_file(OUT / "embeddings.safetensors")
        safetensors.torch.save_file({**tensors, "ids": inputs()[1]}, OUT / "embeddings.safetensors")
    with open(OUT / "made_by.txt", "a" if "old" in sys.argv[1:] else "w") as notes:
        print(f"{datetime.date.today()} peft {peft.__version__}, transformers {transformers.__version__}, "
              f"torch {torch.__version__}", file=notes)


main()
