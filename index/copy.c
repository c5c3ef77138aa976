// SPDX-License-Identifier: Apache-2.0
#include "index/copy.h"

#include <stddef.h>

const struct copy_column copy_columns[COPY_COLUMNS] = {
    {"id", COPY_BIGINT, offsetof(struct index_item, id)},
    {"kind", COPY_KIND, offsetof(struct index_item, kind)},
    {"path", COPY_TEXT, offsetof(struct index_item, path)},
    {"size", COPY_BIGINT, offsetof(struct index_item, size)},
    {"mtime_ns", COPY_BIGINT, offsetof(struct index_item, mtime_ns)},
    {"width", COPY_INTEGER, offsetof(struct index_item, width)},
    {"height", COPY_INTEGER, offsetof(struct index_item, height)},
    {"caption", COPY_TEXT, offsetof(struct index_item, caption)},
    {"picture", COPY_TEXT, offsetof(struct index_item, picture)},
    {"hash", COPY_TEXT, offsetof(struct index_item, hash)},
    {"taken", COPY_TEXT, offsetof(struct index_item, taken)},
    {"camera", COPY_TEXT, offsetof(struct index_item, camera)},
    {"lens", COPY_TEXT, offsetof(struct index_item, lens)},
    {"lat", COPY_DOUBLE, offsetof(struct index_item, lat)},
    {"lon", COPY_DOUBLE, offsetof(struct index_item, lon)},
    {"metadata", COPY_JSONB, offsetof(struct index_item, metadata)},
};

const char copy_embedding[] = "embedding";
