// SPDX-License-Identifier: Apache-2.0
/* What a model forgets while it is trained: how it does on other pictures before, and how what is written of it does. */
#include "cli/data_set.h"
#include "cli/text.h"
#include "cli/train.h"

int train_forgotten_read(
    struct train_forgotten *f, const struct train_request *request, const struct job *job, struct err *err)
{
    const struct labelled_options options = {
        .excludes = &request->exclude.excludes, .part = DATA_PART_MEASURED};
    f->path = request->forgetting;
    const int rc = f->path ? labelled_pictures_read(&f->pictures, &f->path, 1, &options, job, err) : 0;
    if (rc)
        err_wrap(err, "forgetting");
    return rc;
}

/* An adapter that is trained on is a part of where it begins; one that was trained is all that was written. */
static struct zero_shot_question question_of(
    const struct train_forgotten *f, const struct train_request *request, bool after)
{
    const struct training_options *options = &request->options;
    const bool adapter = options->what == TRAINED_LORA;
    const char *const *one = after ? &options->out : &options->adapter;
    struct zero_shot_question question = {
        .model = after && !adapter ? options->out : request->session.directory,
        .pictures = &f->pictures,
        .loader = &request->session.loader_options};
    if (adapter && *one)
        question.adapters = (struct adapters){one, 1};
    else if (!after)
        question.adapters = request->session.adapters;
    return question;
}

int train_forgotten_before(
    struct train_forgotten *f, const struct train_request *request, const struct job *job, struct err *err)
{
    const struct zero_shot_question question = question_of(f, request, false);
    return f->path ? zero_shot_measure(&f->before, &question, request->session.device, job, err) : 0;
}

int train_forgotten_after(
    struct train_forgotten *f, const struct train_request *request, const struct job *job, struct err *err)
{
    const struct zero_shot_question question = question_of(f, request, true);
    struct job silent = *job; /* pictures that cannot be read were reported */
    silent.report = NULL;
    return f->path ? zero_shot_measure(&f->after, &question, request->session.device, &silent, err) : 0;
}

void train_forgotten_release(struct train_forgotten *f)
{
    labelled_pictures_release(&f->pictures);
}
