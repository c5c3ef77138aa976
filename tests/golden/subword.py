#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the golden data of tokenizers that are not CLIP's, from the classes of transformers that read them.

    subword.py FIXTURES     (transformers 5.23.0, tokenizers 0.23.3, sentencepiece 0.2.3)

Written beside this script, each vocabulary trained here on tokenizer_strings.py and the sentences below:

    subword/siglip/    SiglipTokenizer: spiece.model, unigram, with nmt_nfkc's own charsmap
    subword/i18n/      the same with byte fallback and pieces that its user defined
    subword/t5/        T5Tokenizer: tokenizer.json of siglip/'s model, as open_clip's SigLIP repositories have it
    subword/xlm_r/     XLMRobertaTokenizer: sentencepiece.bpe.model, unigram; scores rounded, so that ties are many
    subword/gemma/     Siglip2Tokenizer: tokenizer.json, BPE with byte fallback
    subword/gemma_model/   SentencePiece's own bpe, lower case before it: tokenizer.model
    subword/nllb/      NllbTokenizer: tokenizer.json, BPE
    subword/roberta/   RobertaTokenizer: tokenizer.json, byte-level BPE
    subword/roberta_files/     the same with a blank before texts: vocab.json, merges.txt
    subword/bert/      BertTokenizer: vocab.txt
    subword/bert_cased/    the same: tokenizer.json, case and accents kept
    subword.tsv        text, then its ids by each of them in that order; bytes that are not printable ASCII as \\xNN
    subword_fixtures.tsv   folder above, file of FIXTURES, number of its texts, number of their ids, hash of the ids: every
                           caption there, and the strings on which tokenizers of captions go astray
"""

import functools
import io
import json
import pathlib
import sys

import sentencepiece
import transformers
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers.utils import logging

from tokenizer import digest_ids, escape, fixture_texts
from tokenizer_strings import strings

HERE = pathlib.Path(__file__).parent
OUT = HERE / "subword"
LOW = "\u2581"

EXTRA = [
    "a photo of a cat", "A photo of two dogs.", " leading", "trailing ", "  two  blanks  ", "\ttab\tand\nline\r\n", "_under_score_",
    "don't stop, ever!", "</s>", "a</s>b", "a </s> b", "<unk>", "x<unk>y", "<pad>", "<eos>x", "<bos>", "[SEP]", "a [CLS] b [MASK]",
    "<mask>", "a <mask> b", "\u2581low\u2581line", "\u2581", "\u2581\u2581", " \u2581 ", ". a", "!?!", "...", "\u3000wide\u3000", "\ufb01ne", "A\u030angstrom \u212b\u0301",
    "\u2460\u2461 \uff21\uff22", "e\u0301\u0323 \u1e69", "\u01c4\u01c5", "\u0130stanbul", "\u039f\u0394\u03a5\u03a3\u03a3\u0395\u03a5\u03a3", "\U0001f600\U0001f468\u200d\U0001f469", "\u2122\u00aa\u00bd", "\u4e00\u53ea\u7ea2\u8272\u7684\u732b",
    "x" * 120, "\u4e2d" * 60, "a" * 77 + " b", "\u0000nul", "\u0085next\u00a0line\u2028para\u2029", "\u200bzero\u200dwidth\ufeff", "\ufffd", "\ue000private", "\u0627\u0644\u0644\u063a\u0629",
    "<0x41>", "<0xE2>", "<extra_id_0>", "[[user]]x", "x[[user]]", "[[us", "\u0e01\u0e33 \u0e40\u0e01", "\u1100\u1161\u11a8", "\u0958\u09dc", "\u2581user\u2581", "1,000.50", "#hash @at $5",
    "\u0600\u0661", "\u064b\u064e", "\r\n\r\n", "a\u0300\u0301b", "\uff9f\uff76\uff9e", "\u0345", "\u00ad-\u2010-\u2212", "\u2018q\u2019 \u201cQ\u201d", "\u02b9\u0374", "\u1fef\u00b4",
]
WORDS = ("a photo of the cat dog bird house tree red blue green small large two three people standing on grass beach city street "
         "with without holding umbrella riding bicycle horse train playing guitar under water sky night day snow").split()


def texts():
    """Those that a JSON string can hold; surrogates by themselves are in none."""
    return [*dict.fromkeys([*EXTRA, *strings()])]


def corpus():
    sentences = [" ".join(WORDS[(i * 7 + j * (i % 5 + 1)) % len(WORDS)] for j in range(4 + i % 6)) for i in range(600)]
    return sentences + [s for s in texts() if s.strip() and "\0" not in s]


def train(folder, prefix, **kwargs):
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus()), model_writer=out, num_threads=1, minloglevel=2, hard_vocab_limit=False,
        max_sentence_length=8192, **kwargs)
    return out.getvalue()


def write(folder, name, value):
    (OUT / folder).mkdir(parents=True, exist_ok=True)
    data = value if isinstance(value, bytes) else (json.dumps(value, ensure_ascii=False, indent=0) + "\n").encode()
    (OUT / folder / name).write_bytes(data)


def proto_of(model):
    from transformers.convert_slow_tokenizer import import_protobuf
    proto = import_protobuf().ModelProto()
    proto.ParseFromString(model)
    return proto


def make_siglip():
    model = train("siglip", "spiece", vocab_size=700, character_coverage=0.98, normalization_rule_name="nmt_nfkc",
                  pad_id=-1, bos_id=-1, eos_id=1, unk_id=2, control_symbols=["<pad>"])
    write("siglip", "spiece.model", model)
    write("siglip", "tokenizer_config.json", {
        "tokenizer_class": "SiglipTokenizer", "model_max_length": 64, "do_lower_case": True, "pad_token": "</s>",
        "eos_token": "</s>", "unk_token": "<unk>", "model_input_names": ["input_ids"]})
    return model


def make_i18n():
    model = train("i18n", "spiece", vocab_size=900, character_coverage=0.98, normalization_rule_name="identity",
                  byte_fallback=True, pad_id=0, bos_id=-1, eos_id=1, unk_id=2,
                  user_defined_symbols=["[[user]]", "[[us", LOW + "user" + LOW])
    write("i18n", "spiece.model", model)
    write("i18n", "tokenizer_config.json", {"tokenizer_class": "SiglipTokenizer", "do_lower_case": False})


def unigram_json(model):
    proto = proto_of(model)
    vocab = [(piece.piece, piece.score) for piece in proto.pieces]
    tokenizer = Tokenizer(models.Unigram(vocab, unk_id=proto.trainer_spec.unk_id, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence([
        normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap), normalizers.Strip(left=False, right=True),
        normalizers.Replace(Regex(" {2,}"), LOW)])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement=LOW, prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    tokenizer.add_special_tokens(["</s>", "<unk>"])
    return tokenizer


def make_t5(model):
    tokenizer = unigram_json(model)
    write("t5", "tokenizer.json", json.loads(tokenizer.to_str()))
    write("t5", "tokenizer_config.json", {
        "tokenizer_class": "T5TokenizerFast", "extra_ids": 0, "model_max_length": 64, "pad_token": "</s>", "eos_token": "</s>",
        "unk_token": "<unk>", "additional_special_tokens": []})


def make_xlm_r():
    model = train("xlm_r", "spiece", vocab_size=600, character_coverage=0.98, normalization_rule_name="nmt_nfkc",
                  unk_id=0, bos_id=1, eos_id=2, pad_id=-1)
    proto = proto_of(model)
    for piece in proto.pieces:
        piece.score = round(piece.score)
    write("xlm_r", "sentencepiece.bpe.model", proto.SerializeToString())
    write("xlm_r", "tokenizer_config.json", {"tokenizer_class": "XLMRobertaTokenizer", "model_max_length": 77})


def bpe_json(vocab, merges, **kwargs):
    return Tokenizer(models.BPE(vocab=vocab, merges=merges, fuse_unk=True, unk_token="<unk>", **kwargs))


def trained_bpe(specials, size, lower):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence(
        ([normalizers.Lowercase()] if lower else []) + [normalizers.Replace(" ", LOW)])
    tokenizer.pre_tokenizer = pre_tokenizers.Split(LOW, "merged_with_next")
    tokenizer.train_from_iterator(
        corpus(), trainers.BpeTrainer(vocab_size=size, special_tokens=specials, show_progress=False, limit_alphabet=220))
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [tuple(merge) for merge in model["merges"]]


def make_gemma():
    specials = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"] + [f"<0x{b:02X}>" for b in range(256)] + ["\n", "\n\n", LOW + LOW]
    vocab, merges = trained_bpe(specials, 1100, True)
    tokenizer = bpe_json(vocab, merges, byte_fallback=True)
    tokenizer.normalizer = normalizers.Replace(" ", LOW)
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.post_processor = processors.TemplateProcessing(single="$A <eos>", special_tokens=[("<eos>", 1)])
    tokenizer.add_special_tokens(["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"])
    tokenizer.add_tokens([AddedToken(t, normalized=False) for t in ("\n", "\n\n", LOW + LOW)])
    write("gemma", "tokenizer.json", json.loads(tokenizer.to_str()))
    write("gemma", "tokenizer_config.json", {
        "tokenizer_class": "GemmaTokenizer", "add_bos_token": False, "add_eos_token": True, "bos_token": "<bos>",
        "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>", "mask_token": "<mask>", "do_lower_case": True,
        "padding_side": "right", "model_max_length": 64, "model_input_names": ["input_ids"]})


def make_gemma_model():
    model = train("gemma_model", "tokenizer", model_type="bpe", vocab_size=1000, character_coverage=0.98,
                  normalization_rule_name="identity", add_dummy_prefix=False, remove_extra_whitespaces=False, byte_fallback=True,
                  split_digits=True, allow_whitespace_only_pieces=True, pad_id=0, eos_id=1, bos_id=2, unk_id=3,
                  pad_piece="<pad>", eos_piece="<eos>", bos_piece="<bos>", user_defined_symbols=["[[user]]", "\n"])
    write("gemma_model", "tokenizer.model", model)
    write("gemma_model", "tokenizer_config.json", {"tokenizer_class": "GemmaTokenizer", "padding_side": "left"})


def make_nllb():
    specials = ["<s>", "<pad>", "</s>", "<unk>"]
    vocab, merges = trained_bpe(specials, 900, False)
    for code in ("eng_Latn", "fra_Latn", "<mask>"):
        vocab[code] = len(vocab)
    tokenizer = bpe_json(vocab, merges)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement=LOW, prepend_scheme="always")
    tokenizer.add_special_tokens([*specials, "eng_Latn", "fra_Latn", AddedToken("<mask>", lstrip=True)])
    write("nllb", "tokenizer.json", json.loads(tokenizer.to_str()))
    write("nllb", "tokenizer_config.json", {
        "tokenizer_class": "NllbTokenizer", "src_lang": "fra_Latn", "additional_special_tokens": ["eng_Latn", "fra_Latn"]})


def make_roberta():
    specials = ["<s>", "<pad>", "</s>", "<unk>"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(corpus(), trainers.BpeTrainer(
        vocab_size=700, special_tokens=[*specials, "<mask>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), True, False)
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True)])
    whole = json.loads(tokenizer.to_str())
    write("roberta", "tokenizer.json", whole)
    write("roberta_files", "vocab.json", whole["model"]["vocab"])
    write("roberta_files", "merges.txt", "".join(
        f"{line}\n" for line in ("#version: 0.2", *map(" ".join, whole["model"]["merges"]))).encode())
    for name in ("roberta", "roberta_files"):
        write(name, "tokenizer_config.json", {
            "tokenizer_class": "RobertaTokenizer", "add_prefix_space": name == "roberta_files", "model_max_length": 512})


def make_bert():
    for name, lower in (("bert", True), ("bert_cased", False)):
        tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lower)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        tokenizer.train_from_iterator(corpus(), trainers.WordPieceTrainer(
            vocab_size=900, special_tokens=specials, show_progress=False, limit_alphabet=250))
        vocab = tokenizer.get_vocab()
        if lower:
            write(name, "vocab.txt", "".join(f"{t}\n" for t in sorted(vocab, key=vocab.get)).encode())
        else:
            tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
            write(name, "tokenizer.json", json.loads(tokenizer.to_str()))
        write(name, "tokenizer_config.json", {"tokenizer_class": "BertTokenizer", "do_lower_case": lower})


def class_ids(folder, tokenizer_class):
    tokenizer = tokenizer_class.from_pretrained(OUT / folder)
    return lambda text: tokenizer(text).input_ids


def sentencepiece_ids(folder):
    model = sentencepiece.SentencePieceProcessor(model_file=str(OUT / folder / "tokenizer.model"))
    # letter by letter, as the tokenizers library lowers
    return lambda text: [*model.encode("".join(c.lower() for c in text)), 1]


def columns():
    return {
        "siglip": class_ids("siglip", transformers.SiglipTokenizer),
        "i18n": class_ids("i18n", transformers.SiglipTokenizer),
        "t5": class_ids("t5", transformers.T5TokenizerFast),
        "xlm_r": class_ids("xlm_r", transformers.XLMRobertaTokenizer),
        "gemma": class_ids("gemma", transformers.Siglip2Tokenizer),
        "gemma_model": sentencepiece_ids("gemma_model"),
        "nllb": class_ids("nllb", transformers.NllbTokenizer),
        "roberta": class_ids("roberta", transformers.RobertaTokenizer),
        "roberta_files": class_ids("roberta_files", transformers.RobertaTokenizer),
        "bert": class_ids("bert", transformers.BertTokenizer),
        "bert_cased": class_ids("bert_cased", transformers.BertTokenizer),
    }


def write_digests(fixtures):
    captions = fixtures / "captions"
    names = ("*_refs.json.gz", "*_results.json.gz", "tok_[!r]*.tsv.gz")
    files = sorted([path for name in names for path in captions.glob(name)] + [fixtures / "images/photos/captions.json"])
    texts_of = {path: fixture_texts(path) for path in files}
    with (HERE / "subword_fixtures.tsv").open("w", encoding="ascii") as out:
        for folder, ids in columns().items():
            ids = functools.cache(ids)
            for path in files:
                print(folder, path.relative_to(fixtures), digest_ids(list(map(ids, texts_of[path]))), sep="\t", file=out)


def main():
    logging.set_verbosity_error()
    make_t5(make_siglip())
    make_i18n()
    make_xlm_r()
    make_gemma()
    make_gemma_model()
    make_nllb()
    make_roberta()
    make_bert()
    ids_of = columns()
    with (HERE / "subword.tsv").open("w", encoding="ascii") as out:
        for text in texts():
            fields = [" ".join(map(str, ids(text))) for ids in ids_of.values()]
            out.write("\t".join([escape(text), *fields]) + "\n")
    write_digests(pathlib.Path(sys.argv[1]))


if __name__ == "__main__":
    main()
