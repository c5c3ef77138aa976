// SPDX-License-Identifier: Apache-2.0
/*
 * The formats that a catalog has had. Its user_version says which one it is of:
 *
 *   1  the first
 *
 * An index of an earlier format is read without being written to, and becomes one of the latest when it is
 * opened for writing: format.c does both, by the statements that stand here. schema.sql is the latest format
 * whole, for new indexes: what is added here is added there, and tests/index/formats/ gets an index of the
 * format that was the latest until then.
 */
#include "index/store.h"

const char *const catalog_migrations[] = {NULL};
