// SPDX-License-Identifier: Apache-2.0
/* What the commands below `diptych index` share: each is a file cmd_index_NAME.c, cmd_index.c has their
 * table. */
#ifndef DIPTYCH_CLI_CMD_INDEX_H
#define DIPTYCH_CLI_CMD_INDEX_H

#include "cli/command.h"
#include "cli/options.h"
#include "cli/session.h"
#include "index/index.h"

int cmd_index_build(int argc, char **argv);
int cmd_index_update(int argc, char **argv);
int cmd_index_watch(int argc, char **argv);
int cmd_index_prepare(int argc, char **argv);
int cmd_index_merge(int argc, char **argv);
int cmd_index_import(int argc, char **argv);
int cmd_index_export(int argc, char **argv);
int cmd_index_list(int argc, char **argv);
int cmd_index_info(int argc, char **argv);
int cmd_index_remove(int argc, char **argv);
int cmd_index_relocate(int argc, char **argv);
int cmd_index_verify(int argc, char **argv);
int cmd_index_compact(int argc, char **argv);
int cmd_index_duplicates(int argc, char **argv);
int cmd_index_outliers(int argc, char **argv);
int cmd_index_map(int argc, char **argv);
int cmd_index_cluster(int argc, char **argv);

extern const struct argp index_build_argp, index_update_argp, index_watch_argp, index_prepare_argp,
    index_import_argp, index_export_argp, index_list_argp, index_info_argp, index_remove_argp,
    index_relocate_argp, index_verify_argp, index_compact_argp, index_duplicates_argp, index_outliers_argp,
    index_map_argp, index_cluster_argp, index_merge_argp;

/* For a parser of options, at ARGP_KEY_ARGS and ARGP_KEY_NO_ARGS: takes the remaining arguments, the index and at most
 * `max` more. Where there may be more, the first is the index only if it names one (collection_is_named); else it is
 * the default one, which has to be there but for a command that makes it. */
void index_arguments(struct argp_state *state, const char **path, char ***more, size_t *count, size_t max);
void index_arguments_to_make(
    struct argp_state *state, const char **path, char ***more, size_t *count, size_t max);

/* The default index, or NULL where there is no home for one; whether a path is it; and where it is, the folders that it is
 * to lie in. */
const char *index_default(void);
bool index_is_default(const char *path);
int index_default_make(const char *path, struct err *err);

/* What the parsers of commands that take an INDEX alone end in: the index, and --format where the command
 * has no item_format_argp. */
error_t index_parse(int key, char *argument, struct argp_state *state, const char **path, int *format);

/* --where and --match; and these with --kind. Input: a struct index_filter. */
extern const struct argp words_filter_argp, filter_argp;

/* Says on stderr which options of a filter leave nothing of an index, which the user calls `path`, or that it is empty. */
void message_nothing(const char *path, const struct index *index, const struct index_filter *filter);

/* session_open with the model of the index: collection_model's. */
int session_open_for(struct session *session, const struct index *index, struct err *err);

/* Says what ended a command, "cannot VERB: ...", where rc is not 0; its exit status. */
int index_end(struct index *index, const char *verb, int rc, const struct err *err);

#endif
