# SPDX-License-Identifier: Apache-2.0
"""Trains the default model on rendered scenes for a fixed time, then writes it as float16.

    python train.py --scenes PATH/TO/scenes --model ../model --minutes 60

Contrastive learning alone would need far more pictures than one hour on a processor allows, so the class prompts
of zero-shot classification join it, and linear heads, thrown away at the end, which say what is drawn. See losses.py, heads.py.
"""

import argparse
import math
import time

import torch
import torch.nn.functional as F
from torch import nn

from data import NUMBERS, Encoder, read_vocabulary, shards
from heads import Heads
from initial import start_well
from losses import contrastive_loss, prompt_loss, true_of, unfair, unseen_pairs
from model import MEAN, STD, build, export

PROMPTS = ["a photo of a {}.", "a photo of a {}", "a picture of a {}", "a picture of a {}.", "{}", "a {}", "an image of a {}.",
           "a drawing of a {}.", "this is a photo of a {}.", "this is a photo of {}.", "itap of a {}.", "a bad photo of the {}.",
           "art of the {}.", "a {} in a video game.", "a photo of the {}.", "a close-up photo of the {}."]
NOUNS = ["shape", "object", "thing", "figure"]


def class_prompts(table, pick):
    """One random prompt a class, for every class of every column that zero-shot users ask for. {column: [text]}"""
    def one(name):
        return PROMPTS[pick(len(PROMPTS))].format(name)

    many = ["a photo of {}", "a picture of {}", "{}", "a photo of {}.", "an image of {}.", "an illustration of {}"]
    noun = NOUNS[pick(len(NOUNS))]
    template = many[pick(len(many))]
    return {
        "shape": [one(shape) for shape in table["shapes"]],
        "colour": [one([f"{colour} {noun}", f"{colour} {noun}", colour][pick(3)]) for colour in table["colours"]],
        "fill": [one(f"{fill} {noun}") for fill in table["fills"]],
        "size": [one(f"{size} {noun}") for size in table["sizes"]],
        "count": [template.format(f"{number} {noun}{'s' if n else ''}") for n, number in enumerate(NUMBERS)],
    }


def normalised(pixels):
    planes = pixels.permute(0, 3, 1, 2).float() / 255
    return (planes - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)


def batches(stream, size):
    """Mixes three neighbouring shards, which differ in the kind of their scenes; every picture comes twice, and then no more."""
    while True:
        trio = [next(stream) for _ in range(3)]
        pool = {name: torch.cat([shard[name] for shard in trio]) for name in trio[0]}
        for _ in range(2):
            for rows in torch.randperm(len(pool["labels"])).split(size):
                yield {name: tensor[rows] for name, tensor in pool.items()}


def learning_rate(part_done, peak):
    warm_up = 0.03
    if part_done < warm_up:
        return peak * part_done / warm_up
    return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (part_done - warm_up) / (1 - warm_up))))


class Trainer:
    def __init__(self, options):
        self.table = read_vocabulary(options.scenes)
        self.unseen = unseen_pairs(self.table)
        self.encoder = Encoder(options.scenes, options.model)
        self.model = build(len(self.encoder.tokenizer))
        self.heads = Heads(self.model.config.vision_config.hidden_size, self.table)
        parameters = [*self.model.parameters(), *self.heads.parameters()]
        decayed = [p for p in parameters if p.ndim > 1]
        plain = [p for p in parameters if p.ndim <= 1]
        self.optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0}],
                                           betas=(0.9, 0.98), lr=0, fused=True)

    def embed_texts(self, ids):
        """Cut to the longest of them: after its end token no position matters."""
        end = self.model.config.text_config.eos_token_id
        ids = ids[:, : int((ids != end).sum(1).max()) + 1].long()
        texts = self.model.text_projection(self.model.text_model(input_ids=ids).pooler_output)
        return F.normalize(texts.float(), dim=-1)

    def forward(self, batch):
        labels = batch["labels"].long()
        n = len(labels)
        rows = torch.arange(n)
        wording = torch.randint(batch["tokens"].shape[1], (n,)) * (torch.rand(n) < 0.6)    # 0 is the full caption
        prompts = class_prompts(self.table, lambda limit: int(torch.randint(limit, ())))
        prompt_ids = torch.from_numpy(self.encoder.tokens([text for texts in prompts.values() for text in texts]))

        with torch.autocast("cpu", torch.bfloat16):
            vision = self.model.vision_model(pixel_values=normalised(batch["pixels"]), output_hidden_states=True)
            halfway = vision.hidden_states[len(vision.hidden_states) // 2][:, 1:]
            pooled, patches = vision.pooler_output, vision.last_hidden_state[:, 1:]
            pictures = self.model.visual_projection(pooled)
            captions, classes = self.embed_texts(batch["tokens"][rows, wording]), self.embed_texts(prompt_ids)
            pooled_loss = self.heads.pooled_loss(pooled, labels, self.unseen)
            patch_loss = self.heads.patch_loss(patches, labels, batch["cells"], self.unseen)
            halfway_loss = self.heads.halfway_loss(halfway, batch["cells"], batch["places"])
        pictures = self.model.logit_scale.exp() * F.normalize(pictures.float(), dim=-1)

        asserted = batch["asserted"][rows, wording]
        match, ignored = true_of(labels, labels, asserted), unfair(labels, labels, asserted, self.unseen)
        contrastive = contrastive_loss(pictures @ captions.T, match, ignored)
        prompt = prompt_loss(pictures @ classes.T, labels, prompts, self.unseen)
        return {"contrastive": contrastive, "prompt": prompt, "pooled": pooled_loss, "patch": patch_loss, "halfway": halfway_loss}

    def step(self, batch, rate):
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        losses = self.forward(batch)
        total = losses["contrastive"] + 2 * losses["prompt"].mean() + sum(losses[name] for name in ("pooled", "patch", "halfway"))
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        with torch.no_grad():
            self.model.logit_scale.clamp_(0, math.log(100))
        return losses

    def save(self, path):
        parts = {"model": self.model, "heads": self.heads, "optimizer": self.optimizer}
        torch.save({name: part.state_dict() for name, part in parts.items()}, path)

    def resume(self, path):
        state = torch.load(path)
        self.model.load_state_dict(state["model"])
        self.heads.load_state_dict(state["heads"])
        self.optimizer.load_state_dict(state["optimizer"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", required=True, help="the built renderer")
    parser.add_argument("--model", required=True, help="directory with the vocabulary; the weights go there")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="1 where other work runs, too")
    parser.add_argument("--seed", type=int, default=1000, help="of the first shard")
    parser.add_argument("--checkpoint", default="checkpoint.pt")
    parser.add_argument("--resume", help="start from this checkpoint")
    options = parser.parse_args()

    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    trainer = Trainer(options)
    stream = batches(shards(options.scenes, options.model, first_seed=options.seed), options.batch)
    if options.resume:
        trainer.resume(options.resume)
    else:
        start_well(trainer.model, normalised(next(stream)["pixels"]))
    start, last_save, mean = time.time(), time.time(), None
    for n, batch in enumerate(stream):
        part_done = (time.time() - start) / (60 * options.minutes)
        if part_done >= 1:
            break
        losses = trainer.step(batch, learning_rate(part_done, options.rate))
        now = torch.cat([losses[k].detach().float().view(-1) for k in ("contrastive", "prompt", "pooled", "patch", "halfway")])
        mean = now if mean is None else mean.lerp(now, 0.05)
        if n % 25 == 0:
            names = ["contrastive", "shape", "colour", "fill", "size", "count", "pooled", "patch", "halfway"]
            figures = "  ".join(f"{name} {value:.3f}" for name, value in zip(names, mean.tolist()))
            print(f"{time.time() - start:6.0f} s  {(n + 1) * options.batch:7d} pictures  {figures}", flush=True)
        if time.time() - last_save > 300:
            trainer.save(options.checkpoint)
            export(trainer.model.state_dict(), options.model)
            last_save = time.time()
    trainer.save(options.checkpoint)
    export(trainer.model.state_dict(), options.model)


if __name__ == "__main__":
    main()
