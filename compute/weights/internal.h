// SPDX-License-Identifier: Apache-2.0
/* Inside compute: what weights are made of, how one of their tensors becomes float32, and their layouts. */
#ifndef DIPTYCH_COMPUTE_WEIGHTS_INTERNAL_H
#define DIPTYCH_COMPUTE_WEIGHTS_INTERNAL_H

#include "compute/weights/weights.h"

enum tower { TOWER_VISION, TOWER_TEXT, TOWERS };

struct mapped_file {
    struct mapped_file *next;
    const char *path;
    struct file_map map; /* held */
    bool used;           /* a tower goes on reading it: see weights_keep */
};

/* Makes tensor `name` up from a seed: false where no kind of tensor ends in that name. */
typedef bool weights_fill(float *out, const char *name, uint64_t seed, int rank, const size_t *shape);

struct weights {
    struct arena arena; /* names, paths and mapped_files */
    struct mapped_file *files;
    const char *source; /* the file that was asked for, for messages: a weights file or the index of shards */
    struct weight *items;
    size_t count;
    const struct weight **by_name; // (count), sorted
    enum layout layout;
    const struct naming *namings[TOWERS];
    bool script;            /* of TorchScript, as OpenAI's models are */
    struct json_t *notes;   /* of weights_open_tensors; NULL: there are none */
    struct change *changes; /* NULL: there are none, as of most models */
    struct arena changed;   /* they and their values */
    weights_fill *fill;     /* nothing above is used: this makes tensors up; NULL of files */
    uint64_t seed;
};

/* Writes tensor `name`, which must have exactly this shape, with its changes to out as float32. The kinds of float of
 * elements.c are converted; any other type, a shape that differs and a value that is not finite are ERR_FORMAT, naming file,
 * tensor and, for a value, its index. Stored, the shape may have axes of 1 before it. */
int weights_fetch(float *out, const struct weights *weights, const char *name, int rank, const size_t *shape,
    struct err *err);

/* The same tensor without a copy, where the file has it as float32, or with `halves` as any of DTYPE_F32, _F16 and _BF16,
 * at an address fit for that, and unchanged: *out lies in the mapped file and is of *dtype. Otherwise *out is NULL and the tensor is to
 * be fetched. */
int weights_view(const void **out, enum dtype *dtype, const struct weights *weights, const char *name,
    int rank, const size_t *shape, bool halves, struct err *err);

/* Whether a tensor has changes; and what values, of all of it as it is in the file, become by them. */
bool weights_changes(const struct weights *weights, const struct weight *weight);
int weights_make_changes(
    float *values, const struct weights *weights, const struct weight *weight, struct err *err);

/* weights_save of one of them, which is nothing where it is of no float. */
int weights_save_tensor(const struct weights *weights, const struct weight *weight,
    struct weights_writer *writer, struct err *err);

/* The bits of an element of a type of safetensors; 0: there is no such type. */
size_t type_bits(const char *name);

/* Whether a tensor of that name is no weight, and dropped where PyTorch's own loaders drop it. */
bool weight_is_dropped(const char *name);

/* Whether data are a file's, and not made. */
bool weights_in_file(const struct weights *weights, const void *data);

/* The data of a tensor have been used: file_map_forget, where they are a file's. */
void weights_forget(const struct weights *weights, const void *data, size_t size);

/* They will be used as long as the weights are open: weights_check_files looks at their file. */
void weights_keep(const struct weights *weights, const void *data);

/* How weights store what a parameter table calls `name`, behind `prefix`. The full name there is outer, prefix and
 * name, with the same marks for a layer and for several tensors, where ours have them. */
struct stored {
    const char *outer, *prefix, *name;
    bool transposed;
    struct {
        size_t first, count, of; /* parts of as many equal ones that its rows are; of 0: it is all of them */
    } part;
};
struct stored layout_stored(const struct weights *weights, const char *prefix, const char *name);

/* The same of a name that a table may have together with others: it is this one of so many `items`. */
struct stored layout_stored_item(
    size_t *item, size_t *items, const struct weights *weights, const char *prefix, const char *name);

/* Whether a tensor's name begins so. */
bool weights_begins(const struct weights *weights, const char *mark);

/* Sets the layout by the names of the tensors. ERR_UNSUPPORTED where they are of none. */
int layout_tell(struct weights *weights, struct err *err);
void layout_set(struct weights *weights, enum layout layout);

/* What is drawn is drawn by a name, and for each number of variance 1: see compute/weights/random.c. */
uint64_t weights_key(const char *name);
float weights_normal(uint64_t key, uint64_t i);

/* The rules of weights_random and weights_fresh. */
weights_fill weights_random_fill, weights_fresh_fill;

#endif
