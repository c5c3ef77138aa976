// SPDX-License-Identifier: Apache-2.0
#include "cli/index_sources.h"
#include "cli/text.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

const char *const source_names[SOURCE_KINDS] = {"pictures", "texts", "captions", "metadata"};

bool sources_any(const struct sources *sources)
{
    for (int kind = 0; kind < SOURCE_KINDS; kind++)
        if (sources->paths[kind].count)
            return true;
    return false;
}

int sources_recall(struct sources *sources, struct index *index, struct err *err)
{
    int rc = 0;
    for (int kind = 0; kind < SOURCE_KINDS && !rc; kind++)
        rc = index_sources(&sources->paths[kind], index, source_names[kind], err);
    return rc;
}

int sources_remember(const struct sources *sources, struct index *index, struct err *err)
{
    int rc = 0;
    for (int kind = 0; kind < SOURCE_KINDS; kind++)
        for (size_t i = 0; i < sources->paths[kind].count && !rc; i++)
            rc = index_source_add(index, source_names[kind], sources->paths[kind].items[i], err);
    return rc ? rc : index_commit(index, err);
}

static int check_files(struct strings *files, bool remembered, size_t *failed, struct err *err)
{
    size_t kept = 0;
    for (size_t i = 0; i < files->count; i++) {
        struct err why;
        if (!access(files->items[i], R_OK)) {
            files->items[kept++] = files->items[i];
            continue;
        }
        err_set(&why, ERR_IO, "unable to open '%s': %s", files->items[i], strerror(errno));
        if (!remembered)
            return err_set(err, ERR_IO, "%s", why.msg);
        message("%s", why.msg);
        ++*failed;
    }
    files->count = kept;
    return 0;
}

int sources_check(struct sources *sources, bool remembered, size_t *failed, struct err *err)
{
    int rc = 0;
    for (int kind = SOURCE_TEXTS; kind < SOURCE_KINDS && !rc; kind++)
        rc = check_files(&sources->paths[kind], remembered, failed, err);
    return rc;
}

void sources_release(struct sources *sources)
{
    for (int kind = 0; kind < SOURCE_KINDS; kind++)
        strings_release(&sources->paths[kind]);
}
