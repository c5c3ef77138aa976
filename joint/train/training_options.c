// SPDX-License-Identifier: Apache-2.0
#include <jansson.h>

#include "joint/train/training.h"

/* Numbers among the options, each by the name that the command line has for it. */
static const struct {
    const char *name;
    size_t offset;
} reals[] = {
    {"rate", offsetof(struct training_options, rate)},
    {"decay", offsetof(struct training_options, decay)},
    {"beta1", offsetof(struct training_options, beta_1)},
    {"beta2", offsetof(struct training_options, beta_2)},
    {"eps", offsetof(struct training_options, eps)},
    {"clip", offsetof(struct training_options, clip)},
    {"smoothing", offsetof(struct training_options, smoothing)},
    {"average", offsetof(struct training_options, average)},
    {"blend", offsetof(struct training_options, blend)},
};

static void add_count(json_t *json, const char *name, uint64_t count)
{
    json_object_set_new(json, name, json_integer((json_int_t)count));
}

static void add_lora(json_t *json, const struct lora_options *lora)
{
    add_count(json, "rank", lora->rank);
    add_count(json, "targets", lora->targets);
    json_object_set_new(json, "lora-alpha", json_real(lora->alpha));
    json_object_set_new(json, "dropout", json_real(lora->dropout));
    json_object_set_new(json, "stabilized", json_boolean(lora->rank_stabilized));
}

static void add_augmentation(json_t *json, const struct augmentation *how)
{
    const double *x = how->jitter;
    json_object_set_new(json, "augment", json_string(how->crops ? "crop" : "none"));
    json_object_set_new(json, "crop-scale", json_pack("[f, f]", how->scale[0], how->scale[1]));
    json_object_set_new(json, "flip", json_real(how->flips));
    json_object_set_new(json, "jitter",
        json_pack(
            "[f, f, f, f]", x[COLOUR_BRIGHTNESS], x[COLOUR_CONTRAST], x[COLOUR_SATURATION], x[COLOUR_HUE]));
    json_object_set_new(json, "jitter-share", json_real(how->jitters));
    json_object_set_new(json, "grey", json_real(how->greys));
}

/* How pictures are read, where the user says it, so that a run from before this was looked at can go on. */
static void add_pictures(json_t *json, const struct loader_options *loader)
{
    const struct picture_options *picture = &loader->picture;
    const struct {
        const char *name;
        bool said;
    } flags[] = {
        {"fast-decode", loader->fast_decode},
        {"no-exif", picture->ignore_exif},
        {"strict", picture->strict},
        {"truncated", picture->truncated},
    };
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (flags[i].said)
            json_object_set_new(json, flags[i].name, json_true());
    if (picture->max_pixels)
        add_count(json, "max-pixels", picture->max_pixels);
    if (picture->max_bytes)
        add_count(json, "max-bytes", picture->max_bytes);
}

/* Each kind by its own name, as in runs that go on; but for one that is called as an option is and would take
 * its place. */
static void add_open_kinds(json_t *json, const struct strings *kinds)
{
    enum { LONGER_THAN_OPTIONS = 64 };
    for (size_t i = 0; kinds && i < kinds->count; i++) {
        const char *kind = kinds->items[i];
        char other[LONGER_THAN_OPTIONS];
        snprintf(other, sizeof other, "open %s", kind);
        json_object_set_new(json, json_object_get(json, kind) ? other : kind, json_string("open"));
    }
}

struct json_t *training_options_json(const struct training_options *options, const struct training_plan *plan,
    const struct training_set *set, const char *model, const struct device *device)
{
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:b, s:i}", "model", model,
        "set of pictures and captions", set->hash, "gemm", device_gemm(device), "precision",
        precision_name(device_precision(device)), "device", device_name(device), "recompute",
        options->recomputes, "draws alike", options->draws_alike, "fresh", options->fresh, "alpha",
        (int)options->loader.alpha);
    if (!json)
        return NULL;
    if (options->held)
        json_object_set_new(json, "set of held-out pictures", json_string(options->held->hash));
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++)
        json_object_set_new(
            json, reals[i].name, json_real(*(const double *)((const char *)options + reals[i].offset)));
    add_count(json, "steps", plan->steps);
    add_count(json, "warmup", plan->warmup);
    add_count(json, "batch", options->loader.batch);
    add_count(json, "chunk", options->chunk);
    if (options->each > 1) /* so that a run from before there was a choice can go on */
        add_count(json, "each", options->each);
    add_count(json, "seed", options->seed);
    json_object_set_new(json, "part", json_string(trained_what_is[options->what].name));
    if (options->what == TRAINED_LORA)
        add_lora(json, &options->lora);
    add_augmentation(json, &options->augmentation);
    add_count(json, "patience", options->patience);
    add_count(json, "validate", plan->validate);
    add_pictures(json, &options->loader);
    add_open_kinds(json, options->open_kinds); /* when all options have their names */
    return json;
}
