// SPDX-License-Identifier: Apache-2.0
/* Retrieval of pictures whose vectors indexes have. */
#include "index/index.h"
#include "joint/evaluation/peers.h"
#include "joint/evaluation/retrieval_run.h"

#include <stdlib.h>

enum { AT_ONCE = 256 /* rows that are read together */ };

/* The images of this process. */
struct reading {
    const struct captioned_pictures *pictures;
    const struct indexed_pictures *from;
    const struct job *job;
    size_t *numbers; // (count)
    float *images;   // (count, E)
    size_t count, room, images_room;
};

/* rows (count) of an index, checked; the images come behind those that are there. */
static int read_some(
    struct reading *r, struct index *index, const int64_t *rows, size_t count, struct err *err)
{
    const size_t width = r->from->width, first = r->count - count;
    struct index_item items[AT_ONCE];
    struct arena arena = {0};
    int rc = job_step(r->job, "reading vectors", 0, 0, err);
    if (!rc)
        rc = index_fetch(items, index, rows, count, &arena, err);
    if (!rc)
        rc = array_grow_bytes(&r->images, width * sizeof *r->images, &r->images_room, r->count, err);
    if (!rc)
        rc = index_vectors(r->images + first * width, index, rows, count, err);
    arena_release(&arena);
    return rc;
}

static int read_index(struct reading *r, size_t index, struct err *err)
{
    const struct captioned_pictures *pictures = r->pictures;
    const int64_t before = r->from->before[index], all = index_info(r->from->indexes[index]).rows;
    int64_t rows[AT_ONCE];
    size_t count = 0;
    int rc = 0;
    for (size_t i = 0; i < pictures->count && !rc; i++) {
        rows[count] = pictures->rows[i] - before;
        if (rows[count] < 0 || rows[count] >= all)
            continue;
        rc = array_grow(r->numbers, &r->room, r->count + 1, err);
        if (rc)
            break;
        r->numbers[r->count++] = i;
        if (++count == AT_ONCE) {
            rc = read_some(r, r->from->indexes[index], rows, count, err);
            count = 0;
        }
    }
    return rc || !count ? rc : read_some(r, r->from->indexes[index], rows, count, err);
}

static int read_own(struct reading *r, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < r->from->count && !rc; i++)
        if (r->from->indexes[i])
            rc = peers_blame(r->from->peers, i, read_index(r, i, err), err);
    return peers_agree(r->from->peers, rc, err);
}

int retrieval_evaluate_rows(struct retrieval_evaluation *out, struct encoder *encoder,
    const struct caption_set *set, const struct captioned_pictures *pictures,
    const struct indexed_pictures *from, struct device *device, const struct job *job, struct err *err)
{
    struct reading r = {.pictures = pictures, .from = from, .job = job};
    *out = (struct retrieval_evaluation){.pictures = pictures->count};
    int rc = read_own(&r, err);
    if (!rc)
        rc = retrieval_run(&(struct retrieval_run){.out = out,
                               .encoder = encoder,
                               .set = set,
                               .kept = pictures->images,
                               .count = pictures->count,
                               .width = from->width,
                               .part = {r.images, r.numbers, r.count},
                               .device = device,
                               .peers = from->peers,
                               .job = job},
            err);
    free(r.numbers);
    free(r.images);
    return rc;
}
