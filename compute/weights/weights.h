// SPDX-License-Identifier: Apache-2.0
/*
 * compute/weights: the tensors of a model by name, as files have them or made up from a seed, with what changes them, and files of
 * them under way. What loads them onto a device is compute/compute.h.
 */
#ifndef DIPTYCH_COMPUTE_WEIGHTS_H
#define DIPTYCH_COMPUTE_WEIGHTS_H

#include "compute/dtype.h"

/* The naming schemes of checkpoints; compute/weights/layout.c has a table of names for each. */
enum layout { LAYOUT_HF, LAYOUT_OPEN_CLIP, LAYOUT_COUNT };

const char *layout_name(enum layout layout); /* "hugging face", "open_clip" */

enum { WEIGHT_RANK_MAX = 4 };

/* One tensor as the file has it. */
struct weight {
    const char *name;
    const char *type; /* safetensors' own word: "F32", "F16", "BF16", "I64", ... */
    int rank;
    size_t shape[WEIGHT_RANK_MAX];
    size_t count;        /* elements */
    const uint8_t *data; /* little-endian elements, inside the mapped file or the weights' memory */
    const char *file;    /* path, for messages */
};

size_t weight_bytes(const struct weight *weight); /* of data */

struct weights;

/* Opens the weights of a model directory, or a file of weights by its path. Of a directory, the first of these that
 * it has:
 *
 *     model.safetensors, or shards by model.safetensors.index.json    Hugging Face
 *     open_clip_model.safetensors, open_clip_pytorch_model.safetensors
 *     open_clip_pytorch_model.bin
 *     pytorch_model.bin, or shards by pytorch_model.bin.index.json
 *     the only other .bin, .pt or .pth                                ViT-B-32.pt of OpenAI; a training checkpoint
 *
 * A path that ends in .json is an index of shards, which lie beside it. PyTorch's files (its zip format, of torch
 * 1.6 and later) are read for their tensors alone: a state_dict, the "state_dict" of a training checkpoint, without
 * "module." before its names, or a TorchScript module. Nothing in them is called, and a name that is not on the
 * list of what tensors are made of is refused. Tensors are used where they lie in the file; those that are no
 * contiguous piece of their storage, and entries that a zip program has deflated, are copied.
 *
 * Every header is checked: lengths, offsets, overlaps, shapes and strides against byte counts. A file that cannot be
 * read, or a directory with none, is ERR_IO; a file that is damaged, or only a pointer of Git LFS, ERR_FORMAT; tensors
 * of no layout we know and pickles of something else ERR_UNSUPPORTED; ERR_LIMIT where copies would take many times the
 * size of the file; ERR_MEMORY. */
int weights_open(struct weights **out, const char *path, struct err *err);

/* The tensors of a file that is no model, and so of no layout. Errors as above. */
int weights_open_tensors(struct weights **out, const char *path, struct err *err);

/* Weights made up from a seed, for benchmarks and golden tests: any tensor a tower asks for exists, in any
 * shape, under the names of Hugging Face's layout. compute/weights/random.c says how values are made;
 * tests/golden/ makes the same ones. ERR_MEMORY. */
int weights_random(struct weights **out, uint64_t seed, struct err *err);

/* The same of weights that a model learns well from: compute/weights/fresh.c says how they are made. */
int weights_fresh(struct weights **out, uint64_t seed, struct err *err);

/* What the "__metadata__" of a safetensors file says under that name; NULL: nothing. */
const char *weights_note(const struct weights *weights, const char *name);

void weights_free(struct weights *weights);

/* Whether files that weights stay in (by PARAM_TABLE and PARAM_LINEAR of compute.h) are still what was opened: see file_map_hold. ERR_IO, naming the
 * file. */
int weights_check_files(const struct weights *weights, struct err *err);

enum layout weights_layout(const struct weights *weights);
bool weights_script(const struct weights *weights); /* of TorchScript, as only OpenAI's models are */
size_t weights_count(const struct weights *weights);
const struct weight *weights_at(const struct weights *weights, size_t i);           /* in file order */
const struct weight *weights_find(const struct weights *weights, const char *name); /* NULL: not there */

/* out (count): a tensor of these weights as float32. ERR_FORMAT where it is of no float, or not finite; ERR_MEMORY. */
int weights_values(float *out, const struct weights *weights, const struct weight *weight, struct err *err);

/* "(512, 768)", as Python writes it but for the comma of a single length. */
struct shape_text {
    char text[128];
};
struct shape_text shape_text(int rank, const size_t *shape);

/* ---- changing weights ---------------------------------------------------------------------------------- */

/* What becomes of a tensor W (N, K) whenever it is read, by an adapter. A convolution's (N, C, P, P) is taken as (N, K), a
 * vector (N) as (N, 1). With D = up @ down, W is
 *
 *     W + weight * D                                       as LoRA has it (arXiv:2106.09685)
 *     W + weight * (magnitude * (W + D) / |W + D| - W)     with a magnitude: DoRA (arXiv:2402.09353), where |...| is the
 *                                                          length of each row, or by_column of each column
 *     W + weight * (value - W)                             with a value: another tensor in its place
 *
 * Where a tensor has several changes, each is made of W as the file has it, and they add up. */
struct weight_change {
    const char
        *tensor; /* its name in the file, or in Hugging Face's layout, whatever layout the weights have */
    size_t rows, columns;
    float weight;
    size_t rank;            /* R; 0: no low rank */
    const float *up;        // (N, R)
    const float *down;      // (R, K)
    const float *magnitude; // (N), or (K)
    bool by_column;
    const float *value; // (N, K)
};

/* Copies a change, which everything that reads the weights from here on sees: also what is packed, and written anew.
 * ERR_FORMAT: there is no such tensor, or it has another shape; ERR_MEMORY. */
int weights_change(struct weights *weights, const struct weight_change *change, struct err *err);

/* Takes their memory back when all that is wanted was read. */
void weights_drop_changes(struct weights *weights);

/* The shape of the tensor of such a name, as Hugging Face's layout has it. false: there is none. */
bool weights_shape(int *rank, size_t shape[WEIGHT_RANK_MAX], const struct weights *weights, const char *name);

/* ---- writing weights ----------------------------------------------------------------------------------- */

/* A safetensors file under way, which appears whole or not at all. Its header comes first, so all tensors are added
 * twice, in one order: before weights_writer_begin to be announced, after it to be written.
 *
 *     weights_writer_open -> what adds tensors -> weights_writer_begin -> the same again -> weights_writer_close */
struct weights_writer;

/* weights_writer_add writes that type: DTYPE_F32, _F16 or _BF16. The job, which may be NULL, is stepped at each that is
 * written. ERR_IO, ERR_MEMORY. */
int weights_writer_open(
    struct weights_writer **out, const char *path, enum dtype dtype, const struct job *job, struct err *err);
int weights_writer_begin(struct weights_writer *writer, struct err *err);

/* A text of the file's "__metadata__", valid UTF-8, before weights_writer_begin. ERR_MEMORY. */
int weights_writer_note(struct weights_writer *writer, const char *name, const char *text, struct err *err);

/* values (shape) float32 are looked at where weights_writer_wants them: from weights_writer_begin on. ERR_LIMIT for
 * one that the type does not hold; ERR_MEMORY, ERR_CANCELLED. */
int weights_writer_add(struct weights_writer *writer, const char *name, int rank, const size_t *shape,
    const float *values, struct err *err);
bool weights_writer_wants(const struct weights_writer *writer);

/* A tensor of any type, byte for byte: its name, type, rank and shape, and from weights_writer_begin on its data. */
int weights_writer_add_as_is(struct weights_writer *writer, const struct weight *tensor, struct err *err);

/* Without keep, nothing is left. ERR_IO where not all could be written. Frees the writer; NULL does nothing. */
int weights_writer_close(struct weights_writer *writer, bool keep, struct err *err);

/* Adds all tensors of weights that are floats, under the names they have. */
int weights_save(const struct weights *weights, struct weights_writer *writer, struct err *err);

/* The type that holds all of them as they are, if it is one of 16 bits; else DTYPE_F32. */
enum dtype weights_dtype(const struct weights *weights);

#endif
