// SPDX-License-Identifier: Apache-2.0
/* Inside joint: what an encoder asks of a model, and what lists and readers share. */
#ifndef DIPTYCH_JOINT_INTERNAL_H
#define DIPTYCH_JOINT_INTERNAL_H

#include "compute/train/train.h"
#include "joint/joint.h"

/* embeddings (B, E) float32, not normalised, through the tower: see vit_forward and text_tower_forward. */
int model_encode_pixels(const struct model *model, struct stream *stream, struct tensor embeddings,
    struct tensor pixels, struct err *err);
int model_encode_patches(const struct model *model, struct stream *stream, struct tensor embeddings,
    struct tensor patches, const struct sequences *sequences, const struct patches *const *grids,
    struct err *err); /* see vit_forward_patches */
int model_encode_ids(const struct model *model, struct stream *stream, struct tensor embeddings,
    struct tensor ids, struct tensor eot, struct err *err);
int model_encode_packed(const struct model *model, struct stream *stream, struct tensor embeddings,
    struct tensor ids, struct tensor places, const struct sequences *sequences, struct tensor eot,
    struct err *err); /* see text_tower_forward_packed */

/* What a model was made for, where its folder says so, in scope.json; a model of everything says nothing:
 *
 *   {"knows": "rendered scenes of simple shapes and letters", "colours": 4, "rest": 0.0015}
 *
 * A picture is outside where more than `rest` of it are of none of its `colours` commonest colours: palette_rest. Both
 * numbers are measured on pictures such as it was trained on. */
#define SCOPE_FILE "scope.json"
struct scope {
    char *knows; /* NULL: everything */
    size_t colours;
    double rest;
};

/* ERR_FORMAT with the key, ERR_IO, ERR_MEMORY. */
int scope_read(struct scope *out, const char *folder, struct err *err);
void scope_release(struct scope *scope);

/* *out: whether a picture, the square (S, S, 3) of it, is outside. */
int model_judge_scope(bool *out, const struct model *model, const uint8_t *pixels, struct err *err);

/* What it was opened with. */
const struct adapters *model_adapters(const struct model *model);

/* weights_check_files: encoding may read the model's file. */
int model_check_files(const struct model *model, struct err *err);

/* params_save of what neither tower has: the logit scale. */
int model_save_scale(const struct weights *weights, struct weights_writer *writer, struct err *err);

/* What is trained beside the towers, and its parameters_add. */
struct scale_tensors {
    struct tensor scale; // (): the natural logarithm
    struct tensor bias;  // (), of sigmoid scores
};
int model_scale_parameters(struct parameters *parameters, bool with_bias, bool trained,
    struct scale_tensors *values, struct scale_tensors *gradients, struct err *err);

/* The tokenizer of a model's folder. Errors are tokenizer_load's, and ERR_FORMAT where its ids are not the model's. */
int model_tokenizer_load(
    struct tokenizer **out, const struct model_config *config, const char *folder, struct err *err);

/* The files beside the weights of a converted model, in `to`: of Hugging Face's layout with the config as transformers
 * writes it, and preprocessing; of open_clip's as they are in `from`. */
int convert_files(const char *to, const char *from, const struct model_config *config,
    const struct preprocess *preprocess, const struct model_conversion *conversion, struct err *err);

/* What it was made for: a model that has learned something else has none. */
int convert_scope(const char *to, const char *from, struct err *err);

/* Whether CLIPModel and CLIPImageProcessor of transformers can be that model. Others keep the layout they have. */
bool model_fits_clip(const struct model_config *config, const struct preprocess *preprocess);

/* model_convert with weights in the place of its own, which have learned what the scope of the model does not say. */
int model_write(struct model_conversion *out, const char *directory, const char *path,
    const struct weights *weights, const enum dtype *dtype, const struct job *job, struct err *err);

/* vocab.json and merges.txt in `to` of OpenAI's bpe_simple_vocab_16e6.txt.gz at `path`. ERR_FORMAT where it is another
 * vocabulary. */
int convert_vocabulary(const char *to, const char *path, struct err *err);

/* root as a new file of that name; NULL is ERR_MEMORY. */
int convert_write_json(
    struct json_t *root, const char *to, const char *name, struct arena *arena, struct err *err);

/* ERR_ARGUMENT: an option, by its key in the object, is another than before; `folder` holds what was begun. */
int same_run_check(
    const struct json_t *now, const struct json_t *before, const char *folder, struct err *err);

/* Adds the lines of a text file that hold something, trimmed; one that begins with '#' is a comment. */
int list_read(struct strings *out, const char *path, struct err *err);

/* ERR_FORMAT where text, the line or label of that number, is not UTF-8. */
int list_check_utf8(const char *text, const char *what, size_t number, struct err *err);

/* label_list_read with all that a data set or a file repeats, so that rows are the lines of it. */
int label_list_read_all(struct strings *labels, const char *value, struct err *err);

/* ERR_ARGUMENT: there are none, or one has no place for a label. */
int templates_check(const struct strings *templates, struct err *err);

/* Adds the template with the label in every such place. */
int prompt_add(struct strings *prompts, const char *template, const char *label, struct err *err);

/* Leaves out labels that came before, and reports them as those of `path`. */
int labels_drop_repeated(struct strings *labels, const char *path, const struct job *job, struct err *err);

/* Adds the pictures of an archive as picture_list_name does. `visit` sees every member that can be read before it is known
 * what it is, with `picture` SIZE_MAX, and what it has *taken is neither picture nor passed over; and every picture with its
 * number in the list. A return of non-zero ends it. NULL: nobody does. */
typedef int shard_visit(void *context, bool *taken, struct shard *shard, const struct shard_entry *entry,
    size_t picture, struct err *err);
int picture_list_shard(struct picture_list *list, const char *path, const struct excludes *excludes,
    shard_visit *visit, void *context, const struct job *job, struct err *err);

/* Sets the request's error to a copy of the reason. */
int rank_request_fail(
    struct rank_requests *requests, struct rank_request *request, const char *reason, struct err *err);

/* rank_rows with an intercept (count) a row, which is added to its dot product; NULL: none. */
void rank_rows_offset(struct prediction *best, size_t top, const float *embedding, const float *rows,
    const float *intercepts, size_t count, size_t width, struct score_rule score);

#endif
