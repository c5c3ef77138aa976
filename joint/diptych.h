/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libdiptych: CLIP-style models on OpenCL. Pictures and texts become vectors of one space; pictures are classified and
 * captions ranked without training, pictures and texts are kept in an index and searched, and captions are scored
 * against references. It is what the command `diptych` does, as a library: the same input gives the same numbers.
 *
 *     struct diptych_model       a model on a device
 *     struct diptych_classifier  labels that pictures are told apart by
 *     struct diptych_index       vectors of pictures and texts on disk, and what they stand for
 *     struct diptych_hits        what a search has found
 *     struct diptych_scores      how good captions are
 *     struct diptych_outcomes    what became of each input of a call
 *     struct diptych_job         the progress of a call, and its end before its time
 *
 *     struct diptych_error error;
 *     struct diptych_model *model;
 *     if (diptych_model_open(&model, "openai/clip-vit-base-patch32", NULL, NULL, &error))
 *         fprintf(stderr, "%s\n", error.message);
 *
 * What holds everywhere:
 *
 * Errors. A function that can fail returns 0 or an enum diptych_code, and takes a struct diptych_error last, which may be
 * NULL. One bad picture or text is no error but the outcome of that input: the call goes on, and rows never shift. After an
 * error a `**out` is NULL, and what is in arrays of results is undefined. NULL where a handle or an array is needed is
 * DIPTYCH_ERROR_ARGUMENT, and functions that return a value return 0 or NULL then.
 *
 * Memory. Out parameters come first. What is handed out through a `**out` belongs to the caller and goes back through that
 * type's own _free, which takes NULL. Returned and filled-in pointers are borrowed from the handle and live as long as it
 * does. Arguments are borrowed until the call returns, and no longer. A model may be freed before its classifiers and
 * indexes: it goes with the last of them.
 *
 * Arrays are the caller's, contiguous and row-major, of as many elements as the comment beside them says: embeddings
 * (count, E) are count * E floats, and E is diptych_model_info's width. Strings are UTF-8 and end with NUL; paths are bytes.
 *
 * Options are a struct that begins with its own size, and NULL stands for all defaults. Zero it and set `size`:
 *
 *     struct diptych_model_options options = {.size = sizeof options, .precision = "f32"};
 *
 * Later versions add fields at its end, where 0 is what was before. So a program that was compiled with a smaller struct
 * goes on as it was; one with a larger is DIPTYCH_ERROR_UNSUPPORTED only where it sets what this library does not know.
 * Structs that a function fills in begin with their size for the same reason: set it before the call. All other structs
 * stay as they are in every libdiptych.so.0.
 *
 * Threads. Any number of threads may use one model, one classifier, one struct diptych_hits or diptych_scores at once.
 * They may share an index too, and take turns: while one brings it up to date others wait, or have an index handle of
 * their own, which is not held up. A job is of one call at a time, but diptych_job_cancel and the functions that look at it may
 * be called from any thread meanwhile. Freeing a handle, nothing else may use it.
 *
 * The process. Nothing is printed, no signal is handled, nothing ends the process. The program's locale stays what it is, and
 * changes nothing here: numbers have a decimal point in files and messages. Callbacks are called in it. Threads are
 * started: OpenCL, OpenMP and oneDNN keep theirs until the process ends, which is why libdiptych.so, once loaded, stays.
 * A process that has opened a model may fork() only to exec(). Files in formats that are not decoded here (TIFF, HEIC, JPEG XL,
 * camera raw ...) are decoded in a process `diptych-decode`, which comes with the library.
 *
 * The environment. It is read, as the README says: DIPTYCH_MODEL, DIPTYCH_DEVICE, DIPTYCH_KERNEL_CACHE, DIPTYCH_DECODER,
 * HF_HOME and its kin, OpenCL's own. It is written in one case: PoCL, OpenCL on the CPU, has no device for a user without
 * a folder to write to, so the first diptych_model_open sets POCL_CACHE_DIR if that is not set and PoCL's own choice cannot be
 * written. A program whose other threads read the environment meanwhile sets POCL_CACHE_DIR itself before it starts them.
 *
 * Letters: E the width of an embedding, N, Q, K counts that are named where they are used.
 */
#ifndef DIPTYCH_H
#define DIPTYCH_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define DIPTYCH_API __attribute__((visibility("default")))
#else
#define DIPTYCH_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- errors -------------------------------------------------------------------------------------------- */

/* One code for each thing a caller would do differently. The message carries everything else. */
enum diptych_code {
    DIPTYCH_OK = 0,
    DIPTYCH_ERROR_ARGUMENT = 1, /* the call makes no sense: fix the program, or what its user has typed */
    DIPTYCH_ERROR_MEMORY = 2,   /* out of host memory */
    DIPTYCH_ERROR_IO = 3,       /* a file or folder is missing, unreadable or unwritable: look at the path */
    DIPTYCH_ERROR_FORMAT = 4,   /* the bytes of a file, or a text, are not what they should be */
    DIPTYCH_ERROR_LIMIT = 5,    /* well-formed, but larger than a limit allows: raise it, or skip */
    DIPTYCH_ERROR_UNSUPPORTED = 6, /* well-formed, but of a kind that this library does not handle */
    DIPTYCH_ERROR_DEVICE = 7,      /* an OpenCL device is missing or failed */
    DIPTYCH_ERROR_NOT_FOUND = 8,   /* what was asked for by its name or number is not there */
    DIPTYCH_ERROR_BUSY = 9,        /* another process has it: try again later */
    DIPTYCH_ERROR_CANCELLED = 10,  /* by diptych_job_cancel, or a step that said so */
    DIPTYCH_ERROR_MODEL = 11       /* the index or the probe is of another model: open that one */
};

/* message: what failed, on which file, where and why, as in
 *     unable to read 'a.png': PNG chunk 'IDAT' at byte 33 runs past the end of the file
 * One that is too long ends in "...". After a call without an error, code is 0 and message empty. */
struct diptych_error {
    int32_t code; /* enum diptych_code */
    char message[4092];
};

/* "cancelled" for DIPTYCH_ERROR_CANCELLED, "ok" for 0; NULL for a number that is no code. */
DIPTYCH_API const char *diptych_code_name(int32_t code);

/* The library's version, as "0.2.0". */
DIPTYCH_API const char *diptych_version(void);

/* ---- jobs ---------------------------------------------------------------------------------------------- */

/* Functions that may take long take a job, or NULL. It can be looked at and ended from any thread, and it can call back. */
struct diptych_job;

DIPTYCH_API int diptych_job_new(struct diptych_job **out, struct diptych_error *error);
DIPTYCH_API void diptych_job_free(struct diptych_job *job);

/* Has the work end with DIPTYCH_ERROR_CANCELLED: in half a second at most, one batch on the device, the compiling of a kernel
 * or the opening of weights apart. A job stays cancelled, and so is every later call that takes it. May be called in a signal
 * handler too. */
DIPTYCH_API void diptych_job_cancel(struct diptych_job *job);
DIPTYCH_API int32_t diptych_job_is_cancelled(const struct diptych_job *job);

/* What a job has come to: `done` of `total` of that unit ("pictures"; a new unit begins a new phase). total 0: how much there
 * is to do is not known, and unit says what goes on ("looking for pictures"). */
struct diptych_progress {
    size_t size; /* sizeof(struct diptych_progress) */
    size_t done, total;
    char unit[64];
};
DIPTYCH_API int diptych_job_progress(
    struct diptych_job *job, struct diptych_progress *out, struct diptych_error *error);

/* Callbacks, either NULL for none, on the thread that has called for the work and never two at once. `step` is called at
 * least every half second, as diptych_job_cancel has it; a return of non-zero ends the work with
 * DIPTYCH_ERROR_CANCELLED. `report` is called when one input has failed and the work goes on without it, or, with code
 * 0, when something is wrong with an input that was used all the same. Strings live during the callback. A callback may
 * not use the handles of the call, but for the job. */
typedef int32_t diptych_step(void *context, const char *unit, size_t done, size_t total);
typedef void diptych_report(void *context, int32_t code, const char *message);
DIPTYCH_API int diptych_job_watch(struct diptych_job *job, diptych_step *step, diptych_report *report,
    void *context, struct diptych_error *error);

/* ---- models -------------------------------------------------------------------------------------------- */

struct diptych_model_options {
    size_t size; /* sizeof(struct diptych_model_options) */
    int32_t
        download; /* a model that is named and not in the cache is downloaded first; otherwise nothing ever is. Not with index */
    const char
        *index; /* a folder NAME.dip: without a name, the model that this index was made with is opened */

    const char
        *device; /* "gpu", "cpu", "accelerator", "PLATFORM:DEVICE", part of a name; NULL: the best there is */
    const char *gemm;      /* "amx", "avx512", "avx2", "clblast", "onednn"; NULL: the fastest */
    const char *precision; /* "f32", "bf16", "f16"; NULL: the fastest that the device does well */

    size_t batch; /* pictures or texts that are encoded at once; 0: 32. Device memory is in proportion */
    size_t
        encoders;   /* calls that may use the device at once, each with a batch's memory, others wait; 0: 4 */
    size_t threads; /* of the host, of each call; 0: as many as CPUs */

    /* Pictures. */
    const char *alpha;   /* what becomes of transparency: "model", "white", "black", "drop"; NULL: "model" */
    size_t max_pixels;   /* of a picture; 0: 200 million */
    size_t max_bytes;    /* of a picture's file; 0: 256 MiB */
    int32_t ignore_exif; /* do not turn pictures the way their EXIF data says */
    int32_t
        fast_decode; /* JPEGs at a half, a quarter or an eighth where the model needs no more: cosines of 0.999 */
    int32_t strict;    /* damaged JPEGs that could be read all the same are failures */
    int32_t truncated; /* pictures whose end is missing are read as far as they go */
    int32_t isolate; /* every picture is decoded in a process of its own, as files that one does not trust */

    /* Adapters that are merged into the weights, "DIR" or "DIR:WEIGHT" each: LoRA in the folders that peft saves. Without any, a
     * model that is opened by an index has those that the index was made with. */
    const char *const *lora; // (lora_count)
    size_t lora_count;
};

/* A model and its weights on a device: immutable. */
struct diptych_model;

/* Opens the model that `name` stands for, as the command's --model: a path of a directory, or of a file of weights in one,
 * if there is something of that name or if it begins with '/' or '.'; else a name, with @REVISION behind it or not, as
 * "openai/clip-vit-base-patch32" or "ViT-B-32/laion2b_s34b_b79k", of a model in the cache of Hugging Face. NULL:
 * DIPTYCH_MODEL, or else the model that comes with Diptych, which knows nothing but rendered scenes.
 *
 *   DIPTYCH_ERROR_IO           there is nothing at that path, or no index, or nothing at the path that its model had
 *   DIPTYCH_ERROR_NOT_FOUND    no such name, or its model is not in the cache, or not on the hub; of an index's model likewise
 *   DIPTYCH_ERROR_FORMAT       a file of the model is damaged: file and place are named
 *   DIPTYCH_ERROR_UNSUPPORTED  a kind of model that does not run
 *   DIPTYCH_ERROR_DEVICE       no OpenCL device, with what to install; or it failed
 *   DIPTYCH_ERROR_MODEL        the model of options->index is another now, or than the named one
 *   DIPTYCH_ERROR_ARGUMENT     index and download both; options that there are not
 *   DIPTYCH_ERROR_MEMORY, DIPTYCH_ERROR_CANCELLED (of downloads) */
DIPTYCH_API int diptych_model_open(struct diptych_model **out, const char *name,
    const struct diptych_model_options *options, struct diptych_job *job, struct diptych_error *error);
DIPTYCH_API void diptych_model_free(struct diptych_model *model);

struct diptych_model_info {
    size_t size;             /* sizeof(struct diptych_model_info) */
    size_t width;            /* E, the elements of an embedding */
    size_t context;          /* most tokens of a text; longer ones are cut */
    size_t image_size;       /* edge of the square that pictures become; 0: they keep their aspect ratio */
    size_t parameters;       /* of both towers */
    const char *path;        /* its directory */
    const char *family;      /* "clip", "siglip" ... */
    const char *fingerprint; /* 32 hex digits: embeddings compare where it is equal, on whatever device */
    const char *scope;       /* all that the model knows, as a noun; NULL: everything */
    const char *device;      /* the name of the OpenCL device */
    const char *gemm, *precision;   /* as in the options */
    const char *score;              /* "softmax" over all texts at hand, or "sigmoid" of each by itself */
    double score_scale, score_bias; /* softmax(scale * cosine), sigmoid(scale * cosine + bias) */
};
DIPTYCH_API int diptych_model_info(
    const struct diptych_model *model, struct diptych_model_info *out, struct diptych_error *error);

/* ---- pictures ------------------------------------------------------------------------------------------ */

/* One of three: the file at `path`, or a member of an archive as "shard.tar/0001.jpg"; a file in memory, `bytes`; or plain
 * pixels, which are copied for the call. With bytes or pixels, path is what messages call them; NULL: "input 3". A picture's format
 * is told by its bytes, never by its name. */
struct diptych_image {
    const char *path;
    const void *bytes; // (size)
    size_t size;
    const uint8_t *pixels; // (height, width, channels)
    int32_t width, height;
    int32_t channels; /* 1: grey; 3, or 0: red, green, blue; 4: and alpha, by which they are not multiplied */
    size_t stride;    /* bytes from a row of pixels to the next; 0: width * channels */
};

/* ---- outcomes ------------------------------------------------------------------------------------------ */

/* What became of each of the `count` inputs of a call, in their order. */
struct diptych_outcomes;

struct diptych_outcome {
    size_t size;         /* sizeof(struct diptych_outcome) */
    int32_t code;        /* enum diptych_code; 0: it has a result */
    int32_t outside;     /* a picture is outside what the model knows, and its result means nothing */
    int32_t truncated;   /* a text was cut at the model's context length */
    const char *message; /* why it failed, or what is wrong with what was used all the same; "": nothing */
};

DIPTYCH_API size_t diptych_outcomes_count(const struct diptych_outcomes *outcomes);
DIPTYCH_API size_t diptych_outcomes_failed(
    const struct diptych_outcomes *outcomes); /* how many have a code */
DIPTYCH_API int diptych_outcomes_get(const struct diptych_outcomes *outcomes, size_t i,
    struct diptych_outcome *out, struct diptych_error *error);
DIPTYCH_API void diptych_outcomes_free(struct diptych_outcomes *outcomes);

/* ---- encoding ------------------------------------------------------------------------------------------ */

struct diptych_encode_options {
    size_t size; /* sizeof(struct diptych_encode_options) */
    int32_t
        raw; /* embeddings keep the length that the model gives them; otherwise it is 1, and dot products are cosines */
};

/* embeddings (count, E) of pictures or texts; a row whose input failed is NaN. Texts are any length, and cut at the model's
 * context. *outcomes, where it is not NULL, says what became of each, and is the caller's; failures are reported to the
 * job as well. Steps count "pictures"; those of texts count nothing.
 *
 * DIPTYCH_ERROR_DEVICE, DIPTYCH_ERROR_MEMORY, DIPTYCH_ERROR_CANCELLED. */
DIPTYCH_API int diptych_encode_images(struct diptych_model *model, float *embeddings,
    const struct diptych_image *images, size_t count, const struct diptych_encode_options *options,
    struct diptych_outcomes **outcomes, struct diptych_job *job, struct diptych_error *error);
DIPTYCH_API int diptych_encode_texts(struct diptych_model *model, float *embeddings, const char *const *texts,
    size_t count, const struct diptych_encode_options *options, struct diptych_outcomes **outcomes,
    struct diptych_job *job, struct diptych_error *error);

/* ---- classifying --------------------------------------------------------------------------------------- */

struct diptych_classifier_options {
    size_t size; /* sizeof(struct diptych_classifier_options) */

    /* Prompts that a label is put into and averaged over: texts with {} for the label, or names of sets: "imagenet" (80),
     * "simple" (7), "cifar" (18), "caltech101" (34), "food101", "pets". NULL: the data set's, or the model's own. */
    const char *const *templates; // (template_count)
    size_t template_count;

    /* What the number of a label is: "cosine"; "softmax", shares of all labels; "independent", each by itself; NULL: what the
     * model was made for. */
    const char *scores;

    /* A file of `diptych probe fit`, which has labels of its own and what was learned about them: in place of labels, of which
     * there are none then, of templates and of scores. Its numbers are shares of all labels, or each label's own chance where it
     * was learned from pictures with several. */
    const char *probe;
};

/* A vector for each label: immutable. */
struct diptych_classifier;

/* labels (count): texts; or one that begins with '@' names a data set's: "@imagenet", "@imagenetv2", "@cifar10", "@cifar100",
 * "@caltech101", "@food101", "@pets", "@voc2007", each of them once: two of ImageNet's are there twice. NULL and 0 with
 * options->probe.
 *
 *   DIPTYCH_ERROR_ARGUMENT   no labels, or an empty one or one that is there twice; a template without {}
 *                            that is no set of templates; both labels and a probe
 *   DIPTYCH_ERROR_NOT_FOUND  no such data set
 *   DIPTYCH_ERROR_FORMAT     a label is not UTF-8; the probe is damaged, or none
 *   DIPTYCH_ERROR_MODEL      the probe was learned with another model
 *   DIPTYCH_ERROR_IO, DIPTYCH_ERROR_UNSUPPORTED of the probe; DIPTYCH_ERROR_DEVICE, DIPTYCH_ERROR_MEMORY,
 *   DIPTYCH_ERROR_CANCELLED */
DIPTYCH_API int diptych_classifier_open(struct diptych_classifier **out, struct diptych_model *model,
    const char *const *labels, size_t count, const struct diptych_classifier_options *options,
    struct diptych_job *job, struct diptych_error *error);
DIPTYCH_API void diptych_classifier_free(struct diptych_classifier *classifier);
DIPTYCH_API size_t diptych_classifier_labels(const struct diptych_classifier *classifier); /* how many */
DIPTYCH_API const char *diptych_classifier_label(const struct diptych_classifier *classifier, size_t i);

/* labels (count, top), scores (count, top): the numbers of each picture's best labels, best first, ties by number, and
 * how well they fit: options->scores. top is 1 to diptych_classifier_labels. A row whose picture failed is -1 and NaN. Else as
 * diptych_encode_images. */
DIPTYCH_API int diptych_classify(struct diptych_classifier *classifier, int64_t *labels, float *scores,
    size_t top, const struct diptych_image *images, size_t count, struct diptych_outcomes **outcomes,
    struct diptych_job *job, struct diptych_error *error);

/* The same of embeddings (count, E) of length 1 that are there already. A row that is NaN is -1 and NaN. */
DIPTYCH_API int diptych_classify_embeddings(const struct diptych_classifier *classifier, int64_t *labels,
    float *scores, size_t top, const float *embeddings, size_t count, struct diptych_error *error);

/* ---- ranking ------------------------------------------------------------------------------------------- */

/* Ranks captions of each picture by how well they fit it. Picture i has the next caption_counts[i] of captions (N), where N is the
 * sum of the counts (count). order, scores and cosines (N) are in the same stretches: the captions of a picture by their
 * numbers from 0, best first, ties by number; the model's score of each, a probability: a softmax over the picture's captions, or a
 * sigmoid; and its cosine. scores and cosines may be NULL. A picture that failed, or has a caption that did, is -1 and
 * NaN, and an outcome (count) says why. Errors are diptych_encode_images's. */
DIPTYCH_API int diptych_rank(struct diptych_model *model, int64_t *order, float *scores, float *cosines,
    const struct diptych_image *images, size_t count, const char *const *captions,
    const size_t *caption_counts, struct diptych_outcomes **outcomes, struct diptych_job *job,
    struct diptych_error *error);

/* ---- indexes ------------------------------------------------------------------------------------------- */

struct diptych_index_options {
    size_t size;   /* sizeof(struct diptych_index_options) */
    int32_t write; /* for diptych_index_sync, _add and _remove: one handle at a time, of all processes */
    int32_t make;  /* an index that is not there is made; implies write, and takes a model */
    const char *
        storage; /* of the vectors of a new one: "f32", "f16", "i8"; NULL: any there is, "f16" for a new one */
};

/* Vectors of pictures and texts in a folder, NAME.dip by custom, and what they stand for. */
struct diptych_index;

/* Opens the index at path; NULL: the one that the command has where none is named. model makes the vectors that go in or are
 * looked for; NULL is enough for what needs none: diptych_index_info, _embeddings, _remove, and searches without terms.
 * Opening for reading sees the index as it is then, and as it is at each diptych_index_refresh, whatever is written meanwhile.
 *
 *   DIPTYCH_ERROR_IO        there is no index
 *   DIPTYCH_ERROR_MODEL     it has vectors of another model: diptych_model_options.index finds that
 *   DIPTYCH_ERROR_BUSY      somebody else writes
 *   DIPTYCH_ERROR_ARGUMENT  another storage than the index has; a folder with something else in it; to make one without a model
 *   DIPTYCH_ERROR_FORMAT    it is damaged
 *   DIPTYCH_ERROR_UNSUPPORTED, DIPTYCH_ERROR_MEMORY */
DIPTYCH_API int diptych_index_open(struct diptych_index **out, const char *path, struct diptych_model *model,
    const struct diptych_index_options *options, struct diptych_error *error);
DIPTYCH_API void diptych_index_free(struct diptych_index *index);

struct diptych_index_info {
    size_t size;             /* sizeof(struct diptych_index_info) */
    int64_t images, texts;   /* items */
    int64_t rows;            /* vectors, those of items that were removed included */
    size_t width;            /* E */
    const char *path;        /* as it was opened */
    const char *model;       /* that it was made with: a path, a name or "default" */
    const char *fingerprint; /* diptych_model_info's of that model */
    const char *storage;     /* "f32", "f16" or "i8" */
    const char *alpha;       /* how its pictures are prepared, whatever the model's option says */
};
DIPTYCH_API int diptych_index_info(
    struct diptych_index *index, struct diptych_index_info *out, struct diptych_error *error);

/* Sees what others have written since. For handles that are open for reading; of the writer it does nothing. */
DIPTYCH_API int diptych_index_refresh(struct diptych_index *index, struct diptych_error *error);

/* embeddings (count, E) of the items ids (count), as they are stored. DIPTYCH_ERROR_NOT_FOUND: there is no such item. */
DIPTYCH_API int diptych_index_embeddings(struct diptych_index *index, float *embeddings, const int64_t *ids,
    size_t count, struct diptych_error *error);

/* ---- bringing an index up to date ---------------------------------------------------------------------- */

struct diptych_sync_options {
    size_t size; /* sizeof(struct diptych_sync_options) */

    /* What the index is made from, and remembers. All four empty: what it remembers. */
    const char *const *pictures; // (picture_count): pictures, folders of them, archives
    size_t picture_count;
    const char *const *texts; // (text_count): files with a text a line
    size_t text_count;
    const char *const *captions; // (caption_count): caption files of the pictures
    size_t caption_count;
    const char *const *metadata; // (metadata_count): files of JSON lines or CSV on the pictures
    size_t metadata_count;

    /* (exclude_count) What of folders does not go in, as gitignore(5) has it; remembered with the pictures. NULL: as before. */
    const char *const *excludes;
    size_t exclude_count;
    int32_t
        gone; /* pictures that are missing leave the index, however many, also where their folder is not there */
    int32_t retry; /* pictures that could not be read before, and did not change, are tried again */
};

struct diptych_sync_counts {
    size_t size; /* sizeof(struct diptych_sync_counts) */
    size_t images_new, images_changed, images_copied, images_moved, images_unchanged;
    size_t images_gone;          /* that left the index */
    size_t images_missing;       /* that stay: their drive may not be there */
    size_t images_excluded;      /* that left the index, since they are left out now */
    size_t images_failed;        /* that could not be read: the job is told of each */
    size_t images_failed_before; /* and did not change since */
    size_t texts_new, texts_copied, texts_gone, texts_unchanged, texts_failed, texts_truncated;
    size_t encoded; /* pictures and texts that the model has seen */
    size_t failed;  /* all failures */
};

/* Makes the index what its sources are, as `diptych index build` and `update` do: what did not change is not read
 * again, what was renamed keeps its vector, what is gone leaves. Commits now and then: any end, cancelling too, keeps most
 * of what was done, and the next call goes on from there. counts may be NULL. For the writer, with a model.
 *
 * DIPTYCH_ERROR_IO, DIPTYCH_ERROR_FORMAT: a file of texts, captions or metadata cannot be read, or a path that a new
 * index is made from; DIPTYCH_ERROR_ARGUMENT: a pipe, or the handle is for reading; DIPTYCH_ERROR_DEVICE,
 * DIPTYCH_ERROR_MEMORY, DIPTYCH_ERROR_CANCELLED. */
DIPTYCH_API int diptych_index_sync(struct diptych_index *index, struct diptych_sync_counts *counts,
    const struct diptych_sync_options *options, struct diptych_job *job, struct diptych_error *error);

/* A picture or a text that lies in no folder. */
struct diptych_addition {
    struct diptych_image image; /* the index keeps a copy of its file; of pixels, a PNG */
    const char *text;           /* instead of an image */
    const char *caption;        /* of an image, or NULL */
    const char *metadata;       /* a JSON object, or NULL */
    const float *embedding;     // (E), of length 1, where it is there already; NULL: the model makes it
};

/* Adds pictures and texts, all that can be read in one commit, with ids (count): -1 of those that failed. They stay until
 * they are removed, whatever is synced. What was added before keeps its id, and takes on what is said of it now. Steps count
 * "additions" that are read, then are those of encoding. For the writer, with a model. Errors are diptych_encode_images's, and
 *
 *   DIPTYCH_ERROR_ARGUMENT  an addition that is not one of the two; an embedding with what the storage does not hold
 *   DIPTYCH_ERROR_BUSY      meanwhile the index has its pictures prepared in another way
 *   DIPTYCH_ERROR_IO        the disk is full, or is not to be written to */
DIPTYCH_API int diptych_index_add(struct diptych_index *index, int64_t *ids,
    const struct diptych_addition *additions, size_t count, struct diptych_outcomes **outcomes,
    struct diptych_job *job, struct diptych_error *error);

struct diptych_remove_options {
    size_t size;        /* sizeof(struct diptych_remove_options) */
    const int64_t *ids; // (id_count)
    size_t id_count;
    const char *const *paths; // (path_count): pictures, folders, files of texts
    size_t path_count;

    /* Of what lies below the paths, or without paths of all, only what fits: see diptych_search_options. */
    const char *where, *match;
    int32_t kind;
};

/* Removes items in one commit; files stay, but for the index's own. A path that the index was made from is no longer one of
 * its sources. *removed items; of *missing ids and paths the index has nothing; either may be NULL. For the writer. Nothing to
 * remove is DIPTYCH_ERROR_ARGUMENT. */
DIPTYCH_API int diptych_index_remove(struct diptych_index *index, size_t *removed, size_t *missing,
    const struct diptych_remove_options *options, struct diptych_job *job, struct diptych_error *error);

/* ---- searching ----------------------------------------------------------------------------------------- */

enum diptych_kind { DIPTYCH_ANY = 0, DIPTYCH_IMAGE = 1, DIPTYCH_TEXT = 2 };

/* In which order hits come: the best first; the newest file first; what was taken last first; by path. Ties by id. */
enum diptych_order { DIPTYCH_BY_SCORE = 0, DIPTYCH_BY_DATE = 1, DIPTYCH_BY_TAKEN = 2, DIPTYCH_BY_PATH = 3 };

struct diptych_search_options {
    size_t size;             /* sizeof(struct diptych_search_options) */
    size_t top;              /* hits of a query; 0: 10 */
    size_t skip;             /* by score: so many are passed over */
    int64_t after;           /* in other orders: only those behind the item with this id; 0: from the first */
    const double *min_score; /* none below; NULL: no limit */
    int32_t kind;            /* enum diptych_kind */
    int32_t order;           /* enum diptych_order */
    const char *where;       /* an SQL expression over the items: "width >= 1024 and taken < '2024'" */
    const char *match;       /* words in captions and paths: "kite sea*" */
    int32_t match_fts5;      /* match is in FTS5's query language */
    int32_t hide_copies;     /* a picture that is nearly the same as a hit before it is none of its own */
    int32_t in_turns;        /* by score: a picture and a text in turns; 0: all pictures, then all texts */
};

/* A part of a query: texts and pictures, added and subtracted. */
struct diptych_term {
    const char *text; /* NULL: the image */
    struct diptych_image image;
    double weight; /* 0 counts as 1 */
};

/* What one or more queries have found: immutable. */
struct diptych_hits;

/* Looks for the weighted sum of terms (count), exactly: of all items that options choose, those whose cosine with it is
 * highest. "A beach, no people" is {{.text = "a beach"}, {.text = "people", .weight = -1}}. Without terms, lists the items, in an
 * order that is not by score. A picture that cannot be read ends the search with its code.
 *
 * DIPTYCH_ERROR_ARGUMENT: terms that cancel out, a mistake in where or match, which the message quotes, or no model;
 * DIPTYCH_ERROR_FORMAT: the index is damaged; DIPTYCH_ERROR_NOT_FOUND: options->after; DIPTYCH_ERROR_DEVICE,
 * DIPTYCH_ERROR_MEMORY, DIPTYCH_ERROR_CANCELLED. */
DIPTYCH_API int diptych_index_search(struct diptych_hits **out, struct diptych_index *index,
    const struct diptych_term *terms, size_t count, const struct diptych_search_options *options,
    struct diptych_job *job, struct diptych_error *error);

/* The same for queries (count, E) that are embeddings of length 1, as of diptych_encode_texts: all with one scan. */
DIPTYCH_API int diptych_index_search_embeddings(struct diptych_hits **out, struct diptych_index *index,
    const float *queries, size_t count, const struct diptych_search_options *options, struct diptych_job *job,
    struct diptych_error *error);

/* An item. Strings are NULL, and numbers 0, where it is not known. */
struct diptych_hit {
    size_t size; /* sizeof(struct diptych_hit) */
    int64_t id;
    double score; /* the cosine; 0 without a query */
    int32_t kind; /* DIPTYCH_IMAGE or DIPTYCH_TEXT */
    int32_t width, height;
    const char *path;     /* of the picture, or of the file that the text came from */
    const char *text;     /* a picture's caption; a text itself */
    const char *picture;  /* the path of the picture that a text describes */
    const char *metadata; /* a JSON object */
    int64_t bytes;        /* of the file */
    int64_t modified;     /* its last change, in nanoseconds since 1970 */
    const char *taken;    /* "2024-06-01 09:30:00+02:00" or less: when a picture was taken */
    const char *camera, *lens;
    double latitude, longitude; /* degrees, north and east positive */
    size_t copies;              /* with hide_copies: nearly the same pictures that are not shown */
};

DIPTYCH_API size_t diptych_hits_queries(const struct diptych_hits *hits);
DIPTYCH_API size_t diptych_hits_count(const struct diptych_hits *hits, size_t query);
DIPTYCH_API int32_t diptych_hits_more(
    const struct diptych_hits *hits, size_t query); /* there are more behind these */
DIPTYCH_API int diptych_hits_get(const struct diptych_hits *hits, size_t query, size_t i,
    struct diptych_hit *out, struct diptych_error *error);
DIPTYCH_API void diptych_hits_free(struct diptych_hits *hits);

/* ---- exchange ------------------------------------------------------------------------------------------ */

struct diptych_export_options {
    size_t size;               /* sizeof(struct diptych_export_options) */
    const char *metadata;      /* where the lines of a matrix go; NULL: NAME.jsonl beside it */
    const char *where, *match; /* which items: see diptych_search_options */
    int32_t kind;
    int32_t half; /* pgvector: vectors as halfvec, which it has from 0.7 on */
};

/* Writes the vectors of items, in order of id, and all that is known of each: to the matrix NAME.npy of numpy or NAME.faiss with
 * a line of JSON a row; as NAME.pgvector, rows for PostgreSQL's COPY, with NAME.sql, which makes the table and fills it; as
 * NAME.qdrant, lines of JSON, each the body of a request that keeps points of Qdrant's; or to a folder in the layout of clip-retrieval, where path is an empty one or ends in '/': img_emb/img_emb_0.npy with
 * metadata/metadata_0.jsonl, text_emb/text_emb_0.npy with text_metadata/text_metadata_0.jsonl. *items, which may be NULL, of them.
 * What was there stays until all is whole.
 *
 * DIPTYCH_ERROR_UNSUPPORTED: another end of the name; DIPTYCH_ERROR_ARGUMENT: metadata or half where they have no place, or a
 * mistake in where or match; DIPTYCH_ERROR_IO, DIPTYCH_ERROR_MEMORY, DIPTYCH_ERROR_CANCELLED. */
DIPTYCH_API int diptych_index_export(struct diptych_index *index, size_t *items, const char *path,
    const struct diptych_export_options *options, struct diptych_job *job, struct diptych_error *error);

struct diptych_import_options {
    size_t size;          /* sizeof(struct diptych_import_options) */
    const char *metadata; /* the lines of a matrix; NULL: the .jsonl beside it, where there is one */
    const char *storage;  /* of a new index, as diptych_index_options has it */
    int32_t kind;         /* enum diptych_kind of a matrix's rows that do not say it; DIPTYCH_ANY: pictures */
    int32_t skip_bad;     /* rows that are zero or not finite are reported and left out; 0: an error */
    const char
        *columns; /* of a COPY, in their order, as "path,caption,embedding"; NULL: those of an export */
};

struct diptych_import_counts {
    size_t size;      /* sizeof(struct diptych_import_counts) */
    int64_t rows;     /* that were added */
    int64_t skipped;  /* that were left out */
    int64_t replaced; /* pictures that took the place of one with their path */
    int64_t scaled;   /* vectors whose length was not 1, to 0.01, and is now */
};

/* Puts the vectors of another program into the index at path, which is made where there is none: all rows, or none. `from` is a
 * file of numpy, faiss or usearch, a binary COPY of PostgreSQL, or a folder as above. The vectors have to be the model's, of which only the width is
 * checked; NULL is enough for an index that is there. No handle may be open for writing. counts may be NULL.
 *
 * DIPTYCH_ERROR_FORMAT: a row that is zero or not finite; a line that is no item, another number of lines than of rows;
 * DIPTYCH_ERROR_UNSUPPORTED: not such a file; DIPTYCH_ERROR_ARGUMENT: rows of another width, an index of another
 * model, a folder with nothing in it; codes of diptych_index_open; DIPTYCH_ERROR_CANCELLED. */
DIPTYCH_API int diptych_index_import(struct diptych_import_counts *counts, const char *path,
    struct diptych_model *model, const char *from, const struct diptych_import_options *options,
    struct diptych_job *job, struct diptych_error *error);

/* ---- caption scores ------------------------------------------------------------------------------------ */

/* The keys of the metrics that there are, from 0 on: "Bleu_1" ... "Bleu_4", "ROUGE_L", "CIDEr_D", "CIDEr_plain", "METEOR",
 * "METEOR_no_paraphrases", "sacreBLEU", "chrF2", "chrF2++", "TER", "CLIPScore", "RefCLIPScore"; NULL behind the last. Each equals
 * its reference: pycocoevalcap, sacreBLEU, METEOR 1.5, clipscore. */
DIPTYCH_API const char *diptych_metric(size_t i);

struct diptych_score_options {
    size_t size; /* sizeof(struct diptych_score_options) */

    /* Keys; NULL: all but METEOR, chrF2, chrF2++ and TER, which take long or want data, and with images the two of pictures. */
    const char *const *metrics; // (metric_count)
    size_t metric_count;
    int32_t without_context; /* captions are cut into words one by one, not as one text as by pycocoevalcap */
    const char
        *df; /* CIDEr's document frequencies: a file of `diptych score --save-df`, or a published pickle */
    const char *wordnet;     /* METEOR's folder of WordNet 3.0; NULL: WNSEARCHDIR, or /usr/share/wordnet */
    const char *meteor_data; /* the folder of METEOR's paraphrase-en.gz, without which its scores are lower */
    const char *tokenizer;   /* sacreBLEU's words: "13a", "none", "zh", "char", "intl"; NULL: "13a" */
    const char *smoothing;   /* sacreBLEU's: "exp", "floor", "add-k", "none"; NULL: "exp" */
    double smoothing_value;  /* of "floor" (0: 0.1) and "add-k" (0: 1) */
    int32_t lowercase;       /* sacreBLEU and chrF in lower case */

    /* CLIPScore and RefCLIPScore. The published numbers are of a model in precision "f32". */
    struct diptych_model *model;
    const struct diptych_image *images; // (count)
    size_t threads;                     /* of the host; 0: as many as CPUs */
};

/* What captions score: immutable. */
struct diptych_scores;

/* Scores candidates (count), a caption of each image, against what people said of it: image i has the next
 * reference_counts[i] of references (N), at least one, where N is the sum of the counts (count); CLIPScore alone takes none.
 *
 *   DIPTYCH_ERROR_ARGUMENT     no image, or one without references; metrics that there are not, or that lack what they take
 *   DIPTYCH_ERROR_FORMAT       a caption is not UTF-8: messages count images from 0
 *   DIPTYCH_ERROR_UNSUPPORTED  METEOR, in a library that was built without libstemmer
 *   DIPTYCH_ERROR_LIMIT, DIPTYCH_ERROR_IO of df, wordnet, meteor_data and images; DIPTYCH_ERROR_DEVICE,
 *   DIPTYCH_ERROR_MEMORY, DIPTYCH_ERROR_CANCELLED */
DIPTYCH_API int diptych_score_captions(struct diptych_scores **out, const char *const *candidates,
    const char *const *references, const size_t *reference_counts, size_t count,
    const struct diptych_score_options *options, struct diptych_job *job, struct diptych_error *error);

/* The score of all images together, which of BLEU is not the mean. DIPTYCH_ERROR_NOT_FOUND: it was not computed. */
DIPTYCH_API int diptych_scores_corpus(
    const struct diptych_scores *scores, const char *metric, double *out, struct diptych_error *error);

/* (count): a score an image; NULL where it was not computed. */
DIPTYCH_API const double *diptych_scores_images(const struct diptych_scores *scores, const char *metric);

/* What sacreBLEU, chrF, TER or METEOR were computed with, as "nrefs:5|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0"; NULL of
 * others. */
DIPTYCH_API const char *diptych_scores_signature(const struct diptych_scores *scores, const char *metric);
DIPTYCH_API void diptych_scores_free(struct diptych_scores *scores);

#ifdef __cplusplus
}
#endif

#endif
