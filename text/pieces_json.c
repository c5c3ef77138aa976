// SPDX-License-Identifier: Apache-2.0
/* The vocabulary of a tokenizer.json, scanned and not parsed: it may be some 50 MB. */
#include "text/pieces.h"
#include "text/scan.h"

#include <stdlib.h>

/* [["<unk>", 0.0], ["▁a", -3.2], ...], by id */
static int read_scores(struct pieces *pieces, struct scan *scan, struct err *err)
{
    bool more;
    int64_t id = 0;
    int rc = scan_enter(scan, '[', err);
    while (!rc && !(rc = scan_next(scan, &more, err)) && more) {
        struct span text;
        double score;
        if ((rc = scan_enter(scan, '[', err)) || (rc = scan_string(scan, &text, err)) ||
            (rc = scan_next(scan, &more, err)) || (rc = scan_number(scan, &score, err)) ||
            (rc = pieces_put(pieces, id++, text, score, PIECE_NORMAL, err)) ||
            (rc = scan_next(scan, &more, err)))
            break;
        if (more)
            rc = err_set(err, ERR_FORMAT, "a token has more than a text and a score");
    }
    return rc;
}

/* {"<pad>": 0, ...} */
static int read_ids(struct pieces *pieces, struct scan *scan, struct err *err)
{
    bool more;
    int rc = scan_enter(scan, '{', err);
    while (!rc && !(rc = scan_next(scan, &more, err)) && more) {
        struct span text;
        double id = -1;
        if ((rc = scan_key(scan, &text, err)))
            break;
        /* a text with escapes lies in the scan only until the number is read, which needs none */
        if ((rc = scan_number(scan, &id, err)))
            break;
        rc = pieces_put(pieces, id == (double)(int32_t)id ? (int32_t)id : -1, text, 0, PIECE_NORMAL, err);
    }
    return rc;
}

int pieces_read_json(struct pieces *pieces, struct span list, struct err *err)
{
    struct scan scan = {.text = list};
    int rc;
    if (!list.data)
        return err_set(err, ERR_FORMAT, "the model has no vocab");
    rc = *list.data == '[' ? read_scores(pieces, &scan, err) : read_ids(pieces, &scan, err);
    free(scan.unescaped);
    if (!rc && !pieces->count)
        rc = err_set(err, ERR_FORMAT, "it is empty");
    if (rc)
        err_wrap(err, "model.vocab");
    return rc;
}
