// SPDX-License-Identifier: Apache-2.0
/*
 * Which files of a repository a model is, private to joint/hub. All lie at its top:
 *
 *     layout        configuration           weights, the first that there is
 *     transformers  config.json             model.safetensors, model.safetensors.index.json and its shards,
 *                                           pytorch_model.bin, pytorch_model.bin.index.json and its shards
 *     open_clip     open_clip_config.json   open_clip_model.safetensors, open_clip_pytorch_model.safetensors,
 *                                           open_clip_pytorch_model.bin
 *
 * and of either the tokenizer's files and, of transformers, how pictures are prepared.
 */
#ifndef DIPTYCH_HUB_FILES_H
#define DIPTYCH_HUB_FILES_H

#include "base/base.h"

enum hub_part { PART_CONFIG, PART_OTHERS, PART_WEIGHTS };

/* Whether there is a file of that name. */
typedef bool files_has(void *context, const char *name);

/* The names of a part's files that there are, which NULL ends, borrowed from a table: all of the first two parts, one
 * of the weights. */
enum { PART_FILES_MAX = 24 };
void hub_files_list(const char *out[PART_FILES_MAX], enum hub_part part, files_has *has, void *context);

/* What a model needs and is not among them: "configuration", "weights" or "tokenizer"; NULL: nothing. */
const char *hub_files_missing(files_has *has, void *context);

/* Whether a folder has a tokenizer's files. */
bool hub_folder_tokenizes(const char *directory);

/* What a model needs and a folder has not, whose shards are looked for too. */
const char *hub_folder_missing(const char *directory);

/* Whether the file has no tensors itself, but the names of the files that do. */
bool hub_is_index(const char *name);

/* Adds these names. ERR_FORMAT: it is no such file, or a name is no plain one; the errors of json_read. */
int hub_shards_read(struct strings *out, const char *path, struct err *err);

/* Whether it names a file in a folder and nothing else: no '/', no '.' in front. */
bool hub_file_name_valid(const char *name);

#endif
