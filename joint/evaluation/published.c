// SPDX-License-Identifier: Apache-2.0
/* What others have published of models on data sets, from assets/datasets/published.tsv. */
#include "joint/evaluation/evaluation.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "published_file.h" /* made by CMake */

static const char source[] = "open_clip, docs/openclip_results.csv";

/* Whether a name of open_clip's is the row's, with architecture and tag in either order. */
static bool is_model(struct span row, const char *name)
{
    const char *slash = strchr(name, '/'), *of_row = memchr(row.data, '/', row.length);
    if (!slash || strlen(name) != row.length)
        return false;
    const struct span first = {name, (size_t)(slash - name)}, second = span_of(slash + 1);
    const struct span architecture = {row.data, (size_t)(of_row - row.data)},
                      tag = span_from(row, architecture.length + 1);
    return (span_equal(first, architecture) && span_equal(second, tag)) ||
           (span_equal(first, tag) && span_equal(second, architecture));
}

/* The next field of a line, without its tab. */
static struct span take_field(struct span *line)
{
    const char *tab = memchr(line->data, '\t', line->length);
    const struct span field = {line->data, tab ? (size_t)(tab - line->data) : line->length};
    *line = span_from(*line, field.length + !!tab);
    return field;
}

/* Adds a name to a list that ends with "..." where there is no more room. */
static void list_add(char *list, size_t room, struct span name)
{
    const size_t used = strlen(list);
    if (used + name.length + 8 < room)
        snprintf(list + used, room - used, "%s%.*s", used ? ", " : "", (int)name.length, name.data);
    else if (used < 3 || strcmp(list + used - 3, "..."))
        snprintf(list + used, room - used, ", ...");
}

int published_find(struct published *out, const char *model, const char *data_set, struct err *err)
{
    struct span rest = span_of(published_file[0].text);
    char models[1024] = "", sets[256] = "", last[64] = "";
    *out = (struct published){.source = source};
    while (rest.length) {
        const char *end = memchr(rest.data, '\n', rest.length);
        struct span line = {rest.data, (size_t)(end - rest.data)};
        rest = span_from(rest, line.length + 1);
        if (*line.data == '#')
            continue;
        const struct span set = take_field(&line), pictures = take_field(&line), name = take_field(&line);
        if (!span_equal(set, span_of(last)))
            list_add(sets, sizeof sets, set);
        snprintf(last, sizeof last, "%.*s", (int)set.length, set.data);
        if (!span_equal(set, span_of(data_set)))
            continue;
        list_add(models, sizeof models, name);
        if (is_model(name, model)) {
            snprintf(out->model, sizeof out->model, "%.*s", (int)name.length, name.data);
            out->pictures = strtoul(pictures.data, NULL, 10);
            out->acc1 = strtod(line.data, NULL);
        }
    }
    if (out->pictures)
        return 0;
    if (!*models)
        return err_set(
            err, ERR_NOT_FOUND, "nothing published is known of a data set '%s'; there is %s", data_set, sets);
    return err_set(
        err, ERR_NOT_FOUND, "nothing published is known of '%s' on %s; there is %s", model, data_set, models);
}

double published_errors(const struct published *published, double acc1, size_t pictures)
{
    return (acc1 - published->acc1) / sqrt(published->acc1 * (1 - published->acc1) / (double)pictures);
}
