// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/json.h"
#include "cli/options.h"
#include "cli/plan_speed.h"
#include "cli/text.h"
#include "index/index.h"
#include "joint/joint.h"

#include <math.h>
#include <stdlib.h>

enum { TASKS_MAX = 1000000 };
static const double pictures_max = 1e12, speed_max = 1e9;

struct plan {
    struct session session;
    double pictures, speed;           /* 0: not said */
    struct picture_arguments samples; /* to measure the speed with */
    struct measured_speed measured;   /* where it is not said */
    size_t tasks;
    int storage, format;
};

/* ---- options ------------------------------------------------------------------------------------------- */

enum { KEY_SPEED = 0x100, KEY_STORAGE, KEY_TASKS };

static const struct argp_option options[] = {
    {"format", 'f', "table|json", 0, "How to print it (default: table)", 0},
    {"speed", KEY_SPEED, "N", 0, "Pictures a second of one task (default: what this machine does)", 0},
    {"storage", KEY_STORAGE, "f32|f16|i8", 0, "How the index keeps vectors (default: f16)", 0},
    {"tasks", KEY_TASKS, "N", 0, "Shards, each made by a task of its own (default: 1)", 0},
    {0},
};

/* 1000000 or 1e6. */
static double parse_pictures(struct argp_state *state, const char *argument)
{
    char *end;
    const double number = strtod(argument, &end);
    if (end == argument || *end || !(number >= 1 && number <= pictures_max) || number != floor(number))
        argp_error(state, "PICTURES is a number from 1 to %g, not '%s'", pictures_max, argument);
    return number;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct plan *plan = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &plan->samples.exclude;
        state->child_inputs[1] = &plan->session;
        state->child_inputs[2] = &plan->session.quiet;
        return 0;
    case 'f':
        plan->format = option_choice(state, "format", argument);
        return 0;
    case KEY_SPEED:
        plan->speed = option_real(state, "speed", argument, 1e-6, speed_max);
        return 0;
    case KEY_STORAGE:
        plan->storage = option_choice(state, "storage", argument);
        return 0;
    case KEY_TASKS:
        plan->tasks = option_number(state, "tasks", argument, 1, TASKS_MAX);
        return 0;
    case ARGP_KEY_ARGS:
        plan->pictures = parse_pictures(state, state->argv[state->next++]);
        picture_arguments_take(&plan->samples, state);
        return 0;
    case ARGP_KEY_END:
        if (plan->pictures == 0)
            argp_error(state, "say how many pictures there are");
        if (plan->speed != 0 && plan->samples.count)
            argp_error(state, "--speed is instead of measuring with '%s'", plan->samples.paths[0]);
        if ((double)plan->tasks > plan->pictures)
            argp_error(state, "there are more tasks than pictures");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    {&exclude_argp, 0, NULL, 0}, {&session_argp, 0, NULL, 0}, {&common_argp, 0, "", -1}, {0}};

const struct argp plan_argp = {
    .options = options,
    .parser = parse,
    .args_doc = "PICTURES [PATH...]",
    .doc =
        "Say what an index of so many pictures will take, made in shards: hours, memory, bytes on disks.\n\n"
        "  diptych plan 1e9 --speed 250 --tasks 500\n"
        "  diptych plan 1e9 /shared/shards/00000.tar --tasks 500\v"
        "Without --speed this machine is a task: it reads, decodes and encodes the first pictures of PATH, "
        "some "
        "seconds of them, or without any it encodes made-up ones, which is the most there can be: reading "
        "and decoding take "
        "their time as well. speed_is says which. With --speed no OpenCL device is needed, and no weights "
        "are read.\n\n"
        "A task has the pictures of the largest shard, if shards are of one size. Its scratch holds the "
        "shard, on a "
        "local disk; its weights, of float32, are the least of its memory. The disk that all share holds "
        "shards and "
        "index while these are merged, and the index later. A search reads the codes of all pictures: it "
        "is at its "
        "best where they fit in memory. Vectors and codes are exact; the catalog is of pictures with "
        "captions of ten "
        "words and a link.",
    .children = children,
    .help_filter = options_help_filter,
};

/* ---- the plan ------------------------------------------------------------------------------------------ */

static json_int_t sum(struct index_size size)
{
    return (json_int_t)(size.vectors + size.codes + size.catalog);
}

/* NULL: the speed was said. */
static json_t *measured_json(const struct plan *plan)
{
    const struct measured_speed *measured = &plan->measured;
    const struct session *session = &plan->session;
    if (!measured->pictures)
        return NULL;
    return json_pack("{s:s, s:I, s:I, s:f, s:s, s:s, s:s, s:I}", "of",
        measured->read ? "reading, decoding, encoding" : "encoding made-up pictures", "pictures",
        (json_int_t)measured->pictures, "failed", (json_int_t)measured->failed, "seconds", measured->seconds,
        "device", device_name(session->device), "gemm", device_gemm(session->device), "precision",
        precision_name(device_precision(session->device)), "batch",
        (json_int_t)session->loader_options.batch);
}

static json_t *make_report(const struct plan *plan, const char *model, const struct model_config *config)
{
    const size_t width = config->vision.embed_width;
    const enum index_storage storage = (enum index_storage)plan->storage;
    const int64_t pictures = (int64_t)plan->pictures, tasks = (int64_t)plan->tasks;
    const int64_t shard = pictures / tasks + (pictures % tasks != 0), larger = pictures % tasks;
    const struct index_size all = index_size(pictures, width, storage);
    const struct index_size large = index_size(shard, width, storage);
    const struct index_size small = index_size(pictures / tasks, width, storage);
    const json_int_t shards = larger * sum(large) + (tasks - larger) * sum(small);
    json_t *task = json_pack("{s:I, s:f, s:I, s:I}", "pictures", (json_int_t)shard, "hours",
        (double)shard / plan->speed / 3600, "scratch_bytes", sum(large), "weights_bytes",
        (json_int_t)(model_config_params(config) * sizeof(float)));
    json_t *index = json_pack("{s:I, s:I, s:I, s:I}", "vectors_bytes", (json_int_t)all.vectors, "codes_bytes",
        (json_int_t)all.codes, "catalog_bytes", (json_int_t)all.catalog, "bytes", sum(all));
    return json_pack("{s:o, s:I, s:f, s:s, s:o*, s:I, s:s, s:I, s:f, s:o, s:o, s:I, s:I}", "model",
        json_text(model), "embedding", (json_int_t)width, "speed", plan->speed, "speed_is",
        plan->measured.pictures ? "measured" : "given", "measured", measured_json(plan), "pictures",
        (json_int_t)pictures, "storage", index_storage_names[storage], "tasks", (json_int_t)tasks, "hours",
        plan->pictures / plan->speed / 3600, "task", task, "index", index, "merging_bytes", shards + sum(all),
        "searching_bytes", (json_int_t)(all.codes ? all.codes : all.vectors));
}

static int run(struct plan *plan, struct err *err)
{
    struct model_config config;
    const char *directory;
    int rc = model_directory(&directory, plan->session.model_options.directory, &plan->session.arena, err);
    if (!rc)
        rc = model_config_read(&config, directory, err);
    if (!rc && plan->speed == 0) {
        rc = speed_measure(&plan->measured, &plan->session, &plan->samples, err);
        plan->speed = plan->measured.per_second;
    }
    if (!rc)
        rc = report_print("plan/1", make_report(plan, directory, &config), plan->format, err);
    session_close_model(&plan->session); /* what it knows of the pictures does not matter */
    return rc;
}

int cmd_plan(int argc, char **argv)
{
    struct plan plan = {.tasks = 1, .storage = INDEX_F16};
    struct err err = {0};
    options_parse(&plan_argp, argc, argv, &plan);
    session_begin(&plan.session);
    const int rc = run(&plan, &err);
    strings_release(&plan.samples.exclude.excludes.patterns);
    return session_close(&plan.session, "plan", rc, &err);
}
