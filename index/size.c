// SPDX-License-Identifier: Apache-2.0
#include "index/coarse.h"

enum { CATALOG_BYTES = 611 /* a picture: 414 without caption and link */ };

struct index_size index_size(int64_t pictures, size_t width, enum index_storage storage)
{
    return (struct index_size){.vectors = pictures * (int64_t)index_stride(storage, width),
        .codes = pictures < COARSE_LEAST ? 0 : coarse_file_bytes(pictures, width),
        .catalog = pictures * CATALOG_BYTES};
}
