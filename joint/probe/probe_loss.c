// SPDX-License-Identifier: Apache-2.0
#include "joint/probe/probe_loss.h"

#include <stdlib.h>
#include <string.h>

/* Pieces, whose sums are apart: enough for many CPUs, with blocks enough each to be worth adding up, and no more than take so
 * many bytes. */
enum { PIECES_MAX = 16, PIECE_BLOCKS = 16, PIECES_BYTES = 256 << 20 };

static size_t padded(size_t count)
{
    return (count + LOSS_LANES - 1) / LOSS_LANES * LOSS_LANES;
}

static size_t values_of(const struct probe_loss *loss)
{
    return loss->kind == PROBE_SOFTMAX ? 1 : loss->classes;
}

/* ---- memory -------------------------------------------------------------------------------------------- */

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static int piece_init(struct loss_piece *piece, const struct probe_loss *loss, struct err *err)
{
    const size_t width = loss->padded_width, classes = loss->padded_classes;
    piece->rows = mem_large(LOSS_ROWS * width * sizeof(double));
    piece->logits = mem_large(LOSS_ROWS * classes * sizeof(double));
    piece->gradient = mem_large(classes * width * sizeof(double));
    piece->values = mem_new(loss->classes, sizeof(double));
    return piece->rows && piece->logits && piece->gradient && piece->values
               ? 0
               : err_memory(err, (LOSS_ROWS + classes) * width * sizeof(double));
}

int probe_loss_init(struct probe_loss *loss, struct err *err)
{
    const size_t blocks = (loss->examples.count + LOSS_ROWS - 1) / LOSS_ROWS;
    size_t elements, bytes;
    loss->padded_classes = padded(loss->classes);
    loss->padded_width = padded(loss->examples.of->width + 1);
    if (!size_mul(&elements, loss->padded_classes, loss->padded_width) ||
        !size_mul(&bytes, elements, sizeof(double)))
        return err_set(err, ERR_LIMIT, "%zu classes of %zu numbers are too many", loss->classes,
            loss->examples.of->width);
    loss->pieces = smaller(smaller(1 + blocks / PIECE_BLOCKS, PIECES_MAX), 1 + PIECES_BYTES / bytes);
    loss->piece = mem_new(loss->pieces, sizeof *loss->piece);
    loss->packed = mem_large(bytes);
    int rc = loss->piece && loss->packed ? 0 : err_memory(err, bytes);
    for (size_t i = 0; i < loss->pieces && !rc; i++)
        rc = piece_init(&loss->piece[i], loss, err);
    return rc;
}

void probe_loss_release(struct probe_loss *loss)
{
    for (size_t i = 0; i < loss->pieces && loss->piece; i++) {
        free(loss->piece[i].rows);
        free(loss->piece[i].logits);
        free(loss->piece[i].gradient);
        free(loss->piece[i].values);
    }
    free(loss->piece);
    free(loss->packed);
    loss->piece = NULL;
    loss->packed = NULL;
}

/* ---- evaluation ---------------------------------------------------------------------------------------- */

static void pack(const struct probe_loss *loss, const double *w)
{
    const size_t width = loss->examples.of->width + 1, panel = loss->padded_width * LOSS_LANES;
    memset(loss->packed, 0, loss->padded_classes * loss->padded_width * sizeof *loss->packed);
    for (size_t k = 0; k < loss->classes; k++)
        for (size_t e = 0; e < width; e++)
            loss->packed[k / LOSS_LANES * panel + e * LOSS_LANES + k % LOSS_LANES] = w[k * width + e];
}

/* Piece i has the blocks i * blocks / pieces to (i + 1) * blocks / pieces. */
static void run_piece(void *context, size_t i)
{
    const struct probe_loss *loss = context;
    struct loss_piece *piece = &loss->piece[i];
    const size_t count = loss->examples.count, blocks = (count + LOSS_ROWS - 1) / LOSS_ROWS;
    const size_t end = (i + 1) * blocks / loss->pieces;
    memset(piece->values, 0, values_of(loss) * sizeof *piece->values);
    memset(piece->gradient, 0, loss->padded_classes * loss->padded_width * sizeof *piece->gradient);
    for (size_t at = i * blocks / loss->pieces; at < end; at++)
        probe_loss_block(loss, piece, at * LOSS_ROWS, smaller(LOSS_ROWS, count - at * LOSS_ROWS));
}

void probe_loss_evaluate(struct probe_loss *loss, const double *w, double *values, double *gradient)
{
    const size_t width = loss->examples.of->width + 1;
    pack(loss, w);
    job_loop(loss->job, loss->pieces, run_piece, loss);
    memset(values, 0, values_of(loss) * sizeof *values);
    memset(gradient, 0, loss->classes * width * sizeof *gradient);
    for (size_t i = 0; i < loss->pieces; i++) {
        const struct loss_piece *piece = &loss->piece[i];
        for (size_t k = 0; k < values_of(loss); k++)
            values[k] += piece->values[k];
        for (size_t k = 0; k < loss->classes; k++)
            for (size_t e = 0; e < width; e++)
                gradient[k * width + e] += piece->gradient[k * loss->padded_width + e];
    }
}
