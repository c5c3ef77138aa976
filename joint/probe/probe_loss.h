// SPDX-License-Identifier: Apache-2.0
/*
 * Inside joint/train: the loss of a linear probe on many examples, and its gradient. With N examples, E numbers each, and a
 * row of W (K, E + 1) a class, whose last element is the intercept,
 *
 *     logits (N, K) = [X (N, E), 1] W^T
 *     PROBE_SOFTMAX  sum over examples i of  v[y_i] * (log sum_k exp(z_ik) - z_iy_i)
 *     PROBE_EACH     for each class k by itself, sum over i of  v_ik * (log(1 + exp(z_ik)) - t_ik z_ik)
 *
 * where an example of PROBE_SOFTMAX has one label, and t_ik is whether it shows class k. v are weights of classes. Neither is divided by N, and there is no penalty: see probe_fit.c.
 *
 * Examples go by in blocks of rows that stay in the cache from the logits to the gradient. Blocks belong to pieces, as many
 * whatever the threads, and each piece has sums of its own, so the same examples give the same bits on any number of threads.
 */
#ifndef DIPTYCH_JOINT_PROBE_PROBE_LOSS_H
#define DIPTYCH_JOINT_PROBE_PROBE_LOSS_H

#include "joint/probe/probe.h"

enum loss_kind { PROBE_SOFTMAX, PROBE_EACH };

struct probe_loss {
    struct example_set examples;
    enum loss_kind kind;
    size_t classes;     /* K */
    size_t first_class; /* the label that row 0 of W is for */
    const double *positive,
        *negative; // (K): weights of examples that show the class, and that do not; NULL: 1

    size_t padded_classes, padded_width; /* multiples of what a product takes at once */
    size_t pieces;
    struct loss_piece *piece; // (pieces)
    double *packed;           // (padded_classes / LOSS_LANES, padded_width, LOSS_LANES): W
    const struct job *job;
};

/* What one piece of the examples adds up to, and room for a block of them. */
struct loss_piece {
    double *rows;     // (LOSS_ROWS, padded_width)
    double *logits;   // (LOSS_ROWS, padded_classes); then by how much probabilities are too high
    double *values;   // (K), or one
    double *gradient; // (padded_classes, padded_width)
};

/* Rows of a block, and of them those that a product does at once; and how many numbers of another row a product takes of, to
 * which classes and widths are padded: 64 bytes. */
enum { LOSS_ROWS = 96, LOSS_TILE = 8, LOSS_LANES = 8 };

/* With all but the sizes and what follows set. Errors: ERR_MEMORY, ERR_LIMIT. Release it also after an error. */
int probe_loss_init(struct probe_loss *loss, struct err *err);
void probe_loss_release(struct probe_loss *loss);

/* values (K), of PROBE_SOFTMAX (1), and gradient (K, E + 1) at w (K, E + 1). */
void probe_loss_evaluate(struct probe_loss *loss, const double *w, double *values, double *gradient);

/* Adds the loss and gradient of examples [first, first + count), LOSS_ROWS at most, to the piece. */
void probe_loss_block(const struct probe_loss *loss, struct loss_piece *piece, size_t first, size_t count);

#endif
