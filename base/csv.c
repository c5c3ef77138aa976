// SPDX-License-Identifier: Apache-2.0
#include "base/base.h"

#include <stdlib.h>
#include <string.h>

/* Whether a plain field ends there. */
static bool ends_field(const struct csv *csv, char byte)
{
    return byte == csv->separator || byte == '\r' || byte == '\n';
}

/* Writes a quoted field without its quotes to out, where one that is doubled stands for itself. */
static int quoted(char *out, size_t *length, struct csv *csv, struct err *err)
{
    const size_t first = csv->line;
    bool closed = false;
    for (csv->at++; csv->at < csv->end && !closed; csv->at++) {
        closed = *csv->at == '"' && (csv->at + 1 == csv->end || csv->at[1] != '"');
        csv->at += *csv->at == '"' && !closed;
        csv->line += *csv->at == '\n';
        if (!closed)
            out[(*length)++] = *csv->at;
    }
    if (!closed)
        return err_set(err, ERR_FORMAT, "line %zu: a quote is not closed", first);
    if (csv->at < csv->end && !ends_field(csv, *csv->at))
        return err_set(err, ERR_FORMAT, "line %zu: something stands behind a closed quote", csv->line);
    return 0;
}

static void plain(char *out, size_t *length, struct csv *csv)
{
    while (csv->at < csv->end && !ends_field(csv, *csv->at))
        out[(*length)++] = *csv->at++;
}

/* Goes past a line end, if there is one. */
static void end_line(struct csv *csv)
{
    if (csv->at < csv->end && *csv->at == '\r')
        csv->at++;
    if (csv->at < csv->end && *csv->at == '\n')
        csv->at++;
    csv->line++;
}

int csv_init(struct csv *out, const char *bytes, size_t size, struct err *err)
{
    *out = (struct csv){
        .at = bytes, .end = bytes + size, .line = 1, .separator = ',', .field = mem_new(size + 1, 1)};
    return out->field ? 0 : err_memory(err, size);
}

void csv_release(struct csv *csv)
{
    free(csv->field);
}

int csv_record(struct strings *fields, struct csv *csv, struct err *err)
{
    bool more = csv->at < csv->end;
    int rc = 0;
    if (!more)
        return 0;
    while (more && !rc) {
        size_t length = 0;
        if (csv->at < csv->end && *csv->at == '"')
            rc = quoted(csv->field, &length, csv, err);
        else
            plain(csv->field, &length, csv);
        if (!rc)
            rc = strings_add(fields, csv->field, length, err);
        more = csv->at < csv->end && *csv->at == csv->separator;
        csv->at += more;
    }
    end_line(csv);
    return rc;
}
