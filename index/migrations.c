// SPDX-License-Identifier: Apache-2.0
#include "index/migrations.h"

#include <stddef.h>

const char *const catalog_migrations[] = {TO_FORMAT_2, TO_FORMAT_3, TO_FORMAT_4, TO_FORMAT_5, TO_FORMAT_6,
    TO_FORMAT_7, TO_FORMAT_8, TO_FORMAT_9, TO_FORMAT_10, NULL};
