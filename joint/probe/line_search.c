// SPDX-License-Identifier: Apache-2.0
/* The line search of Moré and Thuente 1994; numbers of cases and formulas below are the paper's. */
#include "joint/probe/lbfgs.h"

#include <math.h>

/* L-BFGS-B's parameters: mu and eta of the paper, the smallest relative interval, and the largest step. */
static const double sufficient = 1e-3, flat = 0.9, narrow = 0.1, step_max = 1e10;

void line_search_init(struct line_search *search, double value, double slope, double step)
{
    const struct line_point start = {0, value, slope};
    *search = (struct line_search){.start = start,
        .best = start,
        .other = start,
        .most = 5 * step,
        .width = step_max,
        .width_before = 2 * step_max,
        .step = step,
        .descending = true};
}

/* ---- the next step ------------------------------------------------------------------------------------- */

/* The minimum of the cubic that has the values and slopes of both points. Without a real one, or where it lies beyond b as seen
 * from a, `limit`. */
static double cubic(const struct line_point *a, const struct line_point *b)
{
    const double theta = 3 * (a->value - b->value) / (b->step - a->step) + a->slope + b->slope;
    const double scale = fmax(fabs(theta), fmax(fabs(a->slope), fabs(b->slope)));
    const double inside = theta / scale * (theta / scale) - a->slope / scale * (b->slope / scale);
    double gamma = scale * sqrt(fmax(0, inside));
    if (b->step < a->step)
        gamma = -gamma;
    const double r = (gamma - a->slope + theta) / (gamma - a->slope + gamma + b->slope);
    return a->step + r * (b->step - a->step);
}

/* Of the parabola with a's value and slope and b's value; and of the one with both slopes. */
static double parabola(const struct line_point *a, const struct line_point *b)
{
    const double chord = (a->value - b->value) / (b->step - a->step);
    return a->step + a->slope / (chord + a->slope) / 2 * (b->step - a->step);
}

static double secant(const struct line_point *a, const struct line_point *b)
{
    return b->step + b->slope / (b->slope - a->slope) * (a->step - b->step);
}

/* Case 3: the slope has the same sign and is flatter. The cubic's minimum counts only where it lies beyond `trial`. */
static double extrapolate(const struct line_search *search, const struct line_point *trial)
{
    const struct line_point *best = &search->best;
    const double theta =
        3 * (best->value - trial->value) / (trial->step - best->step) + best->slope + trial->slope;
    const double scale = fmax(fabs(theta), fmax(fabs(best->slope), fabs(trial->slope)));
    double gamma =
        scale * sqrt(fmax(0, theta / scale * (theta / scale) - best->slope / scale * (trial->slope / scale)));
    if (trial->step > best->step)
        gamma = -gamma;
    const double r = (gamma - trial->slope + theta) / (gamma + (best->slope - trial->slope) + gamma);
    const double by_cubic = r < 0 && gamma != 0        ? trial->step + r * (best->step - trial->step)
                            : trial->step > best->step ? search->most
                                                       : search->least;
    const double by_secant = secant(best, trial);
    const bool cubic_nearer = fabs(by_cubic - trial->step) < fabs(by_secant - trial->step);
    double step = cubic_nearer == search->bracketed ? by_cubic : by_secant;
    if (!search->bracketed)
        return fmax(search->least, fmin(search->most, step));
    const double bound = trial->step + 0.66 * (search->other.step - trial->step);
    return trial->step > best->step ? fmin(bound, step) : fmax(bound, step);
}

/* The next step of the interval and the trial inside it, and which two of these three the interval is then. */
static double advance(struct line_search *search, const struct line_point *trial)
{
    const struct line_point *best = &search->best;
    const bool turned = signbit(trial->slope) != signbit(best->slope) && trial->slope != 0;
    double step;
    if (trial->value > best->value) { /* case 1 */
        const double by_cubic = cubic(best, trial), by_parabola = parabola(best, trial);
        step = fabs(by_cubic - best->step) < fabs(by_parabola - best->step)
                   ? by_cubic
                   : by_cubic + (by_parabola - by_cubic) / 2;
        search->bracketed = true;
    } else if (turned) { /* case 2 */
        const double by_cubic = cubic(trial, best), by_secant = secant(best, trial);
        step = fabs(by_cubic - trial->step) > fabs(by_secant - trial->step) ? by_cubic : by_secant;
        search->bracketed = true;
    } else if (fabs(trial->slope) < fabs(best->slope)) { /* case 3 */
        step = extrapolate(search, trial);
    } else { /* case 4 */
        step = search->bracketed          ? cubic(trial, &search->other)
               : trial->step > best->step ? search->most
                                          : search->least;
    }
    if (trial->value > best->value) {
        search->other = *trial;
    } else {
        if (turned)
            search->other = *best;
        search->best = *trial;
    }
    return step;
}

/* The same on f(step) - f(0) - sufficient * step * f'(0), whose minimum satisfies the first condition. */
static double advance_auxiliary(struct line_search *search, struct line_point trial)
{
    const double slope = sufficient * search->start.slope;
    struct line_point *points[] = {&search->best, &search->other, &trial};
    for (int i = 0; i < 3; i++) {
        points[i]->value -= points[i]->step * slope;
        points[i]->slope -= slope;
    }
    const double step = advance(search, &trial);
    for (int i = 0; i < 2; i++) {
        points[i]->value += points[i]->step * slope;
        points[i]->slope += slope;
    }
    return step;
}

/* ---- the search ---------------------------------------------------------------------------------------- */

static bool is_narrow(const struct line_search *search)
{
    return search->bracketed && search->most - search->least <= narrow * search->most;
}

static bool is_outside(const struct line_search *search)
{
    return search->bracketed && (search->step <= search->least || search->step >= search->most);
}

/* The interval shrinks by a third in two steps at least, else it is halved. */
static void set_bounds(struct line_search *search)
{
    const double best = search->best.step, other = search->other.step;
    if (search->bracketed) {
        if (fabs(other - best) >= 0.66 * search->width_before)
            search->step = best + (other - best) / 2;
        search->width_before = search->width;
        search->width = fabs(other - best);
        search->least = fmin(best, other);
        search->most = fmax(best, other);
    } else {
        search->least = search->step + 1.1 * (search->step - best);
        search->most = search->step + 4 * (search->step - best);
    }
    search->step = fmax(0, fmin(step_max, search->step));
    if (is_outside(search) || is_narrow(search))
        search->step = search->best.step;
}

enum line_state line_search_next(struct line_search *search, double value, double slope)
{
    const struct line_point *start = &search->start, trial = {search->step, value, slope};
    const double enough = start->value + search->step * sufficient * start->slope;
    const bool low = value <= enough;
    if (!isfinite(value) || !isfinite(slope))
        return LINE_STUCK;
    if (low && fabs(slope) <= flat * -start->slope)
        return LINE_FOUND;
    if (is_outside(search) || is_narrow(search) ||
        (search->step == step_max && low && slope <= sufficient * start->slope))
        return LINE_STUCK;
    if (low && slope >= 0)
        search->descending = false;
    search->step = search->descending && value <= search->best.value && !low
                       ? advance_auxiliary(search, trial)
                       : advance(search, &trial);
    set_bounds(search);
    return LINE_GO_ON;
}
