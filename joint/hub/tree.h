// SPDX-License-Identifier: Apache-2.0
/* What a repository has at a commit, as the hub lists it; private to joint/hub. */
#ifndef DIPTYCH_HUB_TREE_H
#define DIPTYCH_HUB_TREE_H

#include "joint/hub/http.h"

/* The files at the top of a repository. Zero-initialise. */
struct hub_tree {
    struct hub_file {
        const char *name;
        uint64_t size;
        const char *checksum; /* as blobs are called; NULL: the list does not say */
    } * items;
    size_t count, room;
    struct arena arena;
};

/* Asks which commit a revision is: 40 hex digits, in the arena. Errors are http_send's, and ERR_FORMAT. */
int hub_commit_ask(const char **commit, struct http *http, struct arena *arena, struct err *err);

/* Asks for all files, page by page. Names come from outside: one that is no plain name is left out. */
int hub_tree_ask(struct hub_tree *out, struct http *http, const char *commit, struct err *err);
const struct hub_file *hub_tree_find(const struct hub_tree *tree, const char *name);
void hub_tree_release(struct hub_tree *tree);

#endif
