// SPDX-License-Identifier: Apache-2.0
/* What of a source of pictures goes in: kept with the source in the index, as JSON. */
#ifndef DIPTYCH_COLLECTION_RULES_H
#define DIPTYCH_COLLECTION_RULES_H

#include "joint/collection/collection.h"

struct folder_rules {
    struct excludes excludes;
    enum pairs pairs; /* PAIRS_ONE, or else each */
};

/* Of {"exclude": ["raw/", ...], "default_excludes": false, "pairs": "one"}, in which each key may be missing, as may all; and such a text, in
 * the arena, "" where no key is needed. ERR_FORMAT: it is something else; ERR_MEMORY. */
int folder_rules_parse(struct folder_rules *out, const char *text, struct err *err);
int folder_rules_text(
    const char **out, const struct folder_rules *rules, struct arena *arena, struct err *err);
void folder_rules_release(struct folder_rules *rules);

/* Those of all sources of pictures, recalled, by path. Release it also after an error. */
struct source_rules {
    struct folder_rules *rules; // (count)
    size_t count;
    struct string_map numbers; /* of these, by path */
};

int source_rules_open(struct source_rules *out, const struct sources *sources, struct err *err);
void source_rules_release(struct source_rules *rules);

/* The nearest source, at `length` of the path or above, that does not leave the path out: the length of its path, and its
 * rules; 0: there is none. folder: the path is one. */
size_t source_rules_holder(const struct source_rules *rules, const struct folder_rules **out,
    const char *path, size_t length, bool folder);

/* Changes the rules of these sources of an index to what is said, as far as it is. Commits. */
int sources_keep_rules(
    const struct sources *said, const struct strings *paths, struct index *index, struct err *err);

#endif
