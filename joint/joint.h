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
 *   clip_score_...     how well captions fit their pictures.
 *   retrieval_...      how well pictures find their captions, and captions their pictures.
 *   class_scores_...   how well a classifier does on pictures whose labels are known.
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
 * simple shapes". NULL: everything. */
const char *model_scope(const struct model *model);

/* Tells models apart whose embeddings must not be compared: 128 bits in hex digits. Equal for the same files
 * wherever they lie, and on any device in any precision; fingerprint.c says what it is made of. It takes
 * milliseconds and no device, so a program can find that a model is the wrong one before it loads its
 * weights. Errors are model_open's, but for those of a tokenizer or of weights that do not fit the config,
 * which are not looked into. */
enum { FINGERPRINT_SIZE = 33 };
int model_directory_fingerprint(char out[FINGERPRINT_SIZE], const char *path, struct err *err);

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

struct loader_options {
    int threads;       /* so many pictures at once; 0: as many as CPUs */
    struct pool *pool; /* whose threads decode them; NULL: the loader's own, so many */
    size_t batch;      /* pictures in one batch */
    struct picture_options picture;
    enum alpha_rule alpha; /* what becomes of transparency */
    bool fast_decode;      /* sets picture.min_edge to the size the model's pictures are resized to */
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

/* Adds the picture's names: the last part of its path, the same without suffix, and the number in COCO's
 * twelve digits. ERR_MEMORY. */
int picture_names_add(struct picture_names *names, const char *path, struct err *err);

/* Adds all pictures at and below a folder, by their suffixes, and counts them. What cannot be read below it is
 * reported to the job; the folder itself is ERR_IO. */
int picture_names_add_folder(struct picture_names *names, size_t *pictures, const char *folder,
    const struct job *job, struct err *err);

/* The path, borrowed, of the picture that is called `file` (its last part counts) or `id`, either NULL for
 * none. ERR_NOT_FOUND where there is none, ERR_ARGUMENT where there are several; `place` says where in
 * messages. */
int picture_names_find(const char **out, const struct picture_names *names, const char *id, const char *file,
    const char *place, struct err *err);
void picture_names_release(struct picture_names *names);

/* Sources (count), in the arena, of the pairs' pictures below a folder: each by the name that a caption file has
 * for it, by its id with any suffix, or by COCO's twelve digits of it. ERR_NOT_FOUND or ERR_ARGUMENT, with the
 * id, for one that is not there or there twice; ERR_IO for the folder. */
int caption_pictures(struct picture_source **out, struct arena *arena, const char *folder,
    const struct caption_pairs *pairs, const struct job *job, struct err *err);

/* The images of a set of captions that have their picture. */
struct captioned_pictures {
    struct picture_source *sources; // (count)
    size_t *images;                 // (count): which image of the set
    size_t count;
    size_t without_picture;  /* images of the set */
    size_t without_captions; /* pictures that are there */
    size_t
        failed; /* of archives: captions, members and whole stretches that cannot be read, all reported to the job */

    struct strings left_out;  /* for people, a line each: what is there and not measured */
    struct picture_list list; /* what the sources borrow from; of archives with what was passed over */
};

/* Those below a folder. Images without a picture are ERR_NOT_FOUND with the first and their number; with allow_missing only where
 * all are. ERR_ARGUMENT where a name fits several pictures. Release it also after an error. */
int captioned_pictures_find(struct captioned_pictures *out, const struct caption_set *set, const char *folder,
    bool allow_missing, const struct job *job, struct err *err);

/* Those of archives as WebDataset has them: of one key a picture and a .txt, with a caption a line; lines without any are none.
 * Paths are archives, with braces, or a folder of them, also CLIP_benchmark's layout: see labelled_pictures. The set's images are
 * called as their .txt is, and none is found by its id.
 *
 * ERR_NOT_FOUND: captions without a picture, unless they are allowed or something cannot be read. ERR_ARGUMENT: there is no
 * archive, no picture with captions, or two pictures have the same ones. ERR_UNSUPPORTED: it is a data set for something else.
 * ERR_FORMAT, ERR_IO, ERR_MEMORY, ERR_CANCELLED. Release both also after an error. */
int captioned_shards_read(struct captioned_pictures *out, struct caption_set *set, const char *const *paths,
    size_t count, bool allow_missing, const struct job *job, struct err *err);
void captioned_pictures_release(struct captioned_pictures *pictures);

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

/* ---- CLIPScore ----------------------------------------------------------------------------------------- */

/* How well a caption fits its picture (Hessel et al. 2021, https://arxiv.org/abs/2104.08718), as the authors'
 * program computes it, with "A photo depicts " before every caption:
 *
 *   CLIPScore    = 2.5 max(cos(picture, candidate), 0)
 *   RefCLIPScore = 2 a b / (a + b), where a = CLIPScore, b = max over references of cos(candidate, reference)
 *
 * The paper clips b at 0 too and the program does not: a negative b can give any number. a = b = 0 gives NaN.
 * Here cosines and scores are computed in float64 from float32 embeddings; the program's are float32. */
double clip_score(double cosine);
double clip_score_with_references(double clip_score, double best_cosine);

/* The corpus' score is the mean of the images'. */
struct clip_scores {
    struct metric_scores clip;
    struct metric_scores with_references; /* empty where there are no references */
    size_t truncated;                     /* captions cut at the context length */
};

/* Scores the candidate of pairs[i], as it is, against pictures[i]; either all pairs have references or none,
 * and there is at least one. The first picture that cannot be read ends it with its name and reason,
 * since a mean over fewer pictures would be another number; messages about captions count images from 0. The
 * loader's batches are at most the encoder's. Steps of the job count pictures; nothing is kept of work that is
 * ended. ERR_ARGUMENT: no pairs, or some without references; ERR_FORMAT: a caption is not UTF-8; picture_read's,
 * ERR_DEVICE, ERR_CANCELLED, ERR_MEMORY. */
int clip_score_compute(struct clip_scores *out, struct encoder *encoder, struct loader *loader,
    const struct picture_source *pictures, const struct caption_pair *pairs, size_t count,
    const struct job *job, struct err *err);
void clip_scores_release(struct clip_scores *scores);

/* ---- evaluation: retrieval ----------------------------------------------------------------------------- */

/* Every picture asks for its captions among all captions, and every caption for its picture among all
 * pictures, by cosine. The rank of a query is that of its best positive, 1 for the best:
 *
 *   rank   = 1 + the number of negatives whose cosine is not below that of the query's best positive
 *   R@k    = the share of queries with rank <= k
 *   median = the middle rank; the mean of the two middle ones where their number is even
 *
 * R@k is what papers on CLIP print and CLIP_benchmark calls image_retrieval_recall@k (text to image) and
 * text_retrieval_recall@k (image to text): a picture with several captions has a hit as soon as any of them
 * is among the k best (https://github.com/LAION-AI/CLIP_benchmark, metrics/zeroshot_retrieval.py).
 *
 * Ties go against the query: the reference leaves them to the order of files and the sort at hand, by which a
 * model that gives every pair the same cosine may score anything; here it scores 0. So does NaN. */
enum { RETRIEVAL_CUTOFFS = 3 };
extern const size_t retrieval_cutoffs[RETRIEVAL_CUTOFFS]; /* the k of R@k: 1, 5, 10 */

struct retrieval_scores {
    size_t queries;
    double recall[RETRIEVAL_CUTOFFS]; /* 0 to 1 */
    double median_rank, mean_rank;
};

struct retrieval {
    struct retrieval_scores image_to_text, text_to_image;
    size_t *image_ahead,
        *caption_ahead; // (queries of either): the negatives ahead of each query, its rank less 1
    size_t *image_of;   // (captions)
};

/* For images (image_count, E) and captions (caption_count, E) of length 1, where caption i says what image
 * image_of[i] shows. An image without a caption is ERR_ARGUMENT. A pair's cosine is its float32 dot_product;
 * matrix products on the device settle most comparisons, and those that are too close for them are done with it,
 * so results depend neither on the device nor on the number of threads. No cosine is kept: memory is linear in the
 * counts. Errors are also those of layers. */
int retrieval_compute(struct retrieval *out, struct device *device, const float *images, size_t image_count,
    const float *captions, const size_t *image_of, size_t caption_count, size_t width, const struct job *job,
    struct err *err);
void retrieval_release(struct retrieval *retrieval);

/* How sure R@1, R@5 and R@10 are, from image to text and then from text to image, and differences to the first of several
 * models on the same pictures: bootstrap_compute over pictures, each drawn with its captions, whose ranks among all
 * captions and pictures stay. out (models, RETRIEVAL_RATES). ERR_ARGUMENT too where the pictures are not the same. */
enum { RETRIEVAL_RATES = 2 * RETRIEVAL_CUTOFFS };
void retrieval_rates(double rates[RETRIEVAL_RATES], const struct retrieval *retrieval);
int retrieval_bootstrap(struct bootstrap_score *out, const struct retrieval *models, size_t count,
    size_t samples, uint64_t seed, const struct job *job, struct err *err);

/* The evaluation of a model: encodes the pictures and their captions, as they are, and computes the above. A
 * picture that cannot be read is reported to the job and left out with its captions; none at all is ERR_ARGUMENT.
 * A caption that cannot be encoded ends it with image and number. The loader's batches are at most the
 * encoder's. */
struct retrieval_evaluation {
    struct retrieval scores;
    size_t pictures, failed; /* looked at, also when the job ended it; and of these unreadable */
    size_t truncated;        /* captions cut at the context length */
};

/* Release out->scores also after an error. */
int retrieval_evaluate(struct retrieval_evaluation *out, struct encoder *encoder, struct loader *loader,
    const struct caption_set *set, const struct captioned_pictures *pictures, const struct job *job,
    struct err *err);

/* ---- pictures whose labels are known -------------------------------------------------------------------- */

/* Which part of a data set. One that has no parts is all DATA_PART_TRAIN. */
enum data_part {
    DATA_PART_MEASURED, /* what one measures with: the first of test, val and train that is there, or all */
    DATA_PART_TRAIN,
    DATA_PART_VALIDATION,
    DATA_PART_TEST
};
extern const char *const data_part_names[]; /* "", "train", "validation", "test" */

/* What a classifier is measured with, wherever it lies:
 *
 *   folders    DIR/NAME/...: every picture below DIR/NAME shows what NAME says, as torchvision's ImageFolder takes it
 *   CSV        a picture and its label a line, or a column of 0 and 1 for each label: joint/labelled_csv.c
 *   archives   WebDataset's: of one key a picture and a .cls, the number or the name of its label
 *
 * A folder of folders called train, val, test or so stands for one of these: the first of test, testing, val, valid,
 * validation, train and training that has pictures by class. A folder of archives may be CLIP_benchmark's layout,
 * {test,train}/{0..N}.tar, with nshards.txt beside them, and classnames.txt, zeroshot_classification_templates.txt and
 * dataset_type.txt above or beside (https://github.com/LAION-AI/CLIP_benchmark, build_wds_dataset).
 *
 * A class there has a name or a number: `labels`, in their order, are what a model is shown for it. A class is the label of
 * that name; of a data set ("@imagenet") the class whose folder or label has it, whatever the case and with _ as a blank; where
 * all of them are numbers and not all are names, the label of that row, from 0. Without `labels` they are the data set's own
 * (classnames.txt, where a name may stand twice), or else the names that there are, in byte order. */
struct labelled_options {
    const char *labels;          /* as label_list_read takes them; NULL: the data set's own */
    const struct strings *names; /* NULL, or the labels themselves, in the place of those */
    enum data_part part;
    const char *
        classes; /* NULL, or a file that has the label of each class, "n01440764<TAB>tench" a line; classes of one label are one */
    const char *folder; /* that the paths of a CSV are below; NULL: the one it lies in */
    const char
        *separator; /* between the labels of a picture in a CSV, "" for one label always; NULL: ';' and '|' */
    const struct excludes *excludes; /* of folders; NULL: the defaults */
    bool allow_missing;
};

/* Zero-initialise. */
struct labelled_pictures {
    const char *name;         /* of what is measured: of a part of a data set its folder */
    struct strings labels;    // (labels.count): one a class
    struct strings templates; /* the data set's own; none: it has none */

    struct picture_source *pictures; // (count): folder by folder, or as file and archives have them
    size_t count;
    size_t
        *first; // (count + 1): picture i shows truths[first[i]] to truths[first[i + 1] - 1], in rising order
    size_t *truths; // rows of labels
    bool several;   /* a picture may have several labels or none; else each has one */

    struct strings
        left_out; /* for people, a line each: what is there and not measured, or measured without pictures */
    bool may_go_on; /* after an error: with allow_missing it would be a line of left_out */
    bool no_part;   /* after ERR_NOT_FOUND: the part that is wanted is not there */

    struct picture_list
        list; /* what the pictures borrow from; with the files that were passed over, and what failed */
    struct arena arena;
};

/* Reads what the paths name: a folder, a CSV (an input), or any number of archives, with braces. Pictures are listed and not
 * opened. Release it also after an error.
 *
 *   ERR_NOT_FOUND  classes that are no label, labels that were asked for and are no class, pictures that are not there:
 *                  see allow_missing; or no such data set, or no such part of it
 *   ERR_ARGUMENT   no class is a label, one label alone, numbers without labels, no pictures
 *   ERR_FORMAT     a file is not as it should be: with its line or member
 *   ERR_UNSUPPORTED, ERR_IO, ERR_LIMIT, ERR_MEMORY, ERR_CANCELLED */
int labelled_pictures_read(struct labelled_pictures *out, const char *const *paths, size_t count,
    const struct labelled_options *options, const struct job *job, struct err *err);
void labelled_pictures_release(struct labelled_pictures *pictures);

/* ---- evaluation: classification ------------------------------------------------------------------------ */

enum { OUTCOME_TOP = 5 }; /* best labels that an outcome takes notice of */

/* What became of a picture whose labels are known. */
struct outcome {
    size_t truth; /* the row of its label, of several the one that stands best; LABEL_NONE: it has none */
    struct prediction
        best[OUTCOME_TOP]; /* what the classifier says; without labels enough the last are zeros */
    size_t place;          /* of the truth among the best: 0 where it is right, `top` where not among them */
    float truth_probability; /* NAN where not among them */
};

#define LABEL_NONE SIZE_MAX

/* The rows of the labels that a picture shows. */
struct picture_labels {
    const size_t *rows; // (count)
    size_t count;
};
struct picture_labels labelled_picture(const struct labelled_pictures *pictures, size_t i);

/* From the `top` best labels, as classifier_rank puts them: ties go to the label that comes first. */
struct outcome outcome_of(struct picture_labels labels, const struct prediction *best, size_t top);

/* With CLIP_benchmark's names (metrics/zeroshot_classification.py):
 *
 *   acc1 = the share of pictures whose label is the best, acc5 = is among the best five
 *   mean_per_class_recall = the mean over labels that have pictures of right / pictures */
struct class_recall {
    size_t pictures, right;
};

struct confusion {
    size_t truth, predicted, count; /* pictures of one label that were taken for another */
};

struct class_scores {
    double acc1, acc5; /* acc5 is NaN under 5 labels, where all are among the best five */
    double mean_per_class_recall;
    struct class_recall *classes; // (labels)
    struct confusion *confusions; // (confusion_count), the most frequent first, equals by rows
    size_t labels, confusion_count;
};

/* For outcomes of the OUTCOME_TOP best labels, or of all where there are fewer; at least one outcome. Memory
 * is linear in pictures and labels. */
int class_scores_compute(
    struct class_scores *out, const struct outcome *outcomes, size_t count, size_t labels, struct err *err);
void class_scores_release(struct class_scores *scores);

/* Whether the classifier is as sure as it is right: pictures in bins of equal width by confidence, the probability of the
 * best label, of which bin i has (i / 15, (i + 1) / 15], and the expected calibration error (Guo et al. 2017,
 * https://arxiv.org/abs/1706.04599)
 *
 *     sum over bins of pictures / all * |accuracy - confidence|, the means of the bin
 *
 * torchmetrics' multiclass_calibration_error (norm l1, 15 bins) is the same but for pictures whose confidence is a bin's
 * bound: its bins are [i / 15, (i + 1) / 15), and 1 is a bin by itself. */
enum { CALIBRATION_BINS = 15 };

struct calibration_bin {
    size_t pictures;
    double confidence, accuracy; /* means; 0 without pictures */
};

struct calibration {
    struct calibration_bin bins[CALIBRATION_BINS];
    double error; /* 0 to 1 */
};

struct calibration calibration_of(const struct outcome *outcomes, size_t count);

/* Average precision, where pictures may show several labels: with the pictures by a score for the label, the highest first,
 *
 *   AP  = the mean over the pictures that show it of: how many of the pictures down to there do, as a share; 0 where none does
 *   mean_average_precision = the mean over all labels
 *
 * as CLIP_benchmark 1.6.2 has it (metrics/zeroshot_classification.py, average_precision_per_class) and scikit-learn 1.9
 * (average_precision_score). They differ where scores are equal: there CLIP_benchmark goes by the order of files, and
 * scikit-learn, as is done here, goes down to the last of the equals at once. NaN is the lowest. */
struct scored_picture {
    float score;
    bool positive;
    uint32_t picture; /* the caller's number for it */
};
double average_precision(struct scored_picture *pictures, size_t count); /* which it sorts */

struct average_precisions {
    double mean;
    double *classes;  // (labels)
    size_t *pictures; // (labels): that show it
    size_t labels;

    struct ranked_picture
        *order; // (labels, count): the pictures by the score for each label, the highest first
    size_t count;
};

/* A picture in that order. */
struct ranked_picture {
    uint32_t picture : 30;
    uint32_t positive : 1;
    uint32_t last : 1; /* of those that have the same score */
};

/* By the cosines of embeddings (count, E) and rows (labels, E), of length 1. The orders take 4 bytes a picture and label; where
 * that were more than a GiB there are none, and precisions_bootstrap refuses. ERR_ARGUMENT: no pictures; ERR_CANCELLED,
 * ERR_MEMORY. */
int average_precisions_compute(struct average_precisions *out, const float *embeddings, size_t count,
    const struct picture_labels *shown, const float *rows, size_t labels, size_t width, const struct job *job,
    struct err *err);
void average_precisions_release(struct average_precisions *precisions);

/* The evaluation of a model: gives every picture its best labels and scores them. A picture that cannot be read is
 * reported to the job and left out. The classifier's labels are those of `pictures`, in their order; the loader is
 * encode_pictures's. Where pictures have several labels there are no scores but average precisions; the embeddings are
 * kept for them. Release it also after an error, ERR_CANCELLED too. */
struct class_evaluation {
    struct class_scores scores;
    struct average_precisions precisions;
    struct outcome *outcomes; // (count): of the pictures that could be read
    size_t *pictures;         // (count): which ones they are
    size_t count, failed;
};

int class_evaluate(struct class_evaluation *out, struct encoder *encoder, struct loader *loader,
    const struct classifier *classifier, const struct labelled_pictures *pictures, const struct job *job,
    struct err *err);
void class_evaluation_release(struct class_evaluation *evaluation);

/* acc1 of a model of open_clip's name ("ViT-B-32/openai", or "openai/ViT-B-32") on a data set ("imagenet"), as somebody has
 * published it. ERR_NOT_FOUND, with what there is. */
struct published {
    char model[64];
    size_t pictures; /* of the data set */
    double acc1;
    const char *source;
};
int published_find(struct published *out, const char *model, const char *data_set, struct err *err);

/* How far a share of so many pictures is above the published one, in standard errors of a share, sqrt(p (1 - p) / n). */
double published_errors(const struct published *published, double acc1, size_t pictures);

/* How sure these rates are, and differences to the first of several models on the same pictures: bootstrap_compute over
 * pictures. A class of which no picture is drawn does not count in a sample's mean recall. out (models, CLASS_RATES).
 * ERR_ARGUMENT too where the pictures are not the same. */
enum class_rate { CLASS_ACC1, CLASS_ACC5, CLASS_RECALL, CLASS_RATES };
void class_rates(double rates[CLASS_RATES], const struct class_scores *scores);
int class_bootstrap(struct bootstrap_score *out, const struct class_evaluation *models, size_t count,
    size_t samples, uint64_t seed, const struct job *job, struct err *err);

/* The same of the mean average precision: out (models). A label that no picture drawn shows counts as 0, as in the mean itself.
 * ERR_LIMIT where the orders were too large to be kept. */
int precisions_bootstrap(struct bootstrap_score *out, const struct class_evaluation *models, size_t count,
    size_t samples, uint64_t seed, const struct job *job, struct err *err);

/* Average precision of one label with each picture taken so many times. */
double average_precision_drawn(const struct ranked_picture *order, size_t count, const uint32_t *times);

#endif
