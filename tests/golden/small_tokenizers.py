# SPDX-License-Identifier: Apache-2.0
"""Small tokenizers of the kinds that published models have, trained on this project's own prose and saved as their
repositories have them: what coverage.py gives to a model whose own vocabulary is out of reach.

    write(kind, folder) -> number of ids        kinds are the names of WRITERS
"""
import functools
import gzip
import json
import pathlib
import tempfile

import open_clip
import sentencepiece
import tokenizers
import transformers
from open_clip.tokenizer import default_bpe
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

ROOT = pathlib.Path(__file__).parents[2]
PIECES = 900


@functools.cache
def corpus():
    """Lines of prose: English, and what the strings of the tokenizer's golden data have of other scripts."""
    lines = [line.strip() for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "tests/bench/RESULTS.md")
             for line in (ROOT / name).read_text().splitlines()]
    lines += (ROOT / "tests/golden/ptb_strings.txt").read_text(errors="ignore").splitlines()
    return [line for line in lines if line]


def sentencepiece_model(folder, **options):
    """spiece.model in the folder: Unigram, with nmt_nfkc as published ones have."""
    with tempfile.TemporaryDirectory() as scratch:
        text = pathlib.Path(scratch) / "corpus.txt"
        text.write_text("\n".join(corpus()))
        sentencepiece.SentencePieceTrainer.train(
            input=str(text), model_prefix=f"{scratch}/model", vocab_size=PIECES, model_type="unigram",
            normalization_rule_name="nmt_nfkc", hard_vocab_limit=False, minloglevel=2, num_threads=1, **options)
        pathlib.Path(folder, "spiece.model").write_bytes(pathlib.Path(scratch, "model.model").read_bytes())
    return sentencepiece.SentencePieceProcessor(model_file=str(pathlib.Path(folder, "spiece.model")))


def pieces_of(model):
    return [(model.id_to_piece(i), model.get_score(i)) for i in range(model.get_piece_size())]


def clip(folder):
    """CLIP's own vocabulary, which comes with open_clip, as transformers' CLIPTokenizer publishes it."""
    ours = open_clip.SimpleTokenizer()
    lines = gzip.open(default_bpe()).read().decode().split("\n")
    merges = lines[1:49152 - 256 - 2 + 1]
    pathlib.Path(folder, "vocab.json").write_text(json.dumps(
        {{"<start_of_text>": "<|startoftext|>", "<end_of_text>": "<|endoftext|>"}.get(token, token): number
         for token, number in ours.encoder.items()}))
    pathlib.Path(folder, "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n")
    return len(ours.encoder)


def siglip(folder):
    """google/siglip-*: spiece.model alone."""
    model = sentencepiece_model(folder, pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
    tokenizer = transformers.SiglipTokenizer(str(pathlib.Path(folder, "spiece.model")), model_max_length=64)
    tokenizer.model_input_names = ["input_ids"]
    tokenizer.save_pretrained(folder)
    return model.get_piece_size()


def t5(folder):
    """timm/ViT-*-SigLIP: tokenizer.json with a Unigram, as T5's."""
    model = sentencepiece_model(folder, pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
    transformers.T5Tokenizer.from_pretrained(
        folder, vocab_file=str(pathlib.Path(folder, "spiece.model")), pad_token="</s>", extra_ids=0,
        model_max_length=64).save_pretrained(folder)
    pathlib.Path(folder, "spiece.model").unlink()
    return model.get_piece_size()


def gemma(folder):
    """google/siglip2-* and timm/ViT-*-SigLIP2: tokenizer.json with a BPE over whole strings and bytes to fall back on."""
    specials = ["<pad>", "<eos>", "<bos>", "<unk>"]
    tokenizer = tokenizers.Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), normalizers.Replace(" ", "▁")])
    trainer = trainers.BpeTrainer(vocab_size=PIECES, show_progress=False,
                                  special_tokens=[*specials, *(f"<0x{byte:02X}>" for byte in range(256))])
    # Words with the blank before them, so that no merge goes over one: most of Gemma's do not either.
    tokenizer.train_from_iterator((part for line in corpus() for part in line.replace(" ", " ▁").split(" ")), trainer)
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.post_processor = processors.TemplateProcessing("$A <eos>", "$A <eos> $B <eos>", [("<eos>", 1)])
    tokenizer.save(str(pathlib.Path(folder, "tokenizer.json")))
    settings = {"tokenizer_class": "GemmaTokenizer", "pad_token": "<pad>", "eos_token": "<eos>", "bos_token": "<bos>",
                "unk_token": "<unk>", "model_max_length": 64, "padding_side": "right", "add_bos_token": False,
                "add_eos_token": True, "model_input_names": ["input_ids"]}
    pathlib.Path(folder, "tokenizer_config.json").write_text(json.dumps(settings))
    return tokenizer.get_vocab_size()


def xlm_roberta(folder):
    """facebook/xlm-v-base, xlm-roberta-*: tokenizer.json with a Unigram whose ids are those of the pieces and one."""
    model = sentencepiece_model(folder, unk_id=0, bos_id=1, eos_id=2, pad_id=-1)
    vocab = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *pieces_of(model)[3:], ("<mask>", 0.0)]
    transformers.XLMRobertaTokenizer(vocab=vocab).save_pretrained(folder)
    pathlib.Path(folder, "spiece.model").unlink()
    return len(vocab)


def nllb(folder):
    """facebook/nllb-200-*: the same with languages, of which English comes first in a text."""
    model = sentencepiece_model(folder, unk_id=0, bos_id=1, eos_id=2, pad_id=-1)
    tokenizer = transformers.NllbTokenizer.from_pretrained(
        folder, vocab_file=str(pathlib.Path(folder, "spiece.model")), src_lang="eng_Latn",
        extra_special_tokens=["eng_Latn", "fra_Latn"])
    tokenizer.save_pretrained(folder)
    pathlib.Path(folder, "spiece.model").unlink()
    return len(tokenizer)


def bert(folder):
    """bert-base-uncased: vocab.txt and tokenizer.json."""
    tokenizer = tokenizers.BertWordPieceTokenizer(lowercase=True)
    # [CLS] and [SEP] of the published one are 101 and 102, and a model may name them by number.
    unused = [f"[unused{i}]" for i in range(98)]
    tokenizer.train_from_iterator(
        corpus(), vocab_size=PIECES, show_progress=False,
        special_tokens=["[PAD]", *unused, "[unused98]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    tokenizer.save_model(str(folder))
    transformers.BertTokenizer(str(pathlib.Path(folder, "vocab.txt"))).save_pretrained(folder)
    return tokenizer.get_vocab_size()


def roberta(folder):
    """roberta-base: a byte-level BPE."""
    tokenizer = tokenizers.ByteLevelBPETokenizer()
    tokenizer.train_from_iterator(corpus(), vocab_size=PIECES, show_progress=False,
                                  special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    tokenizer.save_model(str(folder))
    transformers.RobertaTokenizer.from_pretrained(folder).save_pretrained(folder)
    return tokenizer.get_vocab_size()


WRITERS = {"clip": clip, "siglip": siglip, "t5": t5, "gemma": gemma, "xlm-roberta": xlm_roberta, "nllb": nllb,
           "bert": bert, "roberta": roberta}


def write(kind, folder):
    return WRITERS[kind](folder)
