// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzz.h"
#include "text/captions/metric_df.h"

#include <string.h>

static char *written(size_t *size, const struct document_frequency *df)
{
    char *bytes = NULL;
    FILE *file = open_memstream(&bytes, size);
    FUZZ_CHECK(file && !document_frequency_write(df, file, NULL) && !fclose(file));
    return bytes;
}

/* What is accepted, of any format, is written as something that comes back the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct document_frequency *df, *again;
    struct err err = {0};
    if (document_frequency_parse(&df, (const char *)data, size, &err)) {
        FUZZ_CHECK(!df && err.code && err.msg[0]);
        return 0;
    }
    size_t first_size, second_size;
    char *first = written(&first_size, df);
    FUZZ_CHECK(!document_frequency_parse(&again, first, first_size, NULL));
    char *second = written(&second_size, again);
    FUZZ_CHECK(document_frequency_images(df) == document_frequency_images(again));
    FUZZ_CHECK(first_size == second_size && !memcmp(first, second, first_size));
    free(first);
    free(second);
    document_frequency_free(df);
    document_frequency_free(again);
    return 0;
}
