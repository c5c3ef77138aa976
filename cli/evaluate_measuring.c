// SPDX-License-Identifier: Apache-2.0
/* Retrieval measured of pictures, of an index, or of its shards: what these have in common. */
#include "cli/cmd_index.h"
#include "cli/evaluate.h"
#include "cli/json.h"
#include "cli/pictures.h"
#include "cli/text.h"

#include <stdlib.h>

/* ---- options ------------------------------------------------------------------------------------------- */

enum { KEY_SPLIT = 0x6000, KEY_ALLOW_MISSING };

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "Captions:", 1},
    {"captions", 'c', "FILE", 0, "What people said of the images, any number of captions an image", 1},
    {"split", KEY_SPLIT, "NAME", 0, "The split to take of a file of Karpathy's (default: test)", 1},
    {"allow-missing", KEY_ALLOW_MISSING, NULL, 0, "Leave images out that have no picture", 1},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct measuring *m = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        m->session.model_options.all = &m->common.models;
        state->child_inputs[0] = &m->common;
        return 0;
    case 'c':
        m->captions = option_input(state, argument);
        return 0;
    case KEY_SPLIT:
        m->split = argument;
        return 0;
    case KEY_ALLOW_MISSING:
        m->allow_missing = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&evaluate_options_argp, 0, NULL, 0}, {0}};
const struct argp measuring_argp = {.options = options, .parser = parse, .children = children};

/* ---- captions and pictures ----------------------------------------------------------------------------- */

int measuring_begin(struct measuring *m, struct err *err)
{
    session_begin(&m->session);
    m->models = evaluate_models(&m->common);
    m->scores = mem_new(m->models, sizeof *m->scores);
    m->about = mem_new(m->models, sizeof(json_t *));
    m->sure = mem_new(m->models * RETRIEVAL_RATES, sizeof *m->sure);
    m->values = mem_new(m->models * RETRIEVAL_RATES, sizeof *m->values);
    return m->scores && m->about && m->sure && m->values ? 0 : err_memory(err, m->models * sizeof *m->scores);
}

int measuring_captions(struct measuring *m, struct err *err)
{
    return caption_set_read(&m->set, &m->captions, 1, m->split ? m->split : "test", err);
}

int measuring_found(struct measuring *m, int rc, struct err *err)
{
    m->session.failed = m->pictures.failed;
    if (rc == ERR_NOT_FOUND && !m->allow_missing) {
        const struct err problem = *err;
        err_set(err, rc, "%s; --allow-missing leaves them out", problem.msg);
    }
    if (m->session.quiet || rc)
        return rc;
    progress_clear(&m->session.progress);
    for (size_t i = 0; i < m->pictures.left_out.count; i++)
        message("%s", m->pictures.left_out.items[i]);
    return 0;
}

/* ---- scores -------------------------------------------------------------------------------------------- */

int measuring_take(
    struct measuring *m, size_t model, const struct retrieval_evaluation *result, struct err *err)
{
    m->failed = result->failed;
    progress_clear(&m->session.progress);
    session_say_cut(&m->session, "captions", result->truncated);
    retrieval_rates(&m->values[model * RETRIEVAL_RATES], &result->scores);
    m->about[model] = evaluate_json(&m->session);
    return m->about[model] ? 0 : err_memory(err, 0);
}

static const char *const titles[RETRIEVAL_RATES] = {"image to text R@1", "image to text R@5",
    "image to text R@10", "text to image R@1", "text to image R@5", "text to image R@10"};
static const char *const keys[RETRIEVAL_RATES] = {"image_to_text_R@1", "image_to_text_R@5",
    "image_to_text_R@10", "text_to_image_R@1", "text_to_image_R@5", "text_to_image_R@10"};

static int print(struct measuring *m, struct err *err)
{
    const char *const *names = (const char *const *)m->common.models.items;
    const struct rates rates = {titles, keys, RETRIEVAL_RATES, m->models,
        names ? names : &m->session.directory, m->values, m->sure, m->common.samples, m->common.seed};
    const struct retrieval_report report = {
        .scores = m->scores,
        .about = m->about,
        .rates = &rates,
        .directory = m->place,
        .storage = m->storage,
        .failed = m->failed + m->pictures.failed,
        .without_picture = m->pictures.without_picture,
        .without_captions = m->pictures.without_captions,
    };
    progress_clear(&m->session.progress);
    const int rc = retrieval_print(&report, m->common.format, err);
    output_flush(); /* so that the summary comes last */
    if (!m->session.quiet)
        passed_over_put(&m->pictures.list.passed);
    return rc;
}

int measuring_report(struct measuring *m, const struct job *job, struct err *err)
{
    const int rc =
        retrieval_bootstrap(m->sure, m->scores, m->models, m->common.samples, m->common.seed, job, err);
    return rc ? rc : print(m, err);
}

/* ---- indexes ------------------------------------------------------------------------------------------- */

static int open_model(struct measuring *m, const struct index *index, struct err *err)
{
    m->storage = index_storage_names[index_info(index).storage];
    return session_open_for(&m->session, index, err);
}

int measuring_indexes(struct measuring *m, const struct indexed_pictures *from, const struct index *index,
    struct device *device, const struct job *job, struct err *err)
{
    const struct peers *peers = from->peers;
    struct retrieval_evaluation result = {0};
    int rc = captioned_rows_find(&m->pictures, &m->set, from, m->allow_missing, job, err);
    rc = measuring_found(m, rc, err);
    if (!rc && index)
        rc = open_model(m, index, err);
    if (peers)
        rc = peers->agree(peers->context, rc, err);
    if (!rc)
        rc = retrieval_evaluate_rows(&result, m->session.encoder, &m->set, &m->pictures, from,
            device ? device : m->session.device, job, err);
    m->scores[0] = result.scores;
    if (!index || rc)
        return rc;
    rc = measuring_take(m, 0, &result, err);
    return rc ? rc : measuring_report(m, job, err);
}

/* ---- the end ------------------------------------------------------------------------------------------- */

void measuring_release(struct measuring *m)
{
    for (size_t model = 0; model < m->models; model++) {
        if (m->about)
            json_decref(m->about[model]);
        if (m->scores)
            retrieval_release(&m->scores[model]);
    }
    free(m->values);
    free(m->sure);
    free(m->about);
    free(m->scores);
    strings_release(&m->common.models);
    captioned_pictures_release(&m->pictures);
    caption_set_release(&m->set);
}

int measuring_end(struct measuring *m, int rc, const struct err *err)
{
    const bool indexed = m->storage && !rc;
    const size_t pictures = indexed ? m->scores[0].image_to_text.queries : 0,
                 captions = indexed ? m->scores[0].text_to_image.queries : 0;
    measuring_release(m);
    if (!indexed)
        return session_end(&m->session, "evaluate", rc, err);
    progress_clear(&m->session.progress);
    if (!m->session.quiet) {
        fprintf(stderr, "%zu picture%s of '%s' (%s), %zu caption%s", pictures, plural(pictures), m->place,
            m->storage, captions, plural(captions));
        session_put_rate(&m->session, captions, "captions");
    }
    return session_close(&m->session, "evaluate", rc, err);
}
