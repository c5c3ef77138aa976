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
 * The process. Nothing is printed, no signal is handled, no locale set or heeded, nothing ends the process. Threads are
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
    DIPTYCH_ERROR_MODEL = 11       /* the index has vectors of another model: open that one */
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

/* The library's version, "0.1.0". */
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
        download; /* a model that is named and not in the cache is downloaded first; otherwise nothing ever is */
    const char
        *index; /* a folder NAME.dip: without a name, the model that this index was made with is opened */

    const char
        *device; /* "gpu", "cpu", "accelerator", "PLATFORM:DEVICE", part of a name; NULL: the best there is */
    const char *gemm;      /* "amx", "clblast", "onednn"; NULL: the fastest */
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
    int32_t truncated; /* JPEGs whose end is missing are read as far as they go */
    int32_t isolate; /* every picture is decoded in a process of its own, as files that one does not trust */
};

/* A model and its weights on a device: immutable. */
struct diptych_model;

/* Opens the model that `name` stands for, as the command's --model: a path of a directory, or of a file of weights in one,
 * if there is something of that name or if it begins with '/' or '.'; else a name, with @REVISION behind it or not, as
 * "openai/clip-vit-base-patch32" or "ViT-B-32/laion2b_s34b_b79k", of a model in the cache of Hugging Face. NULL:
 * DIPTYCH_MODEL, or else the model that comes with Diptych, which knows nothing but rendered scenes.
 *
 *   DIPTYCH_ERROR_IO           there is nothing at that path
 *   DIPTYCH_ERROR_NOT_FOUND    no such name, or its model is not in the cache, or not on the hub
 *   DIPTYCH_ERROR_FORMAT       a file of the model is damaged: file and place are named
 *   DIPTYCH_ERROR_UNSUPPORTED  a kind of model that does not run
 *   DIPTYCH_ERROR_DEVICE       no OpenCL device, with what to install; or it failed
 *   DIPTYCH_ERROR_MODEL        the model of options->index is gone, or another now
 *   DIPTYCH_ERROR_ARGUMENT, DIPTYCH_ERROR_MEMORY, DIPTYCH_ERROR_CANCELLED (of downloads) */
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
    const uint8_t *pixels; // (height, width, 3): red, green, blue
    int32_t width, height;
    size_t stride; /* bytes from a row of pixels to the next; 0: 3 * width */
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
 * job as well. Steps count "pictures" or "texts".
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
};

/* A vector for each label: immutable. */
struct diptych_classifier;

/* labels (count): texts; or one that begins with '@' names a data set's: "@imagenet", "@imagenetv2", "@cifar10", "@cifar100",
 * "@caltech101", "@food101", "@pets", "@voc2007".
 *
 *   DIPTYCH_ERROR_ARGUMENT   no labels, or an empty one or one that is there twice; a template without {}
 *   DIPTYCH_ERROR_NOT_FOUND  no such data set or set of templates
 *   DIPTYCH_ERROR_FORMAT     a label is not UTF-8
 *   DIPTYCH_ERROR_DEVICE, DIPTYCH_ERROR_MEMORY, DIPTYCH_ERROR_CANCELLED */
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

#ifdef __cplusplus
}
#endif

#endif
