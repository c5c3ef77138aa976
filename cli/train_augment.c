// SPDX-License-Identifier: Apache-2.0
/* The options of `diptych train` that say what becomes of pictures: their input is a struct augmentation. */
#include "cli/options.h"
#include "cli/train.h"

#include <stdlib.h>
#include <string.h>

enum { KEY_AUGMENT = 0x200, KEY_CROP_SCALE, KEY_FLIP, KEY_JITTER, KEY_JITTER_SHARE, KEY_GREY };

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "Augmentation:", 3},
    {"augment", KEY_AUGMENT, "none|crop", 0,
        "Take a part of each at random, another one each time, as open_clip does, or none but all of it "
        "(default: crop)",
        3},
    {"crop-scale", KEY_CROP_SCALE, "MIN,MAX", 0, "The share of a picture that a crop takes (default: 0.9,1)",
        3},
    {"flip", KEY_FLIP, "X", 0, "Change left and right of so many of all, 0.5 or so (default: 0)", 3},
    {"jitter", KEY_JITTER, "B,C,S,H", 0,
        "Change brightness, contrast and saturation by up to these shares and hue by this part of its "
        "circle, as torchvision's ColorJitter (default: 0,0,0,0)",
        3},
    {"jitter-share", KEY_JITTER_SHARE, "X", 0, "Of so many of all pictures (default: 0.8)", 3},
    {"grey", KEY_GREY, "X", 0, "Make so many of all grey (default: 0)", 3},
    {0},
};

/* "0.9,1" to `count` numbers, or an exit. */
static void parse_reals(
    const struct argp_state *state, const char *option, double *out, size_t count, const char *argument)
{
    char *end = (char *)argument;
    size_t found = 0;
    for (bool more = true; more && found < count; found++) {
        const char *at = end;
        out[found] = strtod(at, &end);
        if (end == at || !(out[found] >= 0))
            break;
        more = *end == ',' && found + 1 < count;
        end += more;
    }
    if (found < count || *end)
        option_error(state, "--%s takes %zu numbers with commas between, not '%s'", option, count, argument);
}

/* What would change nothing. */
static void check(const struct argp_state *state, const struct augmentation *how)
{
    static const struct augmentation usual = AUGMENTATION;
    if (!how->crops && memcmp(how->scale, usual.scale, sizeof usual.scale))
        option_error(state, "--crop-scale is of --augment crop");
    if (!memcmp(how->jitter, usual.jitter, sizeof usual.jitter) &&
        memcmp(&how->jitters, &usual.jitters, sizeof usual.jitters))
        option_error(state, "--jitter-share is of --jitter, which changes nothing here");
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct augmentation *how = state->input;
    switch (key) {
    case KEY_AUGMENT:
        how->crops = option_choice(state, "augment", argument);
        return 0;
    case KEY_CROP_SCALE:
        parse_reals(state, "crop-scale", how->scale, 2, argument);
        if (how->scale[0] <= 0 || how->scale[0] > how->scale[1] || how->scale[1] > 1)
            option_error(state, "--crop-scale takes two rising shares from above 0 to 1, not '%s'", argument);
        return 0;
    case KEY_FLIP:
        how->flips = option_real(state, "flip", argument, 0, 1);
        return 0;
    case KEY_JITTER:
        parse_reals(state, "jitter", how->jitter, COLOUR_CHANGES, argument);
        if (how->jitter[COLOUR_HUE] > 0.5)
            option_error(state, "--jitter: hue has 0.5 on either side, not %g", how->jitter[COLOUR_HUE]);
        return 0;
    case KEY_JITTER_SHARE:
        how->jitters = option_real(state, "jitter-share", argument, 0, 1);
        return 0;
    case KEY_GREY:
        how->greys = option_real(state, "grey", argument, 0, 1);
        return 0;
    case ARGP_KEY_END:
        check(state, how);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp augment_argp = {.options = options, .parser = parse, .help_filter = options_help_filter};
