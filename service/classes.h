// SPDX-License-Identifier: Apache-2.0
/*
 * Inside service: classifiers that are kept from one request to the next.
 *
 * Programs send the same labels with every picture; encoding a thousand of them in eighty templates takes longer than
 * all else. So the last few classifiers are kept, found again by their labels and templates. What a probe has learned is kept
 * beside them, for as long as the service runs.
 */
#ifndef DIPTYCH_SERVICE_CLASSES_H
#define DIPTYCH_SERVICE_CLASSES_H

#include "service/call.h"

struct classes;
struct classes_entry;

/* probe: a file, or NULL. ERR_MEMORY, and probe_load's and probe_check's errors. */
int classes_open(struct classes **out, const char *probe, const struct engine *engine, struct err *err);
void classes_free(struct classes *classes); /* nothing may be taken */

/* The classifier of labels and templates with such scores, made if it is not kept; classes_give_back says when it is not used any
 * more, and may get NULL. ERR_LIMIT: the prompts are too many bytes; else the errors of classifier_open and engine_encode. */
int classes_take(struct classes_entry **out, struct classes *classes, struct engine *engine,
    const struct strings *labels, const struct strings *templates, enum label_scores scores,
    const struct job *job, struct err *err);
const struct classifier *classes_classifier(const struct classes_entry *entry);
void classes_give_back(struct classes *classes, struct classes_entry *entry);

/* The probe's classifier; NULL: there is none. */
const struct classifier *classes_learned(const struct classes *classes);

struct classes *call_classes(const struct call *call);

#endif
