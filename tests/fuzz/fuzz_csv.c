// SPDX-License-Identifier: Apache-2.0
#include "base/base.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static char *written(size_t *size, const struct strings *fields)
{
    char *bytes = NULL;
    FILE *file = open_memstream(&bytes, size);
    FUZZ_CHECK(file);
    for (size_t i = 0; i < fields->count; i++) {
        fputs(i ? ",\"" : "\"", file);
        for (const char *c = fields->items[i]; *c; c++)
            fputs(*c == '"' ? "\"\"" : (char[]){*c, '\0'}, file);
        fputc('"', file);
    }
    FUZZ_CHECK(!fclose(file));
    return bytes;
}

/* A record comes back when it is written with quotes around every field. */
static void check_record(const struct strings *fields)
{
    struct strings again = {0};
    struct csv csv;
    size_t size;
    char *bytes = written(&size, fields);
    FUZZ_CHECK(!csv_init(&csv, bytes, size, NULL) && !csv_record(&again, &csv, NULL));
    FUZZ_CHECK(csv.at == csv.end && fields->count == again.count);
    for (size_t i = 0; i < fields->count; i++)
        FUZZ_CHECK(!strcmp(fields->items[i], again.items[i]));
    csv_release(&csv);
    strings_release(&again);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct csv csv;
    struct err err = {0};
    bool ok = !memchr(data, '\0', size);
    FUZZ_CHECK(!csv_init(&csv, (const char *)data, size, NULL));
    while (ok && csv.at < csv.end) {
        struct strings fields = {0};
        const char *before = csv.at;
        ok = !csv_record(&fields, &csv, &err);
        FUZZ_CHECK(csv.at > before && csv.at <= csv.end);
        if (ok)
            check_record(&fields);
        else
            FUZZ_CHECK(err.code == ERR_FORMAT && err.msg[0]);
        strings_release(&fields);
    }
    csv_release(&csv);
    return 0;
}
