# SPDX-License-Identifier: Apache-2.0
"""The names of open_clip's models, and where their weights lie, from open_clip 3.3.0 itself.

    python3 open_clip_names.py >../../assets/names/open_clip.tsv

The table has facts alone: names of architectures and tags, of repositories and files. open_clip (MIT License,
github.com/mlfoundations/open_clip) has them in src/open_clip/pretrained.py, and what an architecture is made of in
src/open_clip/model_configs/. A tag's weights have licences of their own, which their repositories state.
"""

import json
import os
import pathlib

import open_clip
from open_clip.pretrained import get_pretrained_cfg, list_pretrained

CONVOLUTIONS = {  # how timm's names begin
    "convnext": "ConvNeXt, made of convolutions", "fastvit": "FastViT, made of convolutions",
    "vitamin": "ViTamin, made of convolutions and transformer blocks",
}
LANGUAGES = ("nllb-200-distilled-600M", "nllb-200-distilled-1.3B", "roberta-base", "xlm-roberta-base", "xlm-roberta-large")  # text models that are built
CONFIGS = pathlib.Path(open_clip.__file__).parent / "model_configs"


def kind(name):
    """`runs`, by tests/golden/coverage.py, or what a model is that does not."""
    config = json.loads((CONFIGS / f"{name}.json").read_text())
    vision, text = config["vision_cfg"], config["text_cfg"]
    trunk = vision.get("timm_model_name", "")
    language = text.get("hf_model_name", "").split("/")[-1]
    if language:
        return "runs" if language in LANGUAGES else f"a CLIP with the text model {language}"
    if isinstance(vision.get("layers"), list):
        return "a CLIP with a ResNet, made of convolutions"
    for part, found in CONVOLUTIONS.items():
        if trunk.startswith(part):
            return f"a CLIP with a {found}"
    if not any(part in name for part in ("SigLIP", "CLIPA", "EVA", "worldwide", "PE-Core", "MobileCLIP", "coca")):
        assert not trunk and not config.get("custom_text"), name
    return "runs"


print("# SPDX-License-Identifier: Apache-2.0")
print(f"# open_clip {open_clip.__version__}: architecture, tag, repository, OpenAI's own file of the weights, as")
print("# it lies in ~/.cache/clip (- for none), whether it runs or what it is. Made by tests/golden/open_clip_names.py, which says from what.")
for name, tag in list_pretrained():
    config = get_pretrained_cfg(name, tag)
    repository = os.path.dirname(config["hf_hub"])  # a slash, or the file of the weights, ends it
    url = config.get("url", "")
    print(name, tag, repository, os.path.basename(url) if "openaipublic" in url else "-", kind(name), sep="\t")
