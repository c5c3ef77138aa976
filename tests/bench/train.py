# SPDX-License-Identifier: Apache-2.0
"""Times steps of contrastive training in PyTorch, as bench_train does, and says the most memory.

    python train.py BATCH TOKENS STEPS [f32|bf16] [eager|compile] [all|lora [RANK]]

lora is peft's, on the matrices that bench_train changes.
"""
import resource
import sys
import time

import torch
import transformers

batch, tokens, steps = map(int, sys.argv[1:4])
precision, how, what, rank = (sys.argv[4:] + ["f32", "eager", "all", "16"][len(sys.argv[4:]):])[:4]
torch.set_num_threads(2)
torch.manual_seed(1)
config = transformers.CLIPConfig(
    projection_dim=512,
    vision_config=dict(hidden_size=768, num_attention_heads=12, intermediate_size=3072, num_hidden_layers=12, patch_size=32),
    text_config=dict(hidden_size=512, num_attention_heads=8, intermediate_size=2048, num_hidden_layers=12, vocab_size=49408,
                     eos_token_id=49407))
model = transformers.CLIPModel._from_config(config, attn_implementation="sdpa").train()
scale = model.logit_scale
if what == "lora":
    import peft

    model = peft.get_peft_model(model, peft.LoraConfig(
        r=int(rank), lora_alpha=int(rank), lora_dropout=0.0,
        target_modules=["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"]))
run = torch.compile(model) if how == "compile" else model
named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
optimizer = torch.optim.AdamW(
    [{"params": [p for _, p in named if p.ndim < 2], "weight_decay": 0.0},
     {"params": [p for _, p in named if p.ndim >= 2], "weight_decay": 0.2}], lr=1e-4, betas=(0.9, 0.98), eps=1e-6)
pixels = torch.randn(batch, 3, 224, 224)
ids = torch.randint(0, 49000, (batch, tokens))
ids[:, -1] = 49407
own = torch.arange(batch)


def step():
    optimizer.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        out = run(pixel_values=pixels, input_ids=ids)
        images, texts = out.image_embeds, out.text_embeds
        logits = scale.exp() * images @ texts.T
        loss = (torch.nn.functional.cross_entropy(logits, own) + torch.nn.functional.cross_entropy(logits.T, own)) / 2
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    with torch.no_grad():
        scale.clamp_(0, 4.6052)
    return float(loss.detach())


loss = step()
if how == "compile":
    step()
began = time.monotonic()
for _ in range(steps):
    loss = step()
print(f"{(time.monotonic() - began) / steps:.3f} s a step, loss {loss:.4f}, "
      f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB at most")
