// SPDX-License-Identifier: Apache-2.0
/*
 * joint: the two towers as one model, and what can be done with them together.
 *
 *   struct model       a model directory on a device: config, weights, tokenizer. Immutable; share it freely.
 *   struct encoder     a stream and its memory, for batches up to a size. One thread at a time.
 *   struct loader      pictures decoded and preprocessed ahead of the encoder, on other threads, in order, a
 *                      list after another. One thread at a time.
 *   struct classifier  one embedding a label, averaged over prompt templates.
 *   embed_...          embeddings of pictures and texts in files.
 *
 * Embeddings that leave this folder are float32 and, where nothing else is said, of length 1: (count, E), row-major.
 */
#ifndef DIPTYCH_JOINT_H
#define DIPTYCH_JOINT_H

#include "compute/compute.h"
#include "joint/hub/hub.h"
#include "text/captions/captions.h"
#include "text/text.h"
#include "vision/vision.h"

#include <limits.h>

/* ---- models -------------------------------------------------------------------------------------------- */

/* How likely it is that a text fits a picture. */
enum score_kind {
    SCORE_SOFTMAX, /* of scale * cosine over all texts at hand: one of them fits */
    SCORE_SIGMOID, /* of scale * cosine + bias: each text by itself, none or several may fit */

    /* What no model has, but a classifier can be asked for. */
    SCORE_COSINE,      /* the cosine itself */
    SCORE_INDEPENDENT, /* SCORE_SIGMOID with the bias that a picture's cosine with a neutral text gives */
};
extern const char *const score_names[]; /* "softmax", "sigmoid", "cosine", "independent" */

struct score_rule {
    enum score_kind kind;
    float scale; /* exp of a parameter, about 100; never clamped */
    float bias;  /* of SCORE_SIGMOID */
};

/* What models have in common beside their shape: what stands in no file of theirs. */
struct family {
    const char *name;     /* "clip", "siglip", "siglip2" (NaFlex): what its network is known as */
    const char *template; /* of labels, where nobody names one */
    struct preprocess (*preprocess)(int image_size); /* where no file says it */
};
extern const struct family family_clip, family_metaclip_2, family_siglip, family_siglip2, family_clipa,
    family_eva, family_pe, family_mobileclip, family_coca, family_chinese_clip, family_altclip,
    family_xlm_roberta, family_roberta, family_nllb;

struct model_config {
    enum layout layout;
    const struct family *family;
    struct vit_config vision;
    struct text_config text;
    struct tokenizer_rule tokenizer; /* the layout's own */
    bool no_file;                    /* OpenAI's, told by its weights */
    enum score_kind score;
    bool depth_by_name; /* the number of vision blocks is that of a published name: weights may have others */
    bool text_by_name;  /* likewise of text blocks, and of tokens */
};

/* `path` names a model, here and below: its directory, or a file of weights in it, which is then taken instead of
 * those that weights_open would look for.
 *
 * Reads `config.json` (Hugging Face's CLIP layout, its legacy text_config_dict and vision_config_dict too),
 * or `open_clip_config.json` where there is none, and fills in the layout's defaults. joint/config.h says how a
 * kind of model is added. Facts: CLIPConfig in transformers, model_cfg in open_clip. Where neither is there and the
 * weights are TorchScript, as OpenAI's ViT-B-32.pt, the config is told by the shapes of the tensors.
 *
 *   ERR_IO           no such file, or it cannot be read
 *   ERR_FORMAT       no JSON object, or a value out of range: file, key and value are named
 *   ERR_UNSUPPORTED  a kind of model that is not built: likewise
 *   ERR_MEMORY */
int model_config_read(struct model_config *out, const char *path, struct err *err);

/* Parameters of the towers and of the score. */
size_t model_config_params(const struct model_config *config);

/* preprocess_load of the model's directory, with what the family's image processor of transformers has where a file of
 * that layout says nothing, and elsewhere OpenAI's way. */
int model_preprocess_read(
    struct preprocess *out, const struct model_config *config, const char *path, struct err *err);

/* *out, in the arena, is the file of weights in the directory that is called as transformers calls such a variant:
 * "fp16" is model.fp16.safetensors, or its index of shards, or pytorch_model.fp16.bin. ERR_IO where there is none. */
int model_variant(
    const char **out, const char *directory, const char *variant, struct arena *arena, struct err *err);

/* The published shapes by name, "vit-b-32" and its kin, for benchmarks and tests. NULL ends the table. */
struct model_shape {
    const char *name;
    struct model_config config;
};
extern const struct model_shape model_shapes[];

/* The directory of the model that the option names, else DIPTYCH_MODEL, else of the default model beside the installed
 * program or in the sources it was built from. What names one is MODEL_DEFAULT; a path, if there is something of that
 * name or if it begins with '/' or '.'; else a name as joint/hub/hub.h has them, of a model that is in the cache.
 * Nothing is downloaded. In the arena, or as it was given. Errors are hub_name_parse's and hub_find's. */
#define MODEL_DEFAULT "default"
int model_directory(const char **out, const char *option, struct arena *arena, struct err *err);

/* What finds that model again from anywhere, as an option: the absolute path of a directory, a name as it is, or
 * MODEL_DEFAULT, which an upgrade may move. ERR_MEMORY. */
int model_reference(const char **out, const char *option, struct arena *arena, struct err *err);

/* The directory of the model that such a reference is of: a name stays one where a folder is called so. Errors as
 * model_directory's. */
int model_referred(const char **out, const char *reference, struct arena *arena, struct err *err);

/* Downloads the model of that name, unless its configuration is one that does not run. Errors are hub_name_parse's,
 * hub_pull's and model_config_read's. */
int model_pull(
    struct hub_pulled *out, const char *name, struct arena *arena, const struct job *job, struct err *err);

/* Whether a snapshot of the cache is a model that runs, as far as can be told in milliseconds: 0, or why not. */
int model_installed_check(const struct hub_model *installed, struct err *err);

/* ---- adapters ------------------------------------------------------------------------------------------ */

/* What changes a model's weights as they are read, one after the other: "DIR" or "DIR:WEIGHT" each, without a weight 1, of
 * a folder as peft's save_pretrained writes it (adapter_config.json, adapter_model.safetensors or .bin), or of a file that
 * kohya-ss has trained for a text encoder. An adapter of weight w changes each tensor by w times what it does alone;
 * of LoRA without DoRA that is what peft's set_scale does. NULL, here and below, is none. */
struct adapters {
    const char *const *names; // (count)
    size_t count;
};

struct adapter_counts {
    size_t pairs;      /* A and B of a module */
    size_t magnitudes; /* of which have one: DoRA */
    size_t replaced;   /* tensors that take the place of the model's: trained biases, modules_to_save */
    size_t others;     /* tensors of the file that are for other networks */
    size_t rank_min, rank_max;
};

struct adapter;

/* Reads one of those for a model of these weights. Nothing is left out that is not understood:
 *
 *   ERR_UNSUPPORTED  another kind than LoRA or DoRA, or a setting that is not supported: it is named
 *   ERR_FORMAT       a tensor that is for nothing the model has, of another shape than the model's asks for, or not finite:
 *                    likewise
 *   ERR_ARGUMENT, ERR_IO, ERR_MEMORY; errors of weights_open */
int adapter_open(struct adapter **out, const char *name, const struct weights *model, struct err *err);
void adapter_free(struct adapter *adapter);
const char *adapter_path(const struct adapter *adapter);
float adapter_weight(const struct adapter *adapter);
const char *adapter_base_model(
    const struct adapter *adapter); /* what it says it was trained on; NULL: nothing */
struct adapter_counts adapter_counts(const struct adapter *adapter);

/* weights_open, with what the adapters change. Errors are those of weights_open and adapter_open. */
int weights_open_adapted(
    struct weights **out, const char *path, const struct adapters *adapters, struct err *err);

/* A reference of a model and adapters, which lie where their absolute paths say; and what it is of. Strings in the arena, or
 * as they were given. ERR_MEMORY. */
int model_reference_with(const char **out, const char *reference, const struct adapters *adapters,
    struct arena *arena, struct err *err);
int model_reference_split(const char **model, struct adapters *adapters, const char *reference,
    struct arena *arena, struct err *err);

/* ---- models with their weights ------------------------------------------------------------------------- */

struct model_conversion {
    enum layout layout;
    enum dtype dtype;
    size_t parameters;
};

/* Writes the model at `path`, of any layout and any kind of weights, with adapters merged into them, as a new directory with safetensors: in Hugging
 * Face's layout where transformers' CLIP is such a model, else in its own (another family, no ln_pre, or pictures
 * prepared as CLIPImageProcessor cannot). Tokenizer files are carried over, OpenAI's vocabulary where it is alone as vocab.json and
 * merges.txt; configs are too where the layout stays, and are else written anew. dtype is that of the weights: NULL
 * means the 16-bit type that all of them have, else float32. *out says what came of it.
 *
 * The weights stay what they are, so embeddings do too, but the order in which pictures are prepared and texts are
 * cleaned is that of the new layout. So the fingerprint is another one, always: it has the names and order of tensors.
 *
 * ERR_ARGUMENT where `directory` is there already; ERR_LIMIT for a value that dtype does not hold; ERR_CANCELLED;
 * the errors of reading the model; ERR_IO. Nothing is left after an error. */
int model_convert(struct model_conversion *out, const char *directory, const char *path,
    const struct adapters *adapters, const enum dtype *dtype, const struct job *job, struct err *err);

struct model;

/* Opens a model. Errors are those of model_config_read, preprocess_load, tokenizer_load, weights_open,
 * vit_load and text_tower_load, with the directory and the file at fault; and ERR_FORMAT where the tokenizer
 * and the model do not agree on their ids. The device must outlive the model. */
int model_open(struct model **out, const char *path, struct device *device, struct err *err);

/* The same with adapters. Errors are adapter_open's too. */
int model_open_adapted(struct model **out, const char *path, const struct adapters *adapters,
    struct device *device, struct err *err);

/* device_open and model_open_adapted in one: the tokenizer and the platform's libraries are loaded side by side, which saves
 * 30 ms with CLIP's vocabulary and PoCL. Errors are those of the two, device_open's first. */
int model_open_with_device(struct device **device, struct model **out, const char *path,
    const struct adapters *adapters, const struct device_options *options, struct err *err);

/* A model of that shape with weights made up from a seed, and no tokenizer: encoder_texts does not work. Errors
 * are those of vit_load and text_tower_load. */
int model_random(struct model **out, const struct model_config *config, uint64_t seed, struct device *device,
    struct err *err);
void model_free(struct model *model);

const struct model_config *model_config(const struct model *model);
size_t model_width(const struct model *model); /* E, the elements of an embedding, a picture's or a text's */
const struct preprocess *model_preprocess(const struct model *model);
const struct tokenizer *model_tokenizer(const struct model *model); /* NULL for model_random */
size_t model_context(
    const struct model *model); /* most tokens of a text: the tower's, or its tokenizer's if less */
struct device *model_device(const struct model *model);
struct score_rule model_score(const struct model *model);
const char *model_path(const struct model *model); /* its directory as given; NULL for model_random */

/* All that the model knows, as a noun, where its folder says so in scope.json: the default model's "rendered scenes of
 * simple shapes and letters". NULL: everything. */
const char *model_scope(const struct model *model);

/* Tells models apart whose embeddings must not be compared: 128 bits in hex digits. Equal for the same files
 * wherever they lie, and on any device in any precision; fingerprint.c says what it is made of. It takes
 * milliseconds and no device, so a program can find that a model is the wrong one before it loads its
 * weights. Errors are model_open's, but for those of a tokenizer or of weights that do not fit the config,
 * which are not looked into. */
enum { FINGERPRINT_SIZE = 33 };
int model_directory_fingerprint(char out[FINGERPRINT_SIZE], const char *path, struct err *err);

/* The same of all but the weights, which need not be there. */
int model_form_fingerprint(char out[FINGERPRINT_SIZE], const char *path, struct err *err);

/* The same with adapters: of others, of other weights and in another order it is another. Errors are adapter_open's too. */
int model_adapted_fingerprint(
    char out[FINGERPRINT_SIZE], const char *path, const struct adapters *adapters, struct err *err);

/* The same of the directory and the adapters that a model was opened from, read again. model_random's is ERR_ARGUMENT. */
int model_fingerprint(char out[FINGERPRINT_SIZE], const struct model *model, struct err *err);

/* ---- is all well? -------------------------------------------------------------------------------------- */

/* What an examination has found of one thing that the program needs. */
enum finding_state {
    FINDING_WELL,
    FINDING_POOR, /* something does not work, and the rest does */
    FINDING_BAD,  /* nothing does until this is mended */
};
struct finding {
    const char *subject; /* "device", "arithmetic", "model", "downloads", "folders", "formats", "decoder" */
    enum finding_state state;
    char text[1024];   /* what was found, for people who know nothing of drivers */
    char advice[1024]; /* what to do or, where all is well, what one could do; "": nothing */
};

struct examination {
    struct device_options device;
    const char *model; /* an option's, as model_directory has it */
    const struct adapters *adapters;
    const char *index; /* a path that an index is to be made at; NULL: none */
};

/* Looks at the device, what it computes, the model, those in the cache, the folders that are written to, the formats of pictures
 * and the process that decodes some of them, and calls `found` once or more for each in that order. Takes as long as opening the
 * model. Returns what `found` returns where that is not 0, or ERR_MEMORY: nothing that is found to be wrong is an error. */
typedef int finding_visit(void *context, const struct finding *finding, struct err *err);
int installation_examine(
    const struct examination *examination, finding_visit *found, void *context, struct err *err);

/* ---- encoding ------------------------------------------------------------------------------------------ */

struct encoder;

/* Takes device memory, once, for batches up to max_batch pictures or texts. The model must outlive it.
 * ERR_ARGUMENT: max_batch is 0; ERR_LIMIT: such a batch has more bytes than can be counted; ERR_DEVICE: the
 * device has no memory for it; ERR_MEMORY. */
int encoder_open(struct encoder **out, const struct model *model, size_t max_batch, struct err *err);
void encoder_free(struct encoder *encoder);

/* Whether embeddings get the length 1, as they do unless it is said otherwise; else they keep that of the model, as
 * transformers' get_image_features and open_clip's encode_image have them. Everything but embed_write_pictures and embed_write_texts
 * counts on length 1. */
void encoder_normalize(struct encoder *encoder, bool normalize);
const struct model *encoder_model(const struct encoder *encoder);
size_t encoder_batch(const struct encoder *encoder);
struct stream *encoder_stream(struct encoder *encoder); /* for stream_profile */

/* embeddings (count, E) of count pictures, one after the other as preprocess_run makes them: pixels (count, S, S, 3), or
 * (count, preprocess_bytes), each a struct patches. ERR_ARGUMENT: count is above
 * max_batch; ERR_DEVICE. */
int encoder_pixels(
    struct encoder *encoder, float *embeddings, const uint8_t *pixels, size_t count, struct err *err);

/* Whether each picture (count) of the last call of encoder_pixels is outside what the model knows, and how many were of
 * all since the encoder was opened. None is where model_scope is NULL. A model answers about such a picture as firmly as
 * about any other, and means nothing by it. */
const bool *encoder_outside(const struct encoder *encoder);
size_t encoder_outside_count(const struct encoder *encoder);

/* A line for people about so many of them, one or more, and about where to get a model that knows them. */
enum { OUTSIDE_LINE_SIZE = 320 };
void encoder_outside_line(char out[OUTSIDE_LINE_SIZE], const struct encoder *encoder, size_t count);

/* embeddings (count, E) of tokenized texts: row i of ids (count, context) holds lengths[i] of them, all of the context for
 * a tower without a mask. Any
 * count: texts are taken in order of length, and a batch ends where they become much longer. ERR_ARGUMENT: a text
 * without tokens or with more than the context holds, or an id past the vocabulary; ERR_CANCELLED between two
 * batches of the device; ERR_DEVICE, ERR_MEMORY. */
int encoder_ids(struct encoder *encoder, float *embeddings, const int32_t *ids, const size_t *lengths,
    size_t count, const struct job *job, struct err *err);

/* The same from strings. *truncated counts texts cut at the context length; NULL allowed. Errors of
 * token_rows_add come before any text is encoded. */
int encoder_texts(struct encoder *encoder, float *embeddings, const char *const *texts, size_t count,
    size_t *truncated, const struct job *job, struct err *err);

/* ids (context): the tokenizer's of a text, at most model_context, and where a tower without a mask takes part of them
 * all, padded to its context. Errors are tokenizer_encode's; the model has a tokenizer. */
int model_text_ids(const struct model *model, const char *text, int32_t *ids, size_t *length, bool *truncated,
    struct err *err);

/* Fills ids (context) that are as tokenizer_encode makes them up, where the tower needs that. Returns their length. */
size_t model_pad_ids(const struct model *model, int32_t *ids, size_t length);

/* Texts as ids for encoder_ids, gathered one at a time, so that one that cannot be encoded is known before
 * the device runs. Zero-initialise; a smaller count drops the last rows. */
struct token_rows {
    int32_t *ids;    // (count, context)
    size_t *lengths; // (count)
    size_t count, room;
    size_t truncated; /* texts that were cut at the context length */
};

/* A text that fails with an error of tokenizer_encode is not added. ERR_ARGUMENT: the model has no tokenizer;
 * ERR_MEMORY. */
int token_rows_add(struct token_rows *rows, const struct model *model, const char *text, struct err *err);
void token_rows_release(struct token_rows *rows);

/* ---- pictures as people name them ------------------------------------------------------------------------ */

/* Files that lie among pictures and are none: so many of each kind. */
struct passed_over {
    size_t files[FILE_KINDS];
};

/* In order. Zero-initialise. */
struct picture_list {
    struct strings paths;
    struct passed_over passed;
    struct listed_member {
        struct member member;
        struct shard_stream *stream; /* of its archive; NULL: it is a file */
    } * members;                     // (member_count): of the first so many paths
    size_t member_count, member_room;
    struct shard_stream **streams; // (stream_count)
    size_t stream_count, stream_room;
    size_t
        failed; /* archives, stretches and members of them that cannot be listed, all reported to the job */
};

/* Adds what a name stands for: the paths of braces_expand, and of each its pictures: where it is an archive (shard_named), in
 * its order, by member_kind, other members being counted; else picture_list_add. Patterns are for paths below the name, in an
 * archive too. */
int picture_list_name(struct picture_list *list, const char *name, const struct excludes *excludes,
    const struct job *job, struct err *err);

/* (paths.count) sources, for free(), which borrow from the list. NULL when out of memory. */
struct picture_source *picture_list_sources(const struct picture_list *list);
void picture_list_release(struct picture_list *list);

/* ---- pictures ahead of the device ---------------------------------------------------------------------- */

/* pixels of picture `index` of the list, as preprocess_run makes them. Called on the loader's threads. */
typedef int loader_prepare(uint8_t *pixels, const void *context, size_t index,
    const struct preprocess *preprocess, const struct picture *picture, struct err *err);

struct loader_options {
    int threads;       /* so many pictures at once; 0: as many as CPUs */
    struct pool *pool; /* whose threads decode them; NULL: the loader's own, so many */
    size_t batch;      /* pictures in one batch */
    struct picture_options picture;
    enum alpha_rule alpha;   /* what becomes of transparency */
    bool fast_decode;        /* sets picture.min_edge to the size the model's pictures are resized to */
    loader_prepare *prepare; /* in the place of preprocess_run; NULL: that */
    const void *context;     /* its own, which may change between two lists */
};

struct loader;

/* Takes memory for a few batches and starts threads, once for any number of lists. A pool outlives the loaders that
 * share it, and has threads to spare for reading files. ERR_ARGUMENT: batches of no pictures; ERR_LIMIT: batches
 * that are too large, or no thread to be had; ERR_MEMORY. */
int loader_open(struct loader **out, const struct preprocess *preprocess,
    const struct loader_options *options, struct err *err);
void loader_free(struct loader *loader); /* also in the middle of a list, as loader_start */
size_t loader_batch(const struct loader *loader);

/* Begins a list, borrowed until the next one begins or the loader goes. In the middle of another, that one ends
 * here: the call waits for the pictures that are being decoded, and none of the rest is. An empty list does only
 * that. */
void loader_start(struct loader *loader, const struct picture_source *sources, size_t count);

/* The next up to `batch` pictures of the list, in order. Pictures that failed take no room in pixels. Valid
 * until the next call of loader_next or loader_start. */
struct loaded_batch {
    size_t first, count; /* these are sources[first .. first + count) */
    const struct err
        *errs; // (count): code 0 where the picture is good; what it says then, if anything, is a warning
    const struct picture_size {
        int width, height; /* as a viewer shows it */
    } * sizes;             // (count)
    const uint8_t *pixels; // (good, preprocess_bytes), the good ones in order
    size_t good;
};

/* Waits for the next batch. False when all of the list is done, and before the first list. */
bool loader_next(struct loader *loader, struct loaded_batch *out);

/* Waits so long at most, for work that can be ended: whether loader_next would return at once now. */
bool loader_wait(struct loader *loader, double seconds);

/* Loads and encodes pictures, a batch encoded while the next is decoded, and hands each batch over with its
 * embeddings (batch->good, E); both live during the visit. Where a batch takes long to decode, there are visits
 * with count 0 a few times a second. A visit that returns non-zero ends the work, which returns that. The
 * loader's batches are at most the encoder's. ERR_DEVICE, ERR_MEMORY; a picture that cannot be read is no error
 * here but one of the batch's errs. */
typedef int picture_visit(
    void *context, const struct loaded_batch *batch, const float *embeddings, struct err *err);
int encode_pictures(struct encoder *encoder, struct loader *loader, const struct picture_source *pictures,
    size_t count, picture_visit *visit, void *context, struct err *err);

/* ---- embeddings in files ------------------------------------------------------------------------------- */

/* A row for each input, in their order. An input that fails is reported to the job, and is a row all the same, so that row i
 * stays input i:
 *
 *   EMBED_NPY    numpy's matrix (count, E), where such a row is NaN; and beside NAME.npy, in NAME.jsonl, a line a row:
 *                {"path": ...} or {"text": ...}, with an "error" where there is one, and "outside": true where encoder_outside
 *                says so, and a "warning" where a picture is damaged, but was read. index_import takes the two where none failed.
 *   EMBED_JSONL  the same lines, with an "embedding": float32 in nine digits, which give it back bit for bit
 *
 * An end before the last row, by a kill too, leaves what was done in a folder OUT.part, two seconds of work at most
 * apart; the same call goes on from there, with batches cut at the same inputs, so that the files become what they would
 * have become without that end, byte for byte. They take their places when they are whole, and the folder goes. */
enum embed_format { EMBED_NPY, EMBED_JSONL };

struct embed_options {
    const char *out; /* a file; NULL: the stream, which cannot go on, and gets no lines with EMBED_NPY */
    FILE *stream;
    enum embed_format format;
    bool half; /* the numbers of .npy are float16 */
    bool raw;  /* embeddings keep the length that the model gives them: see encoder_normalize */
};

struct embed_counts {
    size_t done, failed; /* rows, and those of them without an embedding */
    size_t before;       /* rows that an earlier call had done */
    size_t truncated;    /* texts cut at the model's context length */
};

/* Embeds pictures, or texts. `loading` is what the loader was opened with.
 *
 *   ERR_ARGUMENT  OUT.part is of a call with other inputs (pictures by path, size and time, those of archives by the archive's), another model or way to
 *                 prepare pictures, or another device, precision or batch, whose numbers may differ in their last bits: it
 *                 says which; or NAME.jsonl is there without NAME.npy, so it is none of ours
 *   ERR_BUSY      another process is at it
 *   ERR_IO        OUT cannot be written
 *   ERR_CANCELLED, and encode_pictures's and encoder_ids's errors */
int embed_write_pictures(struct embed_counts *counts, struct encoder *encoder, struct loader *loader,
    const struct loader_options *loading, const struct picture_list *pictures,
    const struct embed_options *options, const struct job *job, struct err *err);
int embed_write_texts(struct embed_counts *counts, struct encoder *encoder, const struct strings *texts,
    const struct embed_options *options, const struct job *job, struct err *err);

/* ---- ranking ------------------------------------------------------------------------------------------- */

/* A label or a caption, and how well a picture fits it. */
struct prediction {
    size_t label; /* its row */
    float cosine; /* of a classifier that has intercepts the dot product and that: a logit */
    float probability;
};

/* The score of its kind: the cosine, or the probability. It never rises from one of a ranking to the next. */
float prediction_score(const struct prediction *prediction, enum score_kind kind);

/* The `top` best of rows (count, E) for an embedding (E), best first, ties by order; top is at most count.
 * Probabilities are the scoring's: of its sigmoid, or of its softmax over all rows. */
void rank_rows(struct prediction *best, size_t top, const float *embedding, const float *rows, size_t count,
    size_t width, struct score_rule score);

/* The dot product of two vectors (E), summed in float32: of vectors of length 1 the cosine. */
float dot_product(const float *a, const float *b, size_t width);

/* How likely one of two captions is preferred to the other: exp(r1) / (exp(r1) + exp(r2)) with r = scale *
 * cosine, which is the softmax over the two (Bradley and Terry 1952). 0.5 for equals. A bias changes nothing. */
double win_probability(float scale, float cosine, float other);

/* Pictures with captions of their own to rank. */
enum { RANK_CAPTIONS_MAX = 1000 }; /* of a picture: every two of them may be compared */

struct rank_request {
    struct picture_source picture; /* no name where a line does not even say that */
    const char **captions;         // (count)
    size_t count;
    const char *error;   /* why it cannot be done; NULL where it can */
    bool outside;        /* set by rank_requests_run: the encoder's word on the picture */
    const char *warning; /* likewise: the loader's; NULL: none */
};

/* Zero-initialise. */
struct rank_requests {
    struct rank_request *items;
    size_t count, room;
    struct arena arena; /* of all texts */
};

/* Adds a picture and its captions, which are borrowed. No captions are ERR_ARGUMENT, too many ERR_LIMIT. */
int rank_requests_add(struct rank_requests *requests, struct picture_source picture,
    const char *const *captions, size_t count, struct err *err);

/* Adds the lines {"path": ..., "captions": [...]} of an input; other keys and blank lines do not count. A line that is
 * no such thing is added with its error; what fails is line_reader_next. */
int rank_requests_read(
    struct rank_requests *requests, const char *path, const struct job *job, struct err *err);
void rank_requests_release(struct rank_requests *requests);

/* Encodes pictures and captions, as they are, and hands each request over in order, with all its captions ranked:
 * best (request->count). One that failed, by its line, picture or a caption, has its error and best NULL. A visit
 * that returns non-zero ends the work, which returns that. *truncated counts captions that were cut at the context
 * length, also after an error. The loader is encode_pictures's. */
typedef int rank_visit(
    void *context, const struct rank_request *request, const struct prediction *best, struct err *err);
int rank_requests_run(struct rank_requests *requests, size_t *truncated, struct encoder *encoder,
    struct loader *loader, rank_visit *visit, void *context, const struct job *job, struct err *err);

/* ---- lists --------------------------------------------------------------------------------------------- */

/* Adds the pictures that a path stands for: itself, or every picture below it where it is a folder (folder_walk,
 * file_kind_find); other files are counted. What cannot be read is added too: it fails in its turn, with its reason. */
int picture_list_add(struct strings *paths, struct passed_over *passed, const char *root,
    const struct excludes *excludes, const char *top, const struct job *job, struct err *err);

/* Adds the lines of a list of paths, which is an input, but for empty ones: see line_reader_open and its `end`. Errors are
 * line_reader_next's, and ERR_FORMAT for a NUL in a line. */
int path_list_read(struct strings *paths, const char *list, char end, const struct job *job, struct err *err);

/* Labels: those of a data set ("@imagenet", see data_set_classes), the lines of a file, or a list with commas between. A value is an input (input_lines) where there is one of
 * that name, and where it has no comma but a '/', or ".txt", ".csv", ".tsv", ".json" or ".list" at its end. Blanks around a
 * label are dropped; so is a label that a data set repeats or, with a report to the job, a file, and lines that begin with '#'.
 * Errors are input_lines's, ERR_FORMAT with the line where a label is not UTF-8, and labels_distinct's for a list. */
int label_list_read(struct strings *labels, const char *value, const struct job *job, struct err *err);

/* ERR_ARGUMENT with a label that is there twice. */
int labels_distinct(const struct strings *labels, struct err *err);

/* The template where nobody names one, of CLIP. */
#define TEMPLATE_DEFAULT "a photo of a {}."

/* Adds templates: a set that the library holds, "imagenet" (80), "simple" (7), "cifar" (18), "caltech101" (34), "food101" or
 * "pets" (1), or the value itself where it has a {} for the label. ERR_NOT_FOUND: it is neither. */
int template_add(struct strings *templates, const char *value, struct err *err);

/* The same, or else the lines of an input of that name. Errors are input_lines's, and ERR_ARGUMENT where it has none. */
int template_list_read(struct strings *templates, const char *value, struct err *err);

/* The name of set i; false behind the last. */
bool template_set_name(char *name, size_t size, size_t i);

/* ---- data sets ----------------------------------------------------------------------------------------- */

/* Published data sets of pictures by class, as "@imagenet", "@imagenetv2", "@cifar10", "@cifar100", "@caltech101", "@food101",
 * "@pets" and "@voc2007": what their folders are called, what openai/CLIP and CLIP_benchmark show a model in their place, and the
 * templates that belong to them. assets/datasets/ says where each comes from. */
bool data_set_named(const char *value); /* "@" before a name, of whichever */
const char *data_set_name(size_t i);    /* without "@"; NULL behind the last */

/* Adds the classes in the data set's order: their folders, which are WordNet's synsets of ImageNet and rows from 0 of ImageNetV2
 * (NULL: not wanted), and their labels, of which ImageNet has two twice. ERR_NOT_FOUND: no such data set. */
int data_set_classes(struct strings *folders, struct strings *labels, const char *value, struct err *err);

/* What template_add takes for it; NULL: the default, or there is no such data set. */
const char *data_set_templates(const char *value);

/* ---- zero-shot classification -------------------------------------------------------------------------- */

/* One class vector a label: every template filled with the label, encoded, L2-normalised, averaged,
 * normalised again (open_clip's zero_shot_classifier). */
struct classifier;

/* What number a label gets. Of models with a softmax, `independent` is the share of a label against LABEL_NEUTRAL in the same
 * templates, the softmax over these two alone: another label changes nothing of it. With a sigmoid it is the model's own. */
enum label_scores {
    LABEL_SCORES_OF_MODEL,
    LABEL_SCORES_COSINE,
    LABEL_SCORES_SOFTMAX,
    LABEL_SCORES_INDEPENDENT
};
extern const char
    *const label_scores_names[]; /* "model", "cosine", "softmax", "independent"; NULL ends them */
#define LABEL_NEUTRAL "something"

/* Each template holds one or more "{}" (or CLIP_benchmark's "{c}"). A template without is ERR_ARGUMENT, as are no labels and an
 * empty label; else encoder_texts's errors. Of a label that is there twice the first is the better: vectors are equal. */
int classifier_open(struct classifier **out, struct encoder *encoder, const struct strings *labels,
    const struct strings *templates, enum label_scores scores, const struct job *job, struct err *err);

/* The same by another way to the model than an encoder of one's own: texts writes embeddings (count, E) of length
 * 1, as encoder_texts does. */
struct prompt_encoder {
    int (*texts)(void *context, float *embeddings, const char *const *texts, size_t count, size_t *truncated,
        const struct job *job, struct err *err);
    void *context;
    size_t width; /* E */
    struct score_rule score;
};
int classifier_make(struct classifier **out, const struct prompt_encoder *encoder,
    const struct strings *labels, const struct strings *templates, enum label_scores scores,
    const struct job *job, struct err *err);

/* A classifier that was learned from pictures: rows (labels, E) of any length, and an intercept (labels) each, to be added to the
 * dot products, which are copied. The score is a softmax or a sigmoid. ERR_MEMORY. */
int classifier_learned(struct classifier **out, const struct strings *labels, const float *rows,
    const float *intercepts, size_t width, struct score_rule score, struct err *err);
void classifier_free(struct classifier *classifier);
bool classifier_has_intercepts(const struct classifier *classifier);
size_t classifier_labels(const struct classifier *classifier);
const char *classifier_label(const struct classifier *classifier, size_t i);
const float *classifier_vectors(const struct classifier *classifier); // (labels, E)
enum score_kind classifier_score(const struct classifier *classifier);
size_t classifier_truncated(const struct classifier *classifier); /* prompts longer than the context */

/* rank_rows over the class vectors: the `top` best labels for one picture embedding (E); and how many of them, the first, have
 * a score of at least `least`. */
void classifier_rank(
    const struct classifier *classifier, struct prediction *best, size_t top, const float *embedding);
size_t classifier_reached(
    const struct classifier *classifier, const struct prediction *best, size_t top, double least);

/* ---- pictures by name ---------------------------------------------------------------------------------- */

/* Pictures by the names that files of captions and metadata have for them. Zero-initialise. */
struct picture_names {
    struct strings paths;
    struct string_map by_name; /* the index of a path; SIZE_MAX where a name fits several */
};

/* What a picture is called: the last part of its path, the same without suffix, and the number in COCO's twelve digits. Returns
 * how many of these there are; they are parts of the path, and no two are equal. */
enum { PICTURE_NAMES = 3 };
size_t picture_names_of(struct span names[PICTURE_NAMES], const char *path);

/* Adds the picture's names. ERR_MEMORY. */
int picture_names_add(struct picture_names *names, const char *path, struct err *err);

/* Adds all pictures at and below a folder, by their suffixes, and counts them. What cannot be read below it is
 * reported to the job; the folder itself is ERR_IO. */
int picture_names_add_folder(struct picture_names *names, size_t *pictures, const char *folder,
    const struct job *job, struct err *err);

/* What it means that so many pictures of a place are called like an image: 0 is ERR_NOT_FOUND, several are ERR_ARGUMENT. */
int picture_names_check(size_t pictures, const char *image, const char *place, struct err *err);

/* The path, borrowed, of the picture that is called `file` (its last part counts) or `id`, either NULL for
 * none. ERR_NOT_FOUND where there is none, ERR_ARGUMENT where there are several; `place` says where in
 * messages. */
int picture_names_find(const char **out, const struct picture_names *names, const char *id, const char *file,
    const char *place, struct err *err);
void picture_names_release(struct picture_names *names);

/* ---- queries ------------------------------------------------------------------------------------------- */

/* What to look for: a weighted sum of texts and pictures, in the space that both share. "A beach, no people,
 * a little like this" is {text 1, text -1, picture 0.5}. */
struct query_term {
    const char *text; /* as it is; NULL: the picture */
    struct picture_source picture;
    float weight; /* not 0 */
};

/* embedding (E), of length 1: the sum of the terms' embeddings, each of length 1, times their weights. A
 * picture that cannot be read ends it with its name and reason; terms that cancel out are ERR_ARGUMENT.
 * *truncated counts texts cut at the context length; NULL allowed. The loader's batches are at most the
 * encoder's. Steps of the job count pictures. Other errors are picture_read's and the encoder's, and
 * ERR_CANCELLED. */
int query_encode(float *embedding, struct encoder *encoder, struct loader *loader,
    const struct query_term *terms, size_t count, size_t *truncated, const struct job *job, struct err *err);

/* The same sum from embeddings (count, E) of length 1 that are there already, with weights (count). */
int query_sum(float *embedding, const float *embeddings, const float *weights, size_t count, size_t width,
    struct err *err);

#endif
