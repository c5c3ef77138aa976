// SPDX-License-Identifier: Apache-2.0
/*
 * SentencePiece's model files, by the names that repositories give them:
 *
 *   spiece.model             unigram: SiglipTokenizer, T5Tokenizer
 *   sentencepiece.bpe.model  unigram or bpe: XLMRobertaTokenizer, NllbTokenizer, which number the pieces anew
 *   tokenizer.model          bpe: GemmaTokenizer
 *
 * Each is a message of Protocol Buffers, sentencepiece_model.proto: pieces = 1 {piece 1, score 2, type 3}, trainer_spec
 * = 2 {model_type 3: 1 unigram, 2 bpe; treat_whitespace_as_suffix 24, byte_fallback 35}, normalizer_spec = 3
 * {precompiled_charsmap 2, add_dummy_prefix 3, remove_extra_whitespaces 4, escape_whitespaces 5}.
 *
 * SiglipTokenizer runs SentencePiece itself. The others run the tokenizers library on what is in the file, but Gemma's
 * merges are SentencePiece's here: of pairs that make the same piece the leftmost is first, where transformers ranks
 * them by the lengths of their halves.
 */
#include "text/protobuf.h"
#include "text/tokenizer_internal.h"

#include <stdlib.h>
#include <string.h>

enum { MODEL_UNIGRAM = 1, MODEL_BPE = 2 };

struct model_file {
    struct pieces *pieces;
    int64_t count; /* of the pieces so far */
    bool fairseq;  /* numbered as XLM-R does */
    uint64_t model, suffix, fallback, prefix, squeeze, escape;
    struct span charsmap;
};

/* fairseq puts <s>, <pad>, </s>, <unk> before all, and leaves out the file's first three, <unk>, <s>, </s>. */
static int64_t id_of(const struct model_file *file)
{
    return file->fairseq ? file->count + 1 : file->count;
}

static int read_piece(struct model_file *file, struct span message, struct err *err)
{
    struct field field;
    struct span text = {"", 0};
    double score = 0;
    int64_t type = PIECE_NORMAL;
    bool more;
    int rc;
    while (!(rc = field_next(&field, &more, &message, err)) && more) {
        if (field.number == 1 && field.type == WIRE_BYTES)
            text = field.bytes;
        else if (field.number == 2 && field.type == WIRE_FIXED32)
            score = (double)field_float(&field);
        else if (field.number == 3 && field.type == WIRE_VARINT)
            type = field.value <= INT32_MAX ? (int64_t)field.value : -1;
    }
    if (!rc && (!file->fairseq || file->count >= 3))
        rc = pieces_put(file->pieces, id_of(file), text, score, type, err);
    if (rc)
        err_wrap(err, "piece %lld", (long long)file->count);
    file->count++;
    return rc;
}

/* The numbers of a message that are at hand in `out` by their field, and its bytes in field 2. */
static int read_numbers(
    struct span message, uint64_t *const *out, size_t count, struct span *bytes, struct err *err)
{
    struct field field;
    bool more;
    int rc;
    while (!(rc = field_next(&field, &more, &message, err)) && more) {
        if (field.type == WIRE_VARINT && field.number < count && out[field.number])
            *out[field.number] = field.value;
        else if (bytes && field.type == WIRE_BYTES && field.number == 2)
            *bytes = field.bytes;
    }
    return rc;
}

static int read_field(struct model_file *file, const struct field *field, struct err *err)
{
    uint64_t *const trainer[] = {[3] = &file->model, [24] = &file->suffix, [35] = &file->fallback};
    uint64_t *const normalizer[] = {[3] = &file->prefix, [4] = &file->squeeze, [5] = &file->escape};
    int rc = 0;
    if (field->type != WIRE_BYTES)
        return 0;
    if (field->number == 1)
        return read_piece(file, field->bytes, err);
    if (field->number == 2)
        rc = read_numbers(field->bytes, trainer, sizeof trainer / sizeof *trainer, NULL, err);
    else if (field->number == 3)
        rc = read_numbers(
            field->bytes, normalizer, sizeof normalizer / sizeof *normalizer, &file->charsmap, err);
    if (rc)
        err_wrap(err, "%s", field->number == 2 ? "trainer_spec" : "normalizer_spec");
    return rc;
}

static int put_fairseq(struct pieces *pieces, struct err *err)
{
    static const char *const specials[] = {"<s>", "<pad>", "</s>", "<unk>"};
    int rc = 0;
    for (int64_t id = 0; !rc && id < 4; id++)
        rc = pieces_put(pieces, id, span_of(specials[id]), 0, id == 3 ? PIECE_UNKNOWN : PIECE_CONTROL, err);
    return rc;
}

/* Fills the subword but for what depends on who reads it. */
static int read_model(struct subword *subword, struct model_file *file, struct span bytes, struct err *err)
{
    struct field field;
    bool more;
    file->model = MODEL_UNIGRAM;
    file->prefix = file->squeeze = file->escape = 1;
    file->pieces = &subword->pieces;
    int rc = file->fairseq ? put_fairseq(&subword->pieces, err) : 0;
    while (!rc && !(rc = field_next(&field, &more, &bytes, err)) && more)
        rc = read_field(file, &field, err);
    if (rc)
        return rc;
    if (!subword->pieces.count)
        return err_set(err, ERR_FORMAT, "it has no pieces");
    if (file->model != MODEL_UNIGRAM && file->model != MODEL_BPE)
        return err_set(err, ERR_UNSUPPORTED, "its model_type is %llu, not unigram or bpe",
            (unsigned long long)file->model);
    if (file->suffix || !file->escape)
        return err_set(err, ERR_UNSUPPORTED, "it puts blanks behind words, or leaves them as they are");
    if (file->charsmap.length)
        rc = charsmap_init(&subword->charsmap, file->charsmap, err);
    subword->squeeze = file->squeeze;
    subword->prefix = file->prefix;
    subword->is_unigram = file->model == MODEL_UNIGRAM;
    subword->fuse_unknown = true;
    return rc;
}

static int find_unknown(struct subword *subword, struct err *err)
{
    const struct pieces *pieces = &subword->pieces;
    subword->unknown = -1;
    for (size_t id = 0; id < pieces->count; id++) {
        if (pieces->items[id].length && pieces->items[id].type == PIECE_UNKNOWN) {
            if (subword->unknown >= 0)
                return err_set(
                    err, ERR_FORMAT, "pieces %d and %zu are both the unknown one", (int)subword->unknown, id);
            subword->unknown = (int32_t)id;
        }
    }
    return subword->unknown >= 0 ? 0 : err_set(err, ERR_FORMAT, "none of its pieces is the unknown one");
}

static int set_fallback(struct subword *subword, struct err *err)
{
    subword->byte_fallback = true;
    for (size_t byte = 0; byte < 256; byte++)
        if (subword->byte_ids[byte] < 0)
            return err_set(err, ERR_FORMAT, "byte_fallback is set, but it has no piece '<0x%02zX>'", byte);
    return 0;
}

/* A user-defined piece gets a bonus to always be chosen: unigram_model.cc, whose largest score is never negative. */
static void set_scores(struct subword *subword)
{
    struct pieces *pieces = &subword->pieces;
    float best = 1.17549435e-38f;
    for (size_t id = 0; id < pieces->count; id++)
        if (pieces->items[id].length && pieces->items[id].type == PIECE_NORMAL &&
            pieces->items[id].score > best)
            best = (float)pieces->items[id].score;
    for (size_t id = 0; id < pieces->count; id++)
        if (pieces->items[id].length && pieces->items[id].type == PIECE_USER)
            pieces->items[id].score = (double)((float)pieces->items[id].length * best) - 0.1;
    subword_set_unknown_score(subword);
    subword->unknown_score = (double)(float)subword->unknown_score;
}

static int load(struct tokenizer *tokenizer, const struct text_file *files,
    const struct tokenizer_settings *settings, bool fairseq, struct err *err)
{
    struct subword *subword = &tokenizer->subword;
    struct model_file file = {.fairseq = fairseq};
    tokenizer->kind = &unigram_kind;
    int rc = read_model(subword, &file, files[0].bytes, err);
    if (!rc && fairseq && settings->class == CLASS_XLM_R)
        rc = pieces_put(&subword->pieces, id_of(&file), span_of("<mask>"), 0, PIECE_CONTROL, err);
    if (!rc)
        rc = subword_index(subword, err);
    if (!rc)
        rc = find_unknown(subword, err);
    if (!rc && file.fallback)
        rc = set_fallback(subword, err);
    if (rc)
        return rc;
    tokenizer->kind = subword->is_unigram ? &unigram_kind : &bpe_kind;
    if (subword->is_unigram)
        set_scores(subword);
    else
        rc = subword_make_merges(subword, settings->class == CLASS_NLLB, err);
    return rc || settings->class == CLASS_GEMMA
               ? rc
               : tokenizer_add_roles(tokenizer, &subword->pieces, settings, err);
}

/* How many pieces SiglipTokenizer takes off again. */
static int count_unknown_pieces(struct subword *subword, struct err *err)
{
    struct arena arena = {0};
    struct unigram_work work = {0};
    struct span text;
    const int32_t *ids;
    int rc = subword_normalise(&text, subword, &arena, (struct span){"", 0}, err);
    if (!rc && text.length)
        rc = unigram_encode(&ids, &subword->unknown_pieces, subword, text, &work, &arena, err);
    arena_release(&arena);
    return rc;
}

static int finish(struct tokenizer *tokenizer, const struct text_file *files,
    const struct tokenizer_settings *settings, bool fairseq, struct err *err)
{
    struct subword *subword = &tokenizer->subword;
    int rc = load(tokenizer, files, settings, fairseq, err);
    if (rc)
        return rc;
    if (settings->class == CLASS_SIGLIP && !subword->is_unigram)
        return err_set(err, ERR_UNSUPPORTED, "its model_type is bpe, where SiglipTokenizer's is unigram");
    if (settings->class == CLASS_SIGLIP) {
        subword->form = NORMAL_SIGLIP;
        subword->single = true;
        subword->lower = settings->lower != SAYS_NO;
        rc = count_unknown_pieces(subword, err);
    } else if (settings->class == CLASS_GEMMA) {
        subword->form = NORMAL_SENTENCEPIECE;
        subword->single = true;
        subword->lower = settings->lower != SAYS_NO;
    } else {
        subword_set_class(subword, settings);
    }
    return rc ? rc : tokenizer_set_specials(tokenizer, &subword->pieces, settings, NULL, err);
}

static int parse(struct tokenizer *tokenizer, const struct text_file *files,
    const struct tokenizer_settings *settings, bool fairseq, struct err *err)
{
    const int rc = finish(tokenizer, files, settings, fairseq, err);
    if (rc)
        err_wrap(err, "unable to load '%s'", files[0].name);
    return rc;
}

int tokenizer_parse_spiece(struct tokenizer *tokenizer, const struct text_file *files,
    const struct tokenizer_settings *settings, struct err *err)
{
    return parse(tokenizer, files, settings, false, err);
}

int tokenizer_parse_sentencepiece(struct tokenizer *tokenizer, const struct text_file *files,
    const struct tokenizer_settings *settings, struct err *err)
{
    return parse(tokenizer, files, settings, true, err);
}

int tokenizer_parse_gemma(struct tokenizer *tokenizer, const struct text_file *files,
    const struct tokenizer_settings *settings, struct err *err)
{
    return parse(tokenizer, files, settings, false, err);
}
