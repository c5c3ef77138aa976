// SPDX-License-Identifier: Apache-2.0
#include "service/reader.h"

#include <string.h>
#include <sys/stat.h>
#include <time.h>

void reader_close(struct reader *reader)
{
    index_searcher_free(reader->searcher);
    index_free(reader->index);
    *reader = (struct reader){0};
}

/* Zeros where no file is there. */
static struct file_id catalog_id(const struct reader_place *place)
{
    struct stat st;
    return stat(place->catalog, &st) ? (struct file_id){0} : (struct file_id){st.st_dev, st.st_ino};
}

/* The file is looked at first: if another comes while it is opened, the next refresh sees that. */
int reader_open(struct reader *reader, const struct reader_place *place, bool searches, struct err *err)
{
    *reader = (struct reader){.id = catalog_id(place)};
    int rc = index_open(&reader->index, place->path, INDEX_READ, place->fingerprint, err);
    if (!rc && searches)
        rc = index_searcher_open(&reader->searcher, reader->index, place->device, err);
    if (rc)
        reader_close(reader);
    return rc;
}

/* Whether something else lies at the reader's path by now, or nothing. */
static bool was_replaced(const struct reader *reader, const struct reader_place *place)
{
    const struct file_id id = catalog_id(place);
    return id.device != reader->id.device || id.inode != reader->id.inode;
}

/* What was there just now may be between two renames: then it is waited for, for a moment. */
static int reader_reopen(
    struct reader *reader, const struct reader_place *place, bool searches, bool was_there, struct err *err)
{
    enum { TRIES = 20 };
    const struct timespec pause = {.tv_nsec = 5000000};
    reader_close(reader);
    int rc = reader_open(reader, place, searches, err);
    for (int i = 0; rc && was_there && i < TRIES; i++) {
        nanosleep(&pause, NULL);
        rc = reader_open(reader, place, searches, err);
    }
    return rc && !index_is_there(place->path)
               ? err_set(err, ERR_NOT_FOUND, "the index '%s' is not there any more", place->name)
               : rc;
}

/* Takes what is at the reader's path now. An index that cannot be opened may be one that is still being copied, and where
 * there is none, the next may be about to come: the reader stays as it is meanwhile, for a second where there is none. */
static int reader_replace(
    struct reader *reader, const struct reader_place *place, bool searches, struct err *err)
{
    enum { PATIENCE = 1 /* second */ };
    struct reader next;
    if (!reader_open(&next, place, searches, NULL)) {
        reader_close(reader);
        *reader = next;
        return 0;
    }
    const bool there = index_is_there(place->path);
    if (there || !(reader->missing > 0))
        reader->missing = there ? 0 : time_now();
    if (there || time_now() - reader->missing < PATIENCE)
        return 0;
    return reader_reopen(reader, place, searches, false, err);
}

int reader_refresh(struct reader *reader, const struct reader_place *place, bool searches, struct err *err)
{
    if (reader->index && was_replaced(reader, place))
        return reader_replace(reader, place, searches, err);
    reader->missing = 0;
    const bool was_there = reader->index;
    if (was_there && !index_refresh(reader->index, err))
        return 0;
    return reader_reopen(reader, place, searches, was_there, err);
}
