// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/output.h"
#include "cli/score.h"
#include "cli/text.h"
#include "joint/evaluation/evaluation.h"

#include <stdio.h>
#include <stdlib.h>

/* What has been read and computed. */
struct score {
    struct score_request request;
    struct caption_set references, *candidates; // (systems)
    struct document_frequency *df;
    struct caption_pairs pairs;
    struct caption_scores *scores;     // (systems)
    struct bootstrap_score *intervals; // (systems, METRIC_COUNT)
    size_t systems;
};

/* ---- captions ------------------------------------------------------------------------------------------ */

static int read_captions(struct score *s, struct err *err)
{
    const struct score_request *request = &s->request;
    const char *const *paths = (const char *const *)request->candidates.items;
    int rc = caption_set_read(&s->references, (const char *const *)request->references.items,
        request->references.count, request->split, err);
    for (size_t i = 0; i < s->systems && !rc; i++)
        rc = caption_set_read(&s->candidates[i], &paths[i], 1, request->split, err);
    return rc;
}

static int read_frequencies(struct score *s, struct err *err)
{
    const struct score_request *request = &s->request;
    if (request->df_path) {
        const int rc = document_frequency_load(&s->df, request->df_path, err);
        s->request.options.df = s->df;
        return rc;
    }
    return 0;
}

static int save_frequencies(struct score *s, struct err *err)
{
    const struct job job = session_job(&s->request.session);
    struct document_frequency *df;
    if (!s->request.save_df_path)
        return 0;
    int rc = document_frequency_of(&df, &s->references, &s->request.options, &job, err);
    if (rc)
        return rc;
    rc = document_frequency_save(df, s->request.save_df_path, err);
    document_frequency_free(df);
    return rc;
}

static int join(struct score *s, struct err *err)
{
    const int rc = caption_pairs_join(
        &s->pairs, &s->references, s->candidates, s->systems, s->request.allow_missing, err);
    if (rc == ERR_ARGUMENT && !s->request.allow_missing) {
        const struct err problem = *err;
        err_set(err, rc, "%s; --allow-missing leaves them out", problem.msg);
    }
    if (!rc && s->pairs.unwritten + s->pairs.unreferenced)
        message("left out: %zu image%s without a candidate and %zu without references", s->pairs.unwritten,
            plural(s->pairs.unwritten), s->pairs.unreferenced);
    return rc;
}

/* ---- scores -------------------------------------------------------------------------------------------- */

static int score_pictures_of(
    struct score *s, const struct picture_source *pictures, size_t system, struct err *err)
{
    struct session *session = &s->request.session;
    const struct job job = session_job(session);
    struct clip_scores clip = {0};
    const int rc = clip_score_compute(&clip, session->encoder, session->loader, pictures,
        s->pairs.systems[system], s->pairs.count, &job, err);
    progress_clear(&session->progress);
    if (rc)
        return rc;
    session_say_cut(session, "captions", clip.truncated);
    caption_scores_take(&s->scores[system], METRIC_CLIPSCORE, &clip.clip);
    caption_scores_take(&s->scores[system], METRIC_REFCLIPSCORE, &clip.with_references);
    clip_scores_release(&clip);
    return 0;
}

static int score_all_pictures(struct score *s, struct err *err)
{
    const struct job job = session_job(&s->request.session);
    struct arena arena = {0};
    struct picture_source *pictures;
    int rc = caption_pictures(&pictures, &arena, s->request.pictures, &s->pairs, &job, err);
    if (!rc)
        rc = session_open(&s->request.session, err);
    if (!rc)
        rc = session_loader(&s->request.session, err);
    for (size_t i = 0; i < s->systems && !rc; i++)
        rc = score_pictures_of(s, pictures, i, err);
    arena_release(&arena);
    return rc;
}

static int score_systems(struct score *s, struct err *err)
{
    const struct job job = session_job(&s->request.session);
    int rc = 0;
    for (size_t i = 0; i < s->systems && !rc; i++)
        rc = caption_scores_compute(
            &s->scores[i], s->pairs.systems[i], s->pairs.count, &s->request.options, &job, err);
    if (!rc && s->request.pictures)
        rc = score_all_pictures(s, err);
    if (!rc && s->request.compare)
        rc = caption_bootstrap(
            s->intervals, s->scores, s->systems, s->request.samples, s->request.seed, &job, err);
    progress_clear(&s->request.session.progress);
    return rc;
}

static bool cuts_without_blanks(enum bleu_tokeniser tokeniser)
{
    return tokeniser == TOKENISE_ZH || tokeniser == TOKENISE_CHAR || tokeniser == TOKENISE_JA_MECAB;
}

/* Numbers that say something else than people think. */
static void say_caveats(const struct score *s)
{
    const struct caption_scores *scores = s->scores;
    const enum bleu_tokeniser tokeniser = s->request.options.sacrebleu.tokeniser;
    if (s->pairs.count == 1 && !s->request.df_path &&
        (scores->images[METRIC_CIDER_D] || scores->images[METRIC_CIDER_PLAIN]))
        message("CIDEr of one image is 0: words weigh by how few of the images have them; --df takes the "
                "weights of a larger set");
    if (scores->images[METRIC_SACREBLEU] && !cuts_without_blanks(tokeniser) &&
        captions_lack_blanks(s->pairs.systems[0], s->pairs.count))
        message("these captions are written without blanks, so that sacreBLEU's words by %s are whole "
                "sentences: --tokenize zh for Chinese, ja-mecab for Japanese, char for others, or --metrics "
                "chrF2",
            bleu_tokenisers[tokeniser]);
}

/* ---- the command --------------------------------------------------------------------------------------- */

static int print_report(const struct score *s, struct err *err)
{
    struct score_report report = {
        .names = (const char *const *)s->request.candidates.items,
        .systems = s->systems,
        .pairs = &s->pairs,
        .scores = s->scores,
        .intervals = s->intervals,
        .verbose = s->request.verbose,
        .signature = score_signature(s->scores, &s->request),
    };
    if (!report.signature)
        return err_memory(err, 0);
    const int rc = s->request.compare ? comparison_print(&report, s->request.format, err)
                                      : score_print(&report, s->request.format, err);
    json_decref(report.signature);
    return rc;
}

static int score_run(struct score *s, struct err *err)
{
    s->systems = s->request.candidates.count;
    s->candidates = mem_new(s->systems + 1, sizeof *s->candidates); /* also where there are none */
    s->scores = mem_new(s->systems + 1, sizeof *s->scores);
    s->intervals = mem_new((s->systems + 1) * METRIC_COUNT, sizeof *s->intervals);
    int rc = s->candidates && s->scores && s->intervals ? 0 : err_memory(err, s->systems * sizeof *s->scores);
    if (!rc)
        rc = read_captions(s, err);
    if (!rc)
        rc = save_frequencies(s, err);
    if (rc || !s->systems)
        return rc;
    rc = read_frequencies(s, err);
    if (!rc)
        rc = join(s, err);
    if (!rc)
        rc = score_systems(s, err);
    if (rc)
        return rc;
    say_caveats(s);
    return print_report(s, err);
}

static void score_release(struct score *s)
{
    for (size_t i = 0; i < s->systems; i++) {
        if (s->scores)
            caption_scores_release(&s->scores[i]);
        if (s->candidates)
            caption_set_release(&s->candidates[i]);
    }
    free(s->intervals);
    free(s->scores);
    free(s->candidates);
    caption_pairs_release(&s->pairs);
    document_frequency_free(s->df);
    caption_set_release(&s->references);
    strings_release(&s->request.candidates);
    strings_release(&s->request.references);
}

int cmd_score(int argc, char **argv)
{
    /* The published numbers are float32's. */
    struct score s = {.request = {.split = "test",
                          .samples = BOOTSTRAP_SAMPLES,
                          .seed = BOOTSTRAP_SEED,
                          .session = {.model_options = {.device = {.precision = "f32"}}}}};
    struct err err = {0};
    options_parse(&score_argp, argc, argv, &s.request);
    session_begin(&s.request.session);

    const int rc = score_run(&s, &err);
    output_flush(); /* so that the summary comes last */
    if (!rc && s.systems && !s.request.session.quiet)
        fprintf(stderr, "%zu image%s, %zu reference%s\n", s.pairs.count, plural(s.pairs.count),
            s.scores[0].references, plural(s.scores[0].references));
    score_release(&s);
    s.request.session.quiet = true; /* that was the summary */
    return session_end(&s.request.session, "score", rc, &err);
}
