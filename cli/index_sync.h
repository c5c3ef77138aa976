// SPDX-License-Identifier: Apache-2.0
/* What bringing an index up to date has done, as build, update and watch say it. */
#ifndef DIPTYCH_CLI_INDEX_SYNC_H
#define DIPTYCH_CLI_INDEX_SYNC_H

#include "joint/collection/collection.h"

/* On stderr: a line of the pictures, and one of whatever else there was. */
void sync_counts_put(const struct sync_counts *counts, const struct model *model);

#endif
