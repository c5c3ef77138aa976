// SPDX-License-Identifier: Apache-2.0
/*
 * Inside joint/train: the minimum of a smooth function of many variables by L-BFGS, as L-BFGS-B 3.0 finds it where nothing
 * is bounded (Zhu, Byrd, Lu and Nocedal 1997, ACM TOMS 23:550; Morales and Nocedal 2011), so that the same function gives the
 * steps that SciPy's "L-BFGS-B" takes, up to rounding.
 *
 * Whoever minimises evaluates, so that several functions can be evaluated in one product:
 *
 *     struct lbfgs l;
 *     rc = lbfgs_init(&l, x, count, &options, err);      x: where to begin
 *     do
 *         l.value = f(l.x), gradient of f at l.x -> l.gradient;
 *     while (lbfgs_next(&l));                            x: the best there is
 */
#ifndef DIPTYCH_JOINT_PROBE_LBFGS_H
#define DIPTYCH_JOINT_PROBE_LBFGS_H

#include "base/base.h"

/* ---- one direction ------------------------------------------------------------------------------------- */

/* A step of a line search with its value and slope. */
struct line_point {
    double step, value, slope;
};

/* A search for a step that satisfies the strong Wolfe conditions (Moré and Thuente 1994, ACM TOMS 20:286). */
struct line_search {
    struct line_point start;       /* of step 0 */
    struct line_point best, other; /* the ends of the interval, of which best has the lower value */
    double least, most;            /* steps between which the next one lies */
    double width, width_before;
    double step; /* to be evaluated */
    bool bracketed, descending;
};

enum line_state { LINE_GO_ON, LINE_FOUND, LINE_STUCK };

void line_search_init(struct line_search *search, double value, double slope, double step);

/* With value and slope at search->step: whether that will do, or search->step is another one to be evaluated; stuck: rounding
 * leaves nothing between the ends. */
enum line_state line_search_next(struct line_search *search, double value, double slope);

/* ---- many directions ----------------------------------------------------------------------------------- */

enum { LBFGS_PAIRS = 10 }; /* SciPy's maxcor */

struct lbfgs_options {
    double gradient_tolerance; /* ends when no element of the gradient is larger */
    double value_tolerance;    /* or a step lowers the value by no more, relative to it or to 1 */
    size_t iterations;         /* or after so many steps */
};

enum lbfgs_end {
    LBFGS_GOES_ON,
    LBFGS_GRADIENT,   /* by gradient_tolerance */
    LBFGS_VALUE,      /* by value_tolerance */
    LBFGS_ITERATIONS, /* by iterations */
    LBFGS_STUCK, /* no step lowers the value: it is a minimum as far as rounding tells, or the gradient is wrong */
};

struct lbfgs {
    double *x;        // (count), the caller's
    double *gradient; // (count): the caller's to write
    double value;     /* likewise */
    size_t iterations, evaluations;
    enum lbfgs_end end;

    struct lbfgs_options options;
    size_t count;
    bool begun; /* the first value is there */
    struct line_search search;
    double *from, *from_gradient; // (count): where the search began
    double from_value;
    double *direction;            // (count)
    double *moves, *turns;        // (LBFGS_PAIRS, count): changes of x and of the gradient
    double products[LBFGS_PAIRS]; /* of move and turn */
    size_t pairs, newest;         /* how many there are, and the row of the last */
    double curvature;             /* turn * turn / (move * turn) of the newest; 1 without */
    size_t tried;                 /* steps of this search */
};

/* ERR_MEMORY. Release it also after an error. */
int lbfgs_init(
    struct lbfgs *l, double *x, size_t count, const struct lbfgs_options *options, struct err *err);

/* Whether value and gradient at x are wanted once more. */
bool lbfgs_next(struct lbfgs *l);

void lbfgs_release(struct lbfgs *l);

#endif
