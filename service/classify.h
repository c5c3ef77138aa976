// SPDX-License-Identifier: Apache-2.0
/* Inside service: the labels and templates of a body. */
#ifndef DIPTYCH_SERVICE_CLASSIFY_H
#define DIPTYCH_SERVICE_CLASSIFY_H

#include "service/classes.h"

/* A text or a list of texts; `name` is what messages call it. ERR_ARGUMENT, ERR_LIMIT, ERR_MEMORY. */
int classes_read_labels(struct strings *out, const json_t *value, const char *name, struct err *err);

/* The same, as template_add takes them; `otherwise` where it is absent or null. */
int classes_read_templates(
    struct strings *out, const json_t *value, const char *name, const char *otherwise, struct err *err);

#endif
